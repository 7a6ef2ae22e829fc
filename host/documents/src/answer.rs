//! What a store answers.

use crate::Scalar;
use crate::key::{self, Key};

/// Changes with every write of a document and is never used again for its id.
pub type Version = u64;

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Unique in its collection; 1 to [`ID_BYTES_MAX`](crate::ID_BYTES_MAX) bytes.
    pub id: String,
    /// The write that stored it.
    pub version: Version,
    /// A JSON object, without the id.
    pub body: String,
}

/// A page of a query: shorter than asked for when it grew to [`PAGE_BYTES_MAX`](crate::PAGE_BYTES_MAX).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// In the order of the query.
    pub documents: Vec<Document>,
    /// The `after` of the next page; `None` exactly if this is the last.
    pub next: Option<String>,
}

/// How often a value occurs.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// The value. A whole number of 64 bits is an integer here, however it was written.
    pub value: Scalar,
    /// The occurrences, at least 1.
    pub count: u64,
}

impl Bucket {
    /// The buckets of a facet, out of its values with how often they occur: the most frequent first; of equally frequent
    /// values, the least. Arrays and objects have none.
    pub fn most_frequent(mut counts: Vec<(Key, u64)>, limit: usize) -> Vec<Self> {
        counts.sort_unstable_by(|(left, left_count), (right, right_count)| {
            right_count.cmp(left_count).then_with(|| left.cmp(right))
        });
        counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .filter_map(|(key, count)| {
                let value = key::scalar(key.as_deref())?;
                Some(Self { value, count })
            })
            .take(limit)
            .collect()
    }
}
