//! What a component was granted. The host reads that from `tool.stoa.grants.sql`, which Spin does not show to components:
//! so the same is said again, as JSON, in a variable of the component.
//!
//! ```json
//! { "default": { "access": "read-write", "schema": true } }
//! ```
//!
//! A label is the name of a database in `sqlite_databases`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::Error;

/// The variable of the component that holds them.
pub(crate) const VARIABLE: &str = "sql_grants";

/// The databases of a component, by label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Grants(BTreeMap<String, Grant>);

/// One database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    #[serde(default)]
    pub(crate) access: Access,
    /// Whether it may create, alter and drop.
    #[serde(default)]
    pub(crate) schema: bool,
}

/// What may be done with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Access {
    Read,
    #[default]
    ReadWrite,
}

impl Grants {
    /// Reads the variable. What is not understood is refused, single tables and quotas among it: they cannot be held on
    /// Spin.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| Error::no_grants(format!("the variable `{VARIABLE}`: {error}")))
    }

    /// What was granted under a label.
    pub(crate) fn database(&self, label: &str) -> Result<Grant, Error> {
        self.0.get(label).copied().ok_or(Error::NoSuchDatabase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "[]",
            r#"{ "d": { "access": "write" } }"#,
            r#"{ "d": { "tables": ["orders"] } }"#,
            r#"{ "d": { "bytes_max": 1 } }"#,
            r#"{ "d": { "schema": "yes" } }"#,
        ] {
            let outcome = Grants::parse(text);
            let Err(Error::Other { code, message }) = outcome else {
                panic!("{text}: {outcome:?}");
            };
            assert_eq!(code, "no-grants", "{text}");
            assert!(message.contains(VARIABLE), "{message}");
        }
    }

    #[test]
    fn it_says_what_a_grant_says() {
        let grants = Grants::parse(r#"{ "d": {}, "e": { "access": "read", "schema": true } }"#);
        let grants = grants.expect("they are grants");
        let written = |label: &str| {
            let grant = grants.database(label)?;
            Ok::<_, Error>((grant.access, grant.schema))
        };
        assert_eq!(written("d"), Ok((Access::ReadWrite, false)));
        assert_eq!(written("e"), Ok((Access::Read, true)));
        assert_eq!(written("f"), Err(Error::NoSuchDatabase));
    }
}
