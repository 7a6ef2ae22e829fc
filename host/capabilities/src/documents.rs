//! JSON documents in collections: the trait every backend implements and the handle a component is given.
//!
//! What a filter and an operator mean is host code (`filter`, `operator`, `search`), the same for every backend: a
//! backend may find candidates by its own means, and holds them against this code where its own meaning differs. A path
//! does not lead through arrays: `tags.0` is the key `0` of an object.

pub mod body;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod cursor;
pub mod embedded;
pub mod filter;
mod handle;
pub mod key;
pub mod operator;
pub mod search;

pub use config::Config;
pub use filter::{Comparison, Condition, Filter, Scalar};
pub use handle::Handle;
pub use operator::Operator;

use std::collections::BTreeMap;
use std::time::Duration;

use stoa_manifest::grants::documents::Collection;

use crate::quota::Exceeded;

/// An id holds at most so many bytes of UTF-8, and at least one.
pub const ID_BYTES_MAX: usize = 256;
/// The body of a document holds at most so many bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// A document is at most so many levels deep; the object itself is the first.
pub const DOCUMENT_LEVELS_MAX: usize = 32;
/// A filter has at most so many conditions.
pub const FILTER_CONDITIONS_MAX: usize = 128;
/// The paths and texts of a filter hold at most so many bytes together.
pub const FILTER_BYTES_MAX: usize = 1024 * 1024;
/// A membership names at most so many values.
pub const MEMBERSHIP_VALUES_MAX: usize = 1000;
/// A search text holds at most so many bytes.
pub const SEARCH_BYTES_MAX: usize = 1024;
/// A query sorts by at most so many paths.
pub const SORT_PATHS_MAX: usize = 4;
/// A query shows at most so many paths of each document.
pub const FIELDS_MAX: usize = 64;
/// A cursor holds at most so many bytes: keys of sorted values are part of it.
pub const CURSOR_BYTES_MAX: usize = 16 * 1024;
/// One call asks for at most so many facets.
pub const FACETS_MAX: usize = 8;
/// A page, a facet and a batch hold at most so many documents, buckets and writes.
pub const DOCUMENTS_PER_CALL_MAX: usize = 1000;
/// One update has at most so many operators.
pub const OPERATORS_MAX: usize = 64;
/// A push keeps at most so many elements, where it says how many.
pub const KEEP_LAST_MAX: u32 = 10_000;
/// The bodies that one call carries, in or out, hold at most so many bytes together.
pub const CALL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A page ends early when its bodies have grown to this.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// The calls of one component on one store hold at most so many bytes in this host at once.
pub const HELD_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The path of the id.
pub const ID_PATH: &str = "_id";

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

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}

impl From<Exceeded> for Error {
    fn from(exceeded: Exceeded) -> Self {
        Self::Quota(exceeded.0)
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

/// Changes with every write of a document and is never used again for its id.
pub type Version = u64;

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Unique in its collection; 1 to [`ID_BYTES_MAX`] bytes.
    pub id: String,
    /// The write that stored it.
    pub version: Version,
    /// A JSON object, without the id.
    pub body: String,
}

/// Which way a sort goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// One path that a query sorts by. Arrays and objects come after all texts, and are ties among themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Order {
    /// The path of the value.
    pub path: String,
    /// Which way.
    pub direction: Direction,
}

/// What to find.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What holds for each document.
    pub filter: Filter,
    /// Words that each document has, at most [`SEARCH_BYTES_MAX`] bytes.
    pub search: Option<String>,
    /// At most [`SORT_PATHS_MAX`]; ties are broken by the id. Empty: by id, or by rank where there is a search.
    pub sort: Vec<Order>,
    /// Only these paths of each body, at most [`FIELDS_MAX`]; none for all.
    pub fields: Option<Vec<String>>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most so many documents, 1 to [`DOCUMENTS_PER_CALL_MAX`].
    pub limit: usize,
}

/// A page of a query: shorter than asked for when it grew to [`PAGE_BYTES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// In the order of the query.
    pub documents: Vec<Document>,
    /// The `after` of the next page; `None` exactly if this is the last.
    pub next: Option<String>,
}

