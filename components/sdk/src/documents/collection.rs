//! A collection: typed bodies over the JSON of the interface.

use super::{
    Bucket, Document, Error, Facet, Filter, Page, Precondition, Query, Update, Write, backend,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::rc::Rc;

/// A collection of documents. Cheap to clone.
#[derive(Clone)]
pub struct Collection {
    store: Rc<backend::Store>,
    name: String,
}

impl Collection {
    pub(super) fn new(store: Rc<backend::Store>, name: String) -> Self {
        Self { store, name }
    }

    /// The document of one id.
    pub async fn get<T: DeserializeOwned>(&self, id: &str) -> Result<Option<Document<T>>, Error> {
        let mut documents = self.get_many([id]).await?;
        Ok(documents.pop().flatten())
    }

    /// The documents of up to 1000 ids, in the order of `ids`, all from one moment.
    pub async fn get_many<T: DeserializeOwned>(
        &self,
        ids: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Vec<Option<Document<T>>>, Error> {
        let ids = ids.into_iter().map(Into::into).collect();
        let documents = self.store.get(&self.name, ids).await?;
        documents
            .into_iter()
            .map(|document| document.map(decode).transpose())
            .collect()
    }

    /// One page of a query.
    pub async fn find<T: DeserializeOwned>(&self, query: Query) -> Result<Page<T>, Error> {
        let page = self.store.find(&self.name, query).await?;
        let documents = page.documents.into_iter().map(decode);
        Ok(Page {
            documents: documents.collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    /// How many documents fulfil the filter and the search.
    pub async fn count(&self, filter: Filter, search: Option<&str>) -> Result<u64, Error> {
        let search = search.map(str::to_owned);
        self.store.count(&self.name, filter, search).await
    }

    /// How often each value occurs, among the documents that the filter and the search leave: the most frequent first.
    /// The buckets of up to 8 facets, in their order, all from one moment.
    pub async fn facets(
        &self,
        filter: Filter,
        search: Option<&str>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        let search = search.map(str::to_owned);
        self.store.facets(&self.name, filter, search, facets).await
    }

    /// Writes a new document, and answers its version; [`Error::Conflict`] where there is one of this id.
    pub async fn insert(&self, id: &str, body: &(impl Serialize + ?Sized)) -> Result<u64, Error> {
        self.write(Write::new(id, body).when(Precondition::Absent))
            .await
    }

    /// Writes one document, and answers its new version.
    pub async fn write(&self, write: Write) -> Result<u64, Error> {
        let mut versions = self.put(vec![write]).await?;
        versions.pop().expect("one write has one answer")
    }

    /// Writes up to 1000 documents, each on its own: one that is refused does not disturb the others. Answers the new
    /// version of each, or why it was not written. A body that cannot be JSON fails the call, and nothing is written.
    pub async fn put(&self, writes: Vec<Write>) -> Result<Vec<Result<u64, Error>>, Error> {
        let writes = writes.into_iter().map(Write::encoded);
        let writes = writes.collect::<Result<_, _>>()?;
        self.store.put(&self.name, writes).await
    }

    /// Finds one document and changes it in one atomic step. None where no document fulfils the filter.
    pub async fn find_and_update<T: DeserializeOwned>(
        &self,
        update: Update,
    ) -> Result<Option<Document<T>>, Error> {
        let update = update.encoded()?;
        let document = self.store.find_and_update(&self.name, update).await?;
        document.map(decode).transpose()
    }

    /// Removes one document. Answers whether it was there.
    pub async fn delete(&self, id: &str, precondition: Precondition) -> Result<bool, Error> {
        self.store.delete(&self.name, id, precondition).await
    }

    /// Removes up to `limit` documents, 1 to 1000, that fulfil the filter; answers how many.
    pub async fn delete_matching(&self, filter: Filter, limit: u32) -> Result<u32, Error> {
        self.store.delete_matching(&self.name, filter, limit).await
    }
}

fn decode<T: DeserializeOwned>(document: Document<String>) -> Result<Document<T>, Error> {
    let Document { id, version, body } = document;
    match serde_json::from_str(&body) {
        Ok(body) => Ok(Document { id, version, body }),
        Err(error) => Err(Error::Malformed {
            id,
            message: error.to_string(),
        }),
    }
}
