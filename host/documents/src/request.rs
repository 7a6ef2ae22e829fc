//! What a store is asked.

use crate::{Filter, Operator, Version};

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
    /// Words that each document has, at most [`SEARCH_BYTES_MAX`](crate::SEARCH_BYTES_MAX) bytes.
    pub search: Option<String>,
    /// At most [`SORT_PATHS_MAX`](crate::SORT_PATHS_MAX); ties are broken by the id. Empty: by id, or by rank where there
    /// is a search.
    pub sort: Vec<Order>,
    /// Only these paths of each body, at most [`FIELDS_MAX`](crate::FIELDS_MAX); none for all.
    pub fields: Option<Vec<String>>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most so many documents, 1 to [`DOCUMENTS_PER_CALL_MAX`](crate::DOCUMENTS_PER_CALL_MAX).
    pub limit: usize,
}

/// Which values to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// Where they are.
    pub path: String,
    /// At most so many buckets, 1 to [`DOCUMENTS_PER_CALL_MAX`](crate::DOCUMENTS_PER_CALL_MAX).
    pub limit: usize,
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
    /// The changes, in this order, at most [`OPERATORS_MAX`](crate::OPERATORS_MAX).
    pub operators: Vec<Operator>,
    /// The state to answer.
    pub answer: Moment,
    /// The body may grow to so many bytes; more is [`Error::TooLarge`](crate::Error::TooLarge). At most
    /// [`DOCUMENT_BYTES_MAX`](crate::DOCUMENT_BYTES_MAX), which is what a caller without a grant of its own says.
    pub document_bytes_max: usize,
}

impl Update {
    /// The bytes that it brings: those of its filter and its operators.
    pub fn bytes(&self) -> usize {
        let operators = self.operators.iter().map(Operator::bytes);
        self.filter.bytes() + operators.sum::<usize>()
    }
}
