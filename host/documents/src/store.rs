//! What a backend implements.

use std::collections::BTreeMap;

use stoa_manifest::grants::documents::Collection;

use crate::{
    Bucket, DeclareError, Document, Error, Facet, Filter, Page, Precondition, Query, Update,
    Version, Write,
};

/// A store of documents, without grants: what a backend implements.
///
/// Callers have checked names, ids, paths, sizes, counts and limits (a handle does, with [`checks`](crate::checks)); a
/// backend may rely on them, but parses bodies itself and refuses those that are no JSON object. A backend bounds its own
/// waiting, and what it acknowledges is durable in its class.
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
    /// [`CALL_BYTES_MAX`](crate::CALL_BYTES_MAX).
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
