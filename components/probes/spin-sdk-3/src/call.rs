//! What a request asks for: `/<noun>/<function>?…`. The probes of all SDKs share this file.

use std::fmt::Debug;

/// A function and its parameters.
pub(crate) struct Call {
    noun: String,
    function: String,
    query: Vec<(String, String)>,
}

/// Why there is no value.
pub(crate) enum Refusal {
    /// The probe does not understand the request.
    Bad(String),
    /// An error of the interface, as the SDK shows it.
    Failed(String),
}

/// So that `?` takes the errors of every interface.
impl<E: Debug> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(format!("{error:?}"))
    }
}

impl Call {
    pub(crate) fn of(path: &str, query: &str) -> Self {
        let (noun, function) = path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or((path, ""));
        Self {
            noun: noun.to_owned(),
            function: function.to_owned(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        }
    }

    pub(crate) fn noun(&self) -> &str {
        &self.noun
    }

    pub(crate) fn function(&self) -> &str {
        &self.function
    }

    /// A parameter that must be there.
    pub(crate) fn wanted(&self, name: &str) -> Result<&str, Refusal> {
        let found = self.query.iter().find(|(key, _)| key == name);
        match found {
            Some((_, value)) => Ok(value),
            None => Err(Refusal::Bad(format!("no {name} was given"))),
        }
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let named = self.query.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    /// The interface has no such function, or the SDK no such interface.
    pub(crate) fn unknown(&self) -> Refusal {
        Refusal::Bad(format!("there is no {}/{}", self.noun, self.function))
    }
}

/// A value for people: bytes as text, `none` where there is none.
pub(crate) fn shown(value: Option<Vec<u8>>) -> String {
    value.map_or_else(
        || "none".to_owned(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

/// In an order that does not depend on the store.
pub(crate) fn sorted(mut names: Vec<String>) -> String {
    names.sort();
    names.join(" ")
}

/// The status and the text of an answer.
pub(crate) fn answer(outcome: Result<String, Refusal>) -> (u16, String) {
    match outcome {
        Ok(value) => (200, format!("ok {value}")),
        Err(Refusal::Bad(what)) => (400, what),
        Err(Refusal::Failed(error)) => (500, error),
    }
}
