//! One body for both twins: translate, call, translate back.

use stoa_documents as documents;

use crate::bindings::exports::stoa::documents::types::{
    Bucket, Condition, Document, DocumentStore, DocumentStoreBorrow, Error, Facet, Page,
    Precondition, Query, Update, Write,
};
use crate::error;
use crate::spin::{self, Sqlite};
use crate::{convert, store};

/// An open store over Spin's database.
pub(crate) type Store = store::Store<Sqlite>;

fn of<'b>(store: &'b DocumentStoreBorrow<'_>) -> &'b Store {
    store.get::<Store>()
}

pub(crate) fn open(label: String) -> Result<DocumentStore, Error> {
    let shared = spin::shared()?;
    Ok(DocumentStore::new(Store::open(shared, label)?))
}

pub(crate) fn get(
    store: &DocumentStoreBorrow<'_>,
    collection: &str,
    ids: &[String],
) -> Result<Vec<Option<Document>>, Error> {
    let found = of(store).get(collection, ids)?;
    Ok(found
        .into_iter()
        .map(|document| document.map(Document::from))
        .collect())
}

pub(crate) fn find(
    store: &DocumentStoreBorrow<'_>,
    collection: &str,
    query: Query,
) -> Result<Page, Error> {
    let query = documents::Query::try_from(query)?;
    Ok(of(store).find(collection, &query)?.into())
}

pub(crate) fn count(
    store: &DocumentStoreBorrow<'_>,
    collection: &str,
    filter: Vec<Condition>,
    search: Option<&str>,
) -> Result<u64, Error> {
    let filter = convert::filter(filter)?;
    Ok(of(store).count(collection, &filter, search)?)
}

pub(crate) fn facets(
    store: &DocumentStoreBorrow<'_>,
    collection: &str,
    filter: Vec<Condition>,
    search: Option<&str>,
    wanted: Vec<Facet>,
) -> Result<Vec<Vec<Bucket>>, Error> {
    let filter = convert::filter(filter)?;
    let wanted: Vec<_> = wanted.into_iter().map(documents::Facet::from).collect();
    let counted = of(store).facets(collection, &filter, search, &wanted)?;
    Ok(counted
        .into_iter()
        .map(|buckets| buckets.into_iter().map(Bucket::from).collect())
        .collect())
}

pub(crate) fn put(
    store: &DocumentStoreBorrow<'_>,
    collection: &str,
    writes: Vec<Write>,
) -> Result<Vec<Result<u64, Error>>, Error> {
    let writes = writes.into_iter().map(documents::Write::from).collect();
    let versions = of(store).put(collection, writes)?;
    let told = |version: Result<u64, error::Error>| version.map_err(Error::from);
    Ok(versions.into_iter().map(told).collect())
}

pub(crate) fn find_and_update(
    store: &DocumentStoreBorrow<'_>,
    collection: &str,
    update: Update,
) -> Result<Option<Document>, Error> {
    let update = documents::Update::try_from(update)?;
    let document = of(store).find_and_update(collection, update)?;
    Ok(document.map(Document::from))
}

pub(crate) fn delete(
    store: &DocumentStoreBorrow<'_>,
    collection: &str,
    id: &str,
    precondition: Precondition,
) -> Result<bool, Error> {
    Ok(of(store).delete(collection, id, precondition.into())?)
}

pub(crate) fn delete_matching(
    store: &DocumentStoreBorrow<'_>,
    collection: &str,
    filter: Vec<Condition>,
    limit: u32,
) -> Result<u32, Error> {
    let filter = convert::filter(filter)?;
    let removed = of(store).delete_matching(collection, &filter, convert::count(limit))?;
    Ok(u32::try_from(removed).expect("no more are removed than the limit"))
}
