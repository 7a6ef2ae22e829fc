//! Why an operation did not happen.

/// Why an operation did not happen. Nothing was changed, unless `Deadline` or `Unavailable` says that it is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No store of this label was granted. A store that does not exist answers the same.
    #[error("no store of this label was granted")]
    NoSuchStore,
    /// The grant does not allow this: a write through a read grant, or a key outside the granted prefix.
    #[error("denied: {0}")]
    Denied(String),
    /// The request itself is wrong: an empty key, a limit of zero.
    #[error("invalid: {0}")]
    Invalid(String),
    /// A key, a value or a batch is larger than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge { limit: u64 },
    /// A condition did not hold for this key. Read again, decide again.
    #[error("condition does not hold: {0}")]
    Conflict(String),
    /// What the grant allows is used up; says what.
    #[error("quota is used up: {0}")]
    Quota(String),
    /// A write may have happened.
    #[error("no answer in time")]
    Deadline,
    /// The store cannot be reached or is overloaded. A write may have happened.
    #[error("store is unavailable")]
    Unavailable,
    /// A failure without a case of its own. `code` is stable and for programs, `message` is for people.
    #[error("{code}: {message}")]
    Other { code: String, message: String },
}
