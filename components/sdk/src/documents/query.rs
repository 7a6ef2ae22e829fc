//! What to find, and what was found.

use super::{Document, Filter, Scalar};

/// What to find. Without a sort: by id, or the best first where there is a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Which documents.
    pub filter: Filter,
    /// Only documents in which every word of this text occurs in the searched fields, at most 1024 bytes.
    pub search: Option<String>,
    /// Up to 4; ties are broken by the id, ascending.
    pub sort: Vec<Order>,
    /// Only these paths of each body, up to 64; none for all.
    pub fields: Option<Vec<String>>,
    /// The `next` of the page before, of a query with the same filter, search and sort.
    pub after: Option<String>,
    /// At most so many documents, 1 to 1000.
    pub limit: u32,
}

/// One path of a sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is compared.
    pub path: String,
    /// Which comes first.
    pub direction: Direction,
}

/// Which comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The least.
    Ascending,
    /// The greatest.
    Descending,
}

/// A page of a query. It may hold fewer documents than asked for; there are more exactly if `next` is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In the order of the query.
    pub documents: Vec<Document<T>>,
    /// For [`Query::after`].
    pub next: Option<String>,
}

/// A path whose values are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// Elements of an array count each.
    pub path: String,
    /// At most so many buckets, 1 to 1000.
    pub limit: u32,
}

/// How often one value occurs.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// The value.
    pub value: Scalar,
    /// In how many documents or elements.
    pub count: u64,
}

impl Query {
    /// The first 1000 documents that fulfil a filter.
    pub fn of(filter: Filter) -> Self {
        Self {
            filter,
            search: None,
            sort: Vec::new(),
            fields: None,
            after: None,
            limit: 1000,
        }
    }

    /// The first 1000 documents of the collection.
    pub fn everything() -> Self {
        Self::of(Filter::everything())
    }

    /// Asks for documents in which every word of this text occurs: whole, as the start of a word (the last word), or
    /// with one letter wrong (words of 4 letters and more).
    #[must_use]
    pub fn search(self, text: impl Into<String>) -> Self {
        let search = Some(text.into());
        Self { search, ..self }
    }

    /// Sorts by this path, after the paths before: the least first.
    #[must_use]
    pub fn ascending(self, path: impl Into<String>) -> Self {
        self.order(path.into(), Direction::Ascending)
    }

    /// Sorts by this path, after the paths before: the greatest first.
    #[must_use]
    pub fn descending(self, path: impl Into<String>) -> Self {
        self.order(path.into(), Direction::Descending)
    }

    /// Asks for these paths of each body only.
    #[must_use]
    pub fn fields<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        let fields = Some(paths.into_iter().map(Into::into).collect());
        Self { fields, ..self }
    }

    /// Goes on after a page: its `next`.
    #[must_use]
    pub fn after(self, after: Option<String>) -> Self {
        Self { after, ..self }
    }

    /// Asks for at most so many documents, 1 to 1000.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    fn order(mut self, path: String, direction: Direction) -> Self {
        self.sort.push(Order { path, direction });
        self
    }
}

impl Default for Query {
    fn default() -> Self {
        Self::everything()
    }
}

impl Facet {
    /// The 100 most frequent values at this path.
    pub fn of(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            limit: 100,
        }
    }

    /// Asks for at most so many values, 1 to 1000.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }
}
