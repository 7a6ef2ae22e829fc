//! Why an operation did not happen: as every store says it, or in words that only this adapter has.

use stoa_documents::Error as Documents;

/// Why an operation did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The manifest declares no such store.
    #[error("no store of this label is declared")]
    NoSuchStore,
    /// What every store may answer.
    #[error(transparent)]
    Documents(#[from] Documents),
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
    /// The component's manifest does not say what collections look like.
    pub(crate) fn no_schema(message: impl Into<String>) -> Self {
        Self::other("no-schema", message)
    }

    /// Spin has nothing that would do this as it is promised.
    pub(crate) fn not_portable(what: &str) -> Self {
        Self::other("not-portable", format!("{what} cannot be promised on Spin"))
    }

    /// More would have to be read than one call reads.
    pub(crate) fn too_many_documents(limits: &str) -> Self {
        let message = format!(
            "more documents would have to be looked at than one call does on Spin ({limits}); narrow the filter down"
        );
        Self::other("too-many-documents", message)
    }

    /// An index lies in the database in another shape.
    pub(crate) fn declared_otherwise(index: &str) -> Self {
        let message = format!(
            "the index `{index}` in the database is not what is declared; remove it with `drop index \"{index}\"`"
        );
        Self::other("declared-otherwise", message)
    }

    /// A unique index was declared over documents that share a value.
    pub(crate) fn not_unique(index: &str) -> Self {
        let message = format!("documents have the same values in the unique index `{index}`");
        Self::other("not-unique", message)
    }

    /// Others wrote in between, again and again; or the database failed, and the log says how.
    pub(crate) fn unavailable() -> Self {
        Self::Documents(Documents::Unavailable)
    }

    /// `other` with a code of its own.
    pub(crate) fn other(code: &'static str, message: impl Into<String>) -> Self {
        Self::Other {
            code,
            message: message.into(),
        }
    }
}
