//! One body for both twins: translate, call, translate back.

use stoa_capabilities::documents;

use super::types::{
    Bucket, Document, Error, Facet, Filter, Page, Precondition, Query, Update, Write,
};
use super::{Failure, convert};

pub(super) async fn get(
    store: documents::Handle,
    collection: String,
    ids: Vec<String>,
) -> Result<Vec<Option<Document>>, Failure> {
    let found = store.get(collection, ids).await.map_err(Error::from)?;
    Ok(found
        .into_iter()
        .map(|document| document.map(Document::from))
        .collect())
}

pub(super) async fn find(
    store: documents::Handle,
    collection: String,
    query: Query,
) -> Result<Page, Failure> {
    let query = documents::Query::try_from(query).map_err(Error::from)?;
    let page = store.find(collection, query).await.map_err(Error::from)?;
    Ok(page.into())
}

pub(super) async fn count(
    store: documents::Handle,
    collection: String,
    filter: Filter,
    search: Option<String>,
) -> Result<u64, Failure> {
    let filter = convert::filter(filter).map_err(Error::from)?;
    Ok(store
        .count(collection, filter, search)
        .await
        .map_err(Error::from)?)
}

pub(super) async fn facets(
    store: documents::Handle,
    collection: String,
    filter: Filter,
    search: Option<String>,
    wanted: Vec<Facet>,
) -> Result<Vec<Vec<Bucket>>, Failure> {
    let filter = convert::filter(filter).map_err(Error::from)?;
    let wanted = wanted.into_iter().map(documents::Facet::from).collect();
    let counted = store.facets(collection, filter, search, wanted).await;
    Ok(counted
        .map_err(Error::from)?
        .into_iter()
        .map(|buckets| buckets.into_iter().map(Bucket::from).collect())
        .collect())
}

pub(super) async fn put(
    store: documents::Handle,
    collection: String,
    writes: Vec<Write>,
) -> Result<Vec<Result<u64, Error>>, Failure> {
    let writes = writes.into_iter().map(documents::Write::from).collect();
    let versions = store.put(collection, writes).await.map_err(Error::from)?;
    Ok(versions
        .into_iter()
        .map(|version| version.map_err(Error::from))
        .collect())
}

pub(super) async fn find_and_update(
    store: documents::Handle,
    collection: String,
    update: Update,
) -> Result<Option<Document>, Failure> {
    let update = documents::Update::try_from(update).map_err(Error::from)?;
    let document = store.find_and_update(collection, update).await;
    Ok(document.map_err(Error::from)?.map(Document::from))
}

pub(super) async fn delete(
    store: documents::Handle,
    collection: String,
    id: String,
    precondition: Precondition,
) -> Result<bool, Failure> {
    Ok(store
        .delete(collection, id, precondition.into())
        .await
        .map_err(Error::from)?)
}

pub(super) async fn delete_matching(
    store: documents::Handle,
    collection: String,
    filter: Filter,
    limit: u32,
) -> Result<u32, Failure> {
    let filter = convert::filter(filter).map_err(Error::from)?;
    let removed = store
        .delete_matching(collection, filter, limit as usize)
        .await
        .map_err(Error::from)?;
    Ok(u32::try_from(removed).expect("no more are removed than the limit"))
}
