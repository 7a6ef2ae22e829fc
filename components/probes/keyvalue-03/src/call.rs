//! What a request asks for.

use crate::refusal::Refusal;
use stoa_sdk::http::Request;

/// The query of a request.
pub(crate) struct Call(Vec<(String, String)>);

impl Call {
    pub(crate) fn of(request: &Request) -> Self {
        Self(request.query().to_vec())
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// A parameter that may be missing.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter that must be there.
    pub(crate) fn wanted(&self, name: &str) -> Result<&str, Refusal> {
        self.optional(name)
            .ok_or_else(|| Refusal::bad(format!("no {name} was given")))
    }

    pub(crate) fn op(&self) -> Result<&str, Refusal> {
        self.wanted("op")
    }

    pub(crate) fn label(&self) -> Result<&str, Refusal> {
        self.wanted("label")
    }

    pub(crate) fn key(&self) -> Result<&str, Refusal> {
        self.wanted("key")
    }

    pub(crate) fn value(&self) -> Result<&[u8], Refusal> {
        Ok(self.wanted("value")?.as_bytes())
    }

    pub(crate) fn prefix(&self) -> &str {
        self.optional("prefix").unwrap_or("")
    }

    pub(crate) fn delta(&self) -> Result<i64, Refusal> {
        self.wanted("delta")?
            .parse()
            .map_err(|_| Refusal::bad("delta is no number".to_owned()))
    }
}
