//! Why an operation did not happen.

/// Why an operation did not happen. Nothing was changed, unless `Deadline` or `Unavailable` says that it is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No store of this label was granted. A store that does not exist answers the same.
    #[error("no store of this label was granted")]
    NoSuchStore,
    /// The grant does not allow this: a write through a read grant, or a collection that was not granted. A collection
    /// that does not exist answers the same.
    #[error("denied: {0}")]
    Denied(String),
    /// The request itself is wrong: a path that is none, a body that is no JSON object, an unknown sort.
    #[error("invalid: {0}")]
    Invalid(String),
    /// A document, an id or a call is larger than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit that was passed, in bytes.
        limit: u64,
    },
    /// A document of this id is there already, a version did not match, or a unique index holds the value; names the id
    /// or the index. Read again, decide again.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The component used up what its grant allows; names which.
    #[error("quota used up: {0}")]
    Quota(String),
    /// A write may have happened.
    #[error("no answer in time")]
    Deadline,
    /// The store cannot be reached or is overloaded. A write may have happened.
    #[error("store is unavailable")]
    Unavailable,
    /// A stored body is not what the service reads it as. Where a change was asked for, it has happened.
    #[error("document {id} is not as expected: {message}")]
    Malformed {
        /// Of the document.
        id: String,
        /// What is wrong, for people.
        message: String,
    },
    /// A failure without a case of its own.
    #[error("{code}: {message}")]
    Other {
        /// Stable, for programs.
        code: String,
        /// For people.
        message: String,
    },
}
