//! `stoa:documents`: find the handle, call it outside the store's lock, translate.

mod call;
mod convert;

use stoa_capabilities::documents;
use wasmtime::component::{Accessor, Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::stoa::documents::types::{
    self, Bucket, Document, Error, Facet, Filter, Page, Precondition, Query, Update, Write,
};
use self::bindings::stoa::documents::{read, read_async, write, write_async};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/documents",
        inline: "
            package stoa:host;
            world documents {
                import stoa:documents/read@0.1.0;
                import stoa:documents/write@0.1.0;
                import stoa:documents/read-async@0.1.0;
                import stoa:documents/write-async@0.1.0;
            }
        ",
        world: "stoa:host/documents",
        imports: {
            "stoa:documents/read.open": trappable,
            "stoa:documents/write.open": trappable,
            "stoa:documents/read-async.open": trappable,
            "stoa:documents/write-async.open": trappable,
            "stoa:documents/read-async": async | store | trappable,
            "stoa:documents/write-async": async | store | trappable,
            "stoa:documents/types": trappable,
            default: async | trappable,
        },
        with: { "stoa:documents/types.document-store": stoa_capabilities::documents::Handle },
        trappable_error_type: { "stoa:documents/types.error" => super::Failure },
    });
}

/// An error the guest may handle, or a trap: never both.
pub(crate) type Failure = TrappableError<Error>;
type Store = Resource<documents::Handle>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasHost>(linker, State::host)?;
    read::add_to_linker::<_, HasHost>(linker, State::host)?;
    write::add_to_linker::<_, HasHost>(linker, State::host)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    read_async::add_to_linker::<_, HasHost>(linker, State::host)?;
    write_async::add_to_linker::<_, HasHost>(linker, State::host)
}

impl Host<'_> {
    /// The handle granted under `label`; what is not granted does not exist.
    fn documents(&self, label: &str) -> Option<documents::Handle> {
        self.granted.documents.get(label).cloned()
    }

    fn open_documents(&mut self, label: &str) -> Result<Store, Failure> {
        let handle = self.documents(label).ok_or(Error::NoSuchStore)?;
        Ok(self.table.push(handle).map_err(full)?)
    }

    fn documents_of(&self, store: &Store) -> Result<documents::Handle, Failure> {
        Ok(self.table.get(store).map_err(TrappableError::trap)?.clone())
    }
}

/// A guest that never drops what it opens hits its own limit, and is told.
fn full(_: ResourceTableError) -> Error {
    Error::Other(types::Failure {
        code: "table-full".into(),
        message: "this instance holds too many resources, drop some first".into(),
    })
}

impl types::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl types::HostDocumentStore for Host<'_> {
    fn label(&mut self, store: Store) -> wasmtime::Result<String> {
        Ok(self.table.get(&store)?.label().to_owned())
    }

    fn drop(&mut self, store: Store) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

// === for guests that block ===

impl read::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_documents(&label)
    }

    async fn get(
        &mut self,
        store: Store,
        collection: String,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document>>, Failure> {
        call::get(self.documents_of(&store)?, collection, ids).await
    }

    async fn find(
        &mut self,
        store: Store,
        collection: String,
        query: Query,
    ) -> Result<Page, Failure> {
        call::find(self.documents_of(&store)?, collection, query).await
    }

    async fn count(
        &mut self,
        store: Store,
        collection: String,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Failure> {
        call::count(self.documents_of(&store)?, collection, filter, search).await
    }

    async fn facets(
        &mut self,
        store: Store,
        collection: String,
        filter: Filter,
        search: Option<String>,
        wanted: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Failure> {
        let store = self.documents_of(&store)?;
        call::facets(store, collection, filter, search, wanted).await
    }
}

impl write::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_documents(&label)
    }

    async fn put(
        &mut self,
        store: Store,
        collection: String,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<u64, Error>>, Failure> {
        call::put(self.documents_of(&store)?, collection, writes).await
    }

    async fn find_and_update(
        &mut self,
        store: Store,
        collection: String,
        update: Update,
    ) -> Result<Option<Document>, Failure> {
        call::find_and_update(self.documents_of(&store)?, collection, update).await
    }

    async fn delete(
        &mut self,
        store: Store,
        collection: String,
        id: String,
        precondition: Precondition,
    ) -> Result<bool, Failure> {
        call::delete(self.documents_of(&store)?, collection, id, precondition).await
    }

    async fn delete_matching(
        &mut self,
        store: Store,
        collection: String,
        filter: Filter,
        limit: u32,
    ) -> Result<u32, Failure> {
        call::delete_matching(self.documents_of(&store)?, collection, filter, limit).await
    }
}

// === for guests that serve several requests at once ===
// The handle is cloned inside `with` and awaited outside it: other requests of the instance run meanwhile.

fn handle<T>(accessor: &Accessor<T, HasHost>, store: &Store) -> Result<documents::Handle, Failure> {
    accessor.with(|mut host| host.get().documents_of(store))
}

impl read_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_documents(&label)
    }
}

impl<T: Send> read_async::HostWithStore<T> for HasHost {
    async fn get(
        accessor: &Accessor<T, Self>,
        store: Store,
        collection: String,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document>>, Failure> {
        call::get(handle(accessor, &store)?, collection, ids).await
    }

    async fn find(
        accessor: &Accessor<T, Self>,
        store: Store,
        collection: String,
        query: Query,
    ) -> Result<Page, Failure> {
        call::find(handle(accessor, &store)?, collection, query).await
    }

    async fn count(
        accessor: &Accessor<T, Self>,
        store: Store,
        collection: String,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Failure> {
        call::count(handle(accessor, &store)?, collection, filter, search).await
    }

    async fn facets(
        accessor: &Accessor<T, Self>,
        store: Store,
        collection: String,
        filter: Filter,
        search: Option<String>,
        wanted: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Failure> {
        let store = handle(accessor, &store)?;
        call::facets(store, collection, filter, search, wanted).await
    }
}

impl write_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_documents(&label)
    }
}

impl<T: Send> write_async::HostWithStore<T> for HasHost {
    async fn put(
        accessor: &Accessor<T, Self>,
        store: Store,
        collection: String,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<u64, Error>>, Failure> {
        call::put(handle(accessor, &store)?, collection, writes).await
    }

    async fn find_and_update(
        accessor: &Accessor<T, Self>,
        store: Store,
        collection: String,
        update: Update,
    ) -> Result<Option<Document>, Failure> {
        call::find_and_update(handle(accessor, &store)?, collection, update).await
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Store,
        collection: String,
        id: String,
        precondition: Precondition,
    ) -> Result<bool, Failure> {
        call::delete(handle(accessor, &store)?, collection, id, precondition).await
    }

    async fn delete_matching(
        accessor: &Accessor<T, Self>,
        store: Store,
        collection: String,
        filter: Filter,
        limit: u32,
    ) -> Result<u32, Failure> {
        call::delete_matching(handle(accessor, &store)?, collection, filter, limit).await
    }
}
