//! A value that is settled: one that may be shown, or a secret.

use std::fmt;

use super::Secret;

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// It may be shown.
    Plain(String),
    /// It may not: its variable is `secret`, or a template put such a one into it.
    Secret(Secret),
}

impl Value {
    /// The text, whether it may be shown or not.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }

    /// Whether it may not be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

/// As messages may show it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Secret(secret) => fmt::Display::fmt(secret, f),
        }
    }
}
