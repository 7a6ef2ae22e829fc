//! What a request asks for.

use crate::answer::Answer;

/// The query of a request.
pub struct Call(Vec<(String, String)>);

impl Call {
    /// Reads the query.
    pub fn of(target: &str) -> Self {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
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
    pub fn wanted(&self, name: &str) -> Result<&str, Answer> {
        self.optional(name)
            .ok_or_else(|| Answer::bad(format!("no {name} was given")))
    }

    /// What is to be done.
    pub fn op(&self) -> Result<&str, Answer> {
        self.wanted("op")
    }

    /// Under which a store was granted.
    pub fn label(&self) -> Result<&str, Answer> {
        self.wanted("label")
    }

    /// `key`, which must be there.
    pub fn key(&self) -> Result<&str, Answer> {
        self.wanted("key")
    }

    /// `value`, which must be there.
    pub fn value(&self) -> Result<&[u8], Answer> {
        Ok(self.wanted("value")?.as_bytes())
    }

    /// `prefix`, or nothing.
    pub fn prefix(&self) -> &str {
        self.optional("prefix").unwrap_or("")
    }

    /// A number that may be missing.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Answer> {
        let number = self.optional(name).map(str::parse).transpose();
        number.map_err(|_| Answer::bad(format!("{name} is no number")))
    }

    /// `delta`, which must be a number.
    pub fn delta(&self) -> Result<i64, Answer> {
        self.wanted("delta")?
            .parse()
            .map_err(|_| Answer::bad("delta is no number".to_owned()))
    }
}