/// Which values to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// Where they are.
    pub path: String,
    /// At most so many buckets, 1 to [`DOCUMENTS_PER_CALL_MAX`].
    pub limit: usize,
}

/// How often a value occurs.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// The value. A whole number of 64 bits is an integer here, however it was written.
    pub value: Scalar,
    /// The occurrences, at least 1.
    pub count: u64,
}

/// What must hold for a write of one document to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    Always,
    /// There is no document of this id.
    Absent,
    /// There is one.
    Present,
    /// It has this version.
    Version(Version),
}

/// A new or replaced body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The document's id.
    pub id: String,
    /// A JSON object.
    pub body: String,
    /// What must hold.
    pub precondition: Precondition,
}

/// Which of its states a change answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// As it was.
    Before,
    /// As it became.
    After,
}

/// Which document to change, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The first document that fulfils this is changed.
    pub filter: Filter,
    /// What makes it the first.
    pub sort: Vec<Order>,
    /// The changes, in this order, at most [`OPERATORS_MAX`].
    pub operators: Vec<Operator>,
    /// The state to answer.
    pub answer: Moment,
    /// The body may grow to so many bytes; more is [`Error::TooLarge`]. At most [`DOCUMENT_BYTES_MAX`], which is what
    /// a caller without a grant of its own says.
    pub document_bytes_max: usize,
}

impl Update {
    /// The bytes that it brings: those of its filter and its operators.
    pub fn bytes(&self) -> usize {
        let operators = self.operators.iter().map(Operator::bytes);
        self.filter.bytes() + operators.sum::<usize>()
    }
}

/// A store of documents, without grants: what a backend implements.
///
/// Callers have checked names, ids, paths, sizes, counts and limits ([`Handle`] does); a backend may rely on them, but
/// parses bodies itself and refuses those that are no JSON object. A backend bounds its own waiting, and what it
/// acknowledges is durable in its class.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// Gives the collections of the store the shape that is declared, in addition to what was declared since it was
    /// opened: collections, indexes and searched fields are added, and never taken away while the store is open. Those
    /// that nobody has declared since the open are removed from a collection by its first declaration after it; a
    /// collection itself keeps its documents, and cannot be used before it is declared.
    ///
    /// Building over existing documents happens in bounded transactions while reads and writes go on, and is complete
    /// when this returns. A caller that gives up does not end it.
    async fn declare(&self, collections: BTreeMap<String, Collection>) -> Result<(), DeclareError>;

    /// What is declared now, and complete.
    fn declared(&self) -> BTreeMap<String, Collection>;

    /// The documents of `ids`, in their order, all from one moment; [`Error::TooLarge`] where they are together over
    /// [`CALL_BYTES_MAX`].
    async fn get(
        &self,
        collection: String,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document>>, Error>;

    /// A page of a query.
    async fn find(&self, collection: String, query: Query) -> Result<Page, Error>;

    /// How many documents fulfil the filter and the search.
    async fn count(
        &self,
        collection: String,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Error>;

    /// The buckets of each facet, all from one moment. Of equally frequent values, the least comes first.
    async fn facets(
        &self,
        collection: String,
        filter: Filter,
        search: Option<String>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Error>;

    /// Writes each document on its own, in order; answers each new version, or why it was not written.
    async fn put(
        &self,
        collection: String,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<Version, Error>>, Error>;

    /// Finds one document and changes it in one atomic step.
    async fn find_and_update(
        &self,
        collection: String,
        update: Update,
    ) -> Result<Option<Document>, Error>;

    /// Removes one document; answers whether it was there. A version that does not match is a conflict, and so is
    /// [`Precondition::Present`] of a missing document and [`Precondition::Absent`] of one that is there.
    async fn delete(
        &self,
        collection: String,
        id: String,
        precondition: Precondition,
    ) -> Result<bool, Error>;

    /// Removes up to `limit` documents that fulfil the filter; answers how many.
    async fn delete_matching(
        &self,
        collection: String,
        filter: Filter,
        limit: usize,
    ) -> Result<usize, Error>;

    /// The bytes of all bodies and ids in `collections`, for quotas.
    async fn bytes(&self, collections: Vec<String>) -> Result<u64, Error>;
}
