//! The exports: the two pairs of twins over one store.

use crate::bindings;
use crate::bindings::exports::stoa::documents::types::{
    self, Bucket, Document, DocumentStore, DocumentStoreBorrow, Error, Facet, Filter, Page,
    Precondition, Query, Update, Write,
};
use crate::bindings::exports::stoa::documents::{read, read_async, write, write_async};
use crate::call::{self, Store};

struct Adapter;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    bindings::export!(Adapter with_types_in bindings);
};

impl types::Guest for Adapter {
    type DocumentStore = Store;
}

impl types::GuestDocumentStore for Store {
    fn label(&self) -> String {
        Store::label(self).to_owned()
    }
}

impl read::Guest for Adapter {
    fn open(label: String) -> Result<DocumentStore, Error> {
        call::open(label)
    }

    fn get(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document>>, Error> {
        call::get(&store, &collection, &ids)
    }

    fn find(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        query: Query,
    ) -> Result<Page, Error> {
        call::find(&store, &collection, query)
    }

    fn count(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Error> {
        call::count(&store, &collection, filter, search.as_deref())
    }

    fn facets(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        filter: Filter,
        search: Option<String>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        call::facets(&store, &collection, filter, search.as_deref(), facets)
    }
}

impl write::Guest for Adapter {
    fn open(label: String) -> Result<DocumentStore, Error> {
        call::open(label)
    }

    fn put(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<u64, Error>>, Error> {
        call::put(&store, &collection, writes)
    }

    fn find_and_update(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        update: Update,
    ) -> Result<Option<Document>, Error> {
        call::find_and_update(&store, &collection, update)
    }

    fn delete(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        id: String,
        precondition: Precondition,
    ) -> Result<bool, Error> {
        call::delete(&store, &collection, &id, precondition)
    }

    fn delete_matching(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        filter: Filter,
        limit: u32,
    ) -> Result<u32, Error> {
        call::delete_matching(&store, &collection, filter, limit)
    }
}

// The twins block all the same: a change is several statements that belong together, and guests that block need it too.
// The calls of one instance follow one another.
impl read_async::Guest for Adapter {
    fn open(label: String) -> Result<DocumentStore, Error> {
        call::open(label)
    }

    async fn get(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document>>, Error> {
        call::get(&store, &collection, &ids)
    }

    async fn find(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        query: Query,
    ) -> Result<Page, Error> {
        call::find(&store, &collection, query)
    }

    async fn count(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Error> {
        call::count(&store, &collection, filter, search.as_deref())
    }

    async fn facets(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        filter: Filter,
        search: Option<String>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        call::facets(&store, &collection, filter, search.as_deref(), facets)
    }
}

impl write_async::Guest for Adapter {
    fn open(label: String) -> Result<DocumentStore, Error> {
        call::open(label)
    }

    async fn put(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<u64, Error>>, Error> {
        call::put(&store, &collection, writes)
    }

    async fn find_and_update(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        update: Update,
    ) -> Result<Option<Document>, Error> {
        call::find_and_update(&store, &collection, update)
    }

    async fn delete(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        id: String,
        precondition: Precondition,
    ) -> Result<bool, Error> {
        call::delete(&store, &collection, &id, precondition)
    }

    async fn delete_matching(
        store: DocumentStoreBorrow<'_>,
        collection: String,
        filter: Filter,
        limit: u32,
    ) -> Result<u32, Error> {
        call::delete_matching(&store, &collection, filter, limit)
    }
}
