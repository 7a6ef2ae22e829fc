//! Why an operation did not happen: as every store says it, or in words that only this adapter has.

/// Why an operation did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("no store of this label is declared")]
    NoSuchStore,
    #[error("not granted: {0}")]
    Denied(String),
    #[error("{0}")]
    Invalid(String),
    /// Carries the limit in bytes.
    #[error("larger than the limit of {0} bytes")]
    TooLarge(u64),
    #[error("there is no blob `{0}`")]
    NotFound(String),
    #[error("the condition on `{0}` did not hold")]
    Conflict(String),
    #[error("the quota `{0}` is used up")]
    Quota(&'static str),
    /// The database failed, and the log says how; or others wrote in between, again and again.
    #[error("the store is unavailable")]
    Unavailable,
    /// What only this adapter answers: `other`.
    #[error("{message}")]
    Other {
        /// For programs; stays the same.
        code: &'static str,
        /// For people.
        message: String,
    },
}

impl Error {
    /// The component's manifest does not say what it was granted.
    pub(crate) fn no_grants(message: impl Into<String>) -> Self {
        Self::other("no-grants", message)
    }

    /// Spin has nothing that would do this as it is promised.
    pub(crate) fn not_portable(what: &str) -> Self {
        Self::other("not-portable", format!("{what} cannot be promised on Spin"))
    }

    /// The bytes are no longer there.
    pub(crate) fn reader_over() -> Self {
        let message = "what is read was replaced or deleted too long ago; open the blob again";
        Self::other("reader-over", message)
    }

    /// `other` with a code of its own.
    pub(crate) fn other(code: &'static str, message: impl Into<String>) -> Self {
        Self::Other {
            code,
            message: message.into(),
        }
    }
}
