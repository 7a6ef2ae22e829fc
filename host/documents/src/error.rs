//! Why a store did not do what it was asked.

use std::time::Duration;

/// Why an operation did not happen. Variants are what a guest can do something about; what went wrong inside the host
/// is logged where it happened and leaves as [`Error::Unavailable`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The grant does not allow it.
    #[error("not granted: {0}")]
    Denied(String),
    /// The request is wrong in itself.
    #[error("{0}")]
    Invalid(String),
    /// A document, an id or a call is over its limit, in bytes.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit: usize,
    },
    /// A precondition did not hold, or a unique index has the value already.
    #[error("conflict at `{0}`")]
    Conflict(String),
    /// What the grant allows is used up. The word names the bound, as the manifest does.
    #[error("the quota `{0}` is used up")]
    Quota(&'static str),
    /// No answer within the store's deadline; a write may have happened. Retryable.
    #[error("no answer within {limit:?}")]
    Deadline {
        /// The deadline that passed.
        limit: Duration,
    },
    /// Cannot be reached, is full or overloaded; a write may have happened. Retryable.
    #[error("the store is unavailable")]
    Unavailable,
}

impl Error {
    /// A short stable word for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Invalid(_) => "invalid",
            Self::TooLarge { .. } => "too-large",
            Self::Conflict(_) => "conflict",
            Self::Quota(_) => "quota",
            Self::Deadline { .. } => "deadline",
            Self::Unavailable => "unavailable",
        }
    }

    /// [`Error::Invalid`] with a message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}

/// Why collections were not declared. What was declared before still is, and no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    /// An index or a searched field is declared otherwise already. Nothing was tried.
    #[error("in the collection `{collection}`, {what}")]
    Differs {
        /// The collection.
        collection: String,
        /// What differs, and what helps.
        what: String,
    },
    /// A unique index was declared over documents that share a value.
    #[error("documents of `{collection}` have the same values in the unique index `{index}`")]
    NotUnique {
        /// The collection.
        collection: String,
        /// The index.
        index: String,
    },
    /// A document that is stored cannot be indexed.
    #[error("a document of `{collection}` cannot be indexed: {source}")]
    Unfit {
        /// The collection.
        collection: String,
        /// What is wrong with it.
        #[source]
        source: Error,
    },
    /// The store cannot be reached, or failed. To declare the same again goes on from there.
    #[error("the store is unavailable")]
    Unavailable,
}
