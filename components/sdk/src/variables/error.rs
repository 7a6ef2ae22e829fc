//! Why there is no value.

/// Why there is no value. The texts are for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No variable could have this name.
    #[error("invalid name: {0}")]
    InvalidName(String),
    /// The component has no variable of this name.
    #[error("undefined: {0}")]
    Undefined(String),
    /// Whoever keeps the value did not give it. Stoa has all values before it serves; other hosts ask when they are asked.
    #[error("no answer from the provider: {0}")]
    Provider(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}
