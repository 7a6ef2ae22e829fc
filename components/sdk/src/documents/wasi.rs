//! Stores of the host, through `stoa:documents/read-async` and `write-async`.

mod bindings;
mod convert;

use super::{Bucket, Document, Error, Facet, Filter, Page, Precondition, Query, update, write};
use bindings::stoa::documents::{read_async, types, write_async};

/// A store this component was granted. Bodies are JSON.
pub(super) struct Store(types::DocumentStore);

impl Store {
    pub(super) fn open(label: &str) -> Result<Self, Error> {
        Ok(Self(read_async::open(label)?))
    }

    pub(super) fn label(&self) -> String {
        self.0.label()
    }

    pub(super) async fn get(
        &self,
        collection: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document<String>>>, Error> {
        let documents = read_async::get(&self.0, collection.to_owned(), ids).await?;
        Ok(documents
            .into_iter()
            .map(|document| document.map(Document::from))
            .collect())
    }

    pub(super) async fn find(&self, collection: &str, query: Query) -> Result<Page<String>, Error> {
        let page = read_async::find(&self.0, collection.to_owned(), query.into()).await?;
        Ok(page.into())
    }

    pub(super) async fn count(
        &self,
        collection: &str,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Error> {
        let filter = convert::filter(filter);
        Ok(read_async::count(&self.0, collection.to_owned(), filter, search).await?)
    }

    pub(super) async fn facets(
        &self,
        collection: &str,
        filter: Filter,
        search: Option<String>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        let filter = convert::filter(filter);
        let facets = facets.into_iter().map(types::Facet::from).collect();
        let collection = collection.to_owned();
        let facets = read_async::facets(&self.0, collection, filter, search, facets).await?;
        Ok(facets
            .into_iter()
            .map(|buckets| buckets.into_iter().map(Bucket::from).collect())
            .collect())
    }

    pub(super) async fn put(
        &self,
        collection: &str,
        writes: Vec<write::Encoded>,
    ) -> Result<Vec<Result<u64, Error>>, Error> {
        let writes = writes.into_iter().map(types::Write::from).collect();
        let versions = write_async::put(&self.0, collection.to_owned(), writes).await?;
        Ok(versions
            .into_iter()
            .map(|version| version.map_err(Error::from))
            .collect())
    }

    pub(super) async fn find_and_update(
        &self,
        collection: &str,
        update: update::Encoded,
    ) -> Result<Option<Document<String>>, Error> {
        let update = update.into();
        let document = write_async::find_and_update(&self.0, collection.to_owned(), update).await?;
        Ok(document.map(Document::from))
    }

    pub(super) async fn delete(
        &self,
        collection: &str,
        id: &str,
        precondition: Precondition,
    ) -> Result<bool, Error> {
        let (collection, id) = (collection.to_owned(), id.to_owned());
        Ok(write_async::delete(&self.0, collection, id, precondition.into()).await?)
    }

    pub(super) async fn delete_matching(
        &self,
        collection: &str,
        filter: Filter,
        limit: u32,
    ) -> Result<u32, Error> {
        let filter = convert::filter(filter);
        Ok(write_async::delete_matching(&self.0, collection.to_owned(), filter, limit).await?)
    }
}
