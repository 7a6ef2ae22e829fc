//! What a request asks for.

use crate::refusal::Refusal;
use stoa_sdk::http::Request;

/// The query of a request.
pub struct Call(Vec<(String, String)>);

impl Call {
    /// Reads the query.
    pub fn of(request: &Request) -> Self {
        Self(request.query().to_vec())
    }

    /// All values of a parameter.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// A parameter that may be missing.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter that must be there.
    pub fn wanted(&self, name: &str) -> Result<&str, Refusal> {
        self.optional(name)
            .ok_or_else(|| Refusal::bad(format!("no {name} was given")))
    }

    /// What is to be done.
    pub fn op(&self) -> Result<&str, Refusal> {
        self.wanted("op")
    }

    /// Under which a store was granted.
    pub fn label(&self) -> Result<&str, Refusal> {
        self.wanted("label")
    }

    /// `key`, which must be there.
    pub fn key(&self) -> Result<&str, Refusal> {
        self.wanted("key")
    }

    /// `value`, which must be there.
    pub fn value(&self) -> Result<&[u8], Refusal> {
        Ok(self.wanted("value")?.as_bytes())
    }

    /// `prefix`, or nothing.
    pub fn prefix(&self) -> &str {
        self.optional("prefix").unwrap_or("")
    }

    /// A number that may be missing.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let number = self.optional(name).map(str::parse).transpose();
        number.map_err(|_| Refusal::bad(format!("{name} is no number")))
    }

    /// `delta`, which must be a number.
    pub fn delta(&self) -> Result<i64, Refusal> {
        self.wanted("delta")?
            .parse()
            .map_err(|_| Refusal::bad("delta is no number".to_owned()))
    }
}
