//! Why an operation did not happen: as every database says it, or in words that only this adapter has.

/// Why an operation did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("no database of this label is declared")]
    NoSuchDatabase,
    #[error("not granted: {0}")]
    Denied(String),
    #[error("statement rejected: {0}")]
    Invalid(String),
    #[error("the constraint `{name}` does not hold")]
    Constraint {
        kind: ConstraintKind,
        /// Columns or a name; empty where the database does not say.
        name: String,
    },
    #[error("another transaction was in the way")]
    Conflict,
    /// Carries the limit, in bytes or in rows.
    #[error("larger than the limit of {0}")]
    TooLarge(u64),
    #[error("the quota `{0}` is used up")]
    Quota(&'static str),
    #[error("no answer in time")]
    Deadline,
    /// The database failed, and the log says how.
    #[error("the database is unavailable")]
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

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConstraintKind {
    Unique,
    NotNull,
    Check,
    ForeignKey,
}

impl Error {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// The component's manifest does not say what it was granted.
    pub(crate) fn no_grants(message: impl Into<String>) -> Self {
        Self::Other {
            code: "no-grants",
            message: message.into(),
        }
    }

    /// Spin has nothing that would do this as it is promised.
    pub(crate) fn not_portable(what: &str) -> Self {
        Self::Other {
            code: "not-portable",
            message: format!("{what} cannot be promised on Spin"),
        }
    }
}
