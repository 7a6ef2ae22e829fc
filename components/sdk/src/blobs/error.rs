//! Why an operation did not happen.

/// Why an operation did not happen. Nothing was changed, unless `Deadline` or `Unavailable` says that it is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No store of this label was granted. A store that does not exist answers the same.
    #[error("no store of this label was granted")]
    NoSuchStore,
    /// The grant does not allow this: a write through a read grant, or a container that was not granted.
    #[error("denied: {0}")]
    Denied(String),
    /// The request itself is wrong: a name that is none, a size that was not kept, a writer that has ended.
    #[error("invalid: {0}")]
    Invalid(String),
    /// A blob, a piece or the metadata is larger than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge { limit: u64 },
    /// There is no blob of this name.
    #[error("there is no blob {0}")]
    NotFound(String),
    /// The condition on this name does not hold. Look again, decide again.
    #[error("condition does not hold: {0}")]
    Conflict(String),
    /// What the grant allows is used up; says what.
    #[error("quota is used up: {0}")]
    Quota(String),
    /// A write may have happened.
    #[error("no answer in time")]
    Deadline,
    /// The store cannot be reached, is full or overloaded. A write may have happened.
    #[error("store is unavailable")]
    Unavailable,
    /// A failure without a case of its own. `code` is stable and for programs, `message` is for people.
    #[error("{code}: {message}")]
    Other { code: String, message: String },
}
