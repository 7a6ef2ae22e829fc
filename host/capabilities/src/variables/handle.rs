//! A component's own variables: the only form in which it ever sees any.

use std::collections::BTreeMap;
use std::sync::Arc;

use stoa_manifest::ComponentId;
use tracing::info;

use super::{Error, Value, name};
use crate::metrics::VARIABLES_REFUSED_TOTAL;

/// The values of one component. Cheap to clone; what is not in it does not exist for the component, whoever else has it.
/// The default has none.
#[derive(Clone, Default)]
pub struct Handle {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    component: String,
    revision: String,
    values: Arc<BTreeMap<String, Value>>,
}

impl Handle {
    pub(super) fn new(
        component: &ComponentId,
        revision: &str,
        values: Arc<BTreeMap<String, Value>>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                component: component.to_string(),
                revision: revision.to_owned(),
                values,
            }),
        }
    }

    /// The value of a variable.
    ///
    /// # Errors
    /// See [`Error`]; each is counted and logged, without values.
    pub fn get(&self, name: &str) -> Result<&Value, Error> {
        self.find(name).inspect_err(|error| self.refused(error))
    }

    /// All variables, in the order of their names; together at most
    /// [`COMPONENT_BYTES_MAX`](super::COMPONENT_BYTES_MAX).
    pub fn all(&self) -> impl Iterator<Item = (&str, &Value)> {
        let values = self.inner.values.iter();
        values.map(|(name, value)| (name.as_str(), value))
    }

    fn find(&self, name: &str) -> Result<&Value, Error> {
        name::check(name).map_err(Error::InvalidName)?;
        let value = self.inner.values.get(name);
        value.ok_or_else(|| Error::Undefined(name.to_owned()))
    }

    /// The log names only what could be a name: anything else a guest says here might be a value.
    fn refused(&self, error: &Error) {
        let Inner {
            component,
            revision,
            ..
        } = &*self.inner;
        let outcome = error.code();
        metrics::counter!(VARIABLES_REFUSED_TOTAL, "component" => component.clone(), "outcome" => outcome)
            .increment(1);
        info!(component, revision, %error, "variable refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Secret;

    fn handle() -> Handle {
        let values = BTreeMap::from([
            ("token".to_owned(), Value::Secret(Secret::new("hunter2"))),
            ("region".to_owned(), Value::Plain("eu".to_owned())),
        ]);
        let component = ComponentId::new("guest").expect("it is an id");
        Handle::new(&component, "1", Arc::new(values))
    }

    #[test]
    fn what_is_not_its_own_is_undefined() {
        assert_eq!(
            handle().get("theirs"),
            Err(Error::Undefined("theirs".into()))
        );
        assert_eq!(
            Handle::default().get("region"),
            Err(Error::Undefined("region".into()))
        );
    }

    #[test]
    fn what_is_no_name_is_refused_and_not_repeated() {
        let error = handle().get("Token=hunter2").expect_err("it is no name");
        assert!(matches!(error, Error::InvalidName(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn its_own_are_there_and_listed_by_name() {
        let handle = handle();
        assert_eq!(handle.get("region").map(Value::expose), Ok("eu"));
        assert_eq!(handle.get("token").map(Value::expose), Ok("hunter2"));
        let names: Vec<_> = handle.all().map(|(name, _)| name).collect();
        assert_eq!(names, ["region", "token"]);
    }
}
