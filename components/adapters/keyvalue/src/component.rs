//! The exports: the two pairs of twins over one store.

use crate::bindings;
use crate::bindings::exports::stoa::keyvalue::types::{self, Change, Error, Page, Range, Value};
use crate::bindings::exports::stoa::keyvalue::{read, read_async, write, write_async};
use crate::store::Store;

struct Adapter;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    bindings::export!(Adapter with_types_in bindings);
};

impl types::Guest for Adapter {
    type Store = Store;
}

impl types::GuestStore for Store {
    fn label(&self) -> String {
        Store::label(self)
    }
}

impl read::Guest for Adapter {
    fn open(label: String) -> Result<types::Store, Error> {
        open(label)
    }

    fn get(store: types::StoreBorrow<'_>, key: String) -> Result<Option<Value>, Error> {
        store.get::<Store>().get(&key)
    }

    fn get_many(
        store: types::StoreBorrow<'_>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Value>>, Error> {
        store.get::<Store>().get_many(&keys)
    }

    fn list(store: types::StoreBorrow<'_>, range: Range) -> Result<Page, Error> {
        store.get::<Store>().list(&range)
    }
}

impl write::Guest for Adapter {
    fn open(label: String) -> Result<types::Store, Error> {
        open(label)
    }

    fn apply(store: types::StoreBorrow<'_>, changes: Vec<Change>) -> Result<u64, Error> {
        store.get::<Store>().apply(changes)
    }

    fn increment(store: types::StoreBorrow<'_>, key: String, delta: i64) -> Result<i64, Error> {
        store.get::<Store>().increment(&key, delta)
    }
}

// The twins block all the same: nothing in Spin both waits without blocking and compares before it writes. The calls of
// one instance follow one another.
impl read_async::Guest for Adapter {
    fn open(label: String) -> Result<types::Store, Error> {
        open(label)
    }

    async fn get(store: types::StoreBorrow<'_>, key: String) -> Result<Option<Value>, Error> {
        store.get::<Store>().get(&key)
    }

    async fn get_many(
        store: types::StoreBorrow<'_>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Value>>, Error> {
        store.get::<Store>().get_many(&keys)
    }

    async fn list(store: types::StoreBorrow<'_>, range: Range) -> Result<Page, Error> {
        store.get::<Store>().list(&range)
    }
}

impl write_async::Guest for Adapter {
    fn open(label: String) -> Result<types::Store, Error> {
        open(label)
    }

    async fn apply(store: types::StoreBorrow<'_>, changes: Vec<Change>) -> Result<u64, Error> {
        store.get::<Store>().apply(changes)
    }

    async fn increment(
        store: types::StoreBorrow<'_>,
        key: String,
        delta: i64,
    ) -> Result<i64, Error> {
        store.get::<Store>().increment(&key, delta)
    }
}

fn open(label: String) -> Result<types::Store, Error> {
    Store::open(label).map(types::Store::new)
}
