//! `stoa:keyvalue`: find the handle, call it outside the store's lock, translate.

use std::time::Duration;

use stoa_capabilities::keyvalue;
use wasmtime::component::{Accessor, Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::stoa::keyvalue::types::{self, Error, Page, Range, Value};
use self::bindings::stoa::keyvalue::{read, read_async, write, write_async};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/keyvalue",
        inline: "
            package stoa:host;
            world keyvalue {
                import stoa:keyvalue/read@0.1.0;
                import stoa:keyvalue/write@0.1.0;
                import stoa:keyvalue/read-async@0.1.0;
                import stoa:keyvalue/write-async@0.1.0;
            }
        ",
        world: "stoa:host/keyvalue",
        imports: {
            "stoa:keyvalue/read.open": trappable,
            "stoa:keyvalue/write.open": trappable,
            "stoa:keyvalue/read-async.open": trappable,
            "stoa:keyvalue/write-async.open": trappable,
            "stoa:keyvalue/read-async": async | store | trappable,
            "stoa:keyvalue/write-async": async | store | trappable,
            "stoa:keyvalue/types": trappable,
            default: async | trappable,
        },
        with: { "stoa:keyvalue/types.store": stoa_capabilities::keyvalue::Handle },
        trappable_error_type: { "stoa:keyvalue/types.error" => super::Failure },
    });
}

/// An error the guest may handle, or a trap: never both.
pub(crate) type Failure = TrappableError<Error>;
type Store = Resource<keyvalue::Handle>;

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
    pub(super) fn keyvalue(&self, label: &str) -> Option<keyvalue::Handle> {
        self.granted.keyvalue.get(label).cloned()
    }

    fn open_store(&mut self, label: &str) -> Result<Store, Failure> {
        let handle = self.keyvalue(label).ok_or(Error::NoSuchStore)?;
        Ok(self.table.push(handle).map_err(full)?)
    }

    fn store(&self, store: &Store) -> Result<keyvalue::Handle, Failure> {
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

impl types::HostStore for Host<'_> {
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
        self.open_store(&label)
    }

    async fn get(&mut self, store: Store, key: String) -> Result<Option<Value>, Failure> {
        get(self.store(&store)?, key).await
    }

    async fn get_many(
        &mut self,
        store: Store,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Value>>, Failure> {
        get_many(self.store(&store)?, keys).await
    }

    async fn list(&mut self, store: Store, range: Range) -> Result<Page, Failure> {
        list(self.store(&store)?, range).await
    }
}

impl write::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_store(&label)
    }

    async fn apply(&mut self, store: Store, changes: Vec<types::Change>) -> Result<u64, Failure> {
        apply(self.store(&store)?, changes).await
    }

    async fn increment(&mut self, store: Store, key: String, delta: i64) -> Result<i64, Failure> {
        increment(self.store(&store)?, key, delta).await
    }
}

// === for guests that serve several requests at once ===
// The handle is cloned inside `with` and awaited outside it: other requests of the instance run meanwhile.

impl read_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_store(&label)
    }
}

impl<T: Send> read_async::HostWithStore<T> for HasHost {
    async fn get(
        accessor: &Accessor<T, Self>,
        store: Store,
        key: String,
    ) -> Result<Option<Value>, Failure> {
        get(accessor.with(|mut host| host.get().store(&store))?, key).await
    }

    async fn get_many(
        accessor: &Accessor<T, Self>,
        store: Store,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Value>>, Failure> {
        get_many(accessor.with(|mut host| host.get().store(&store))?, keys).await
    }

    async fn list(
        accessor: &Accessor<T, Self>,
        store: Store,
        range: Range,
    ) -> Result<Page, Failure> {
        list(accessor.with(|mut host| host.get().store(&store))?, range).await
    }
}

impl write_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_store(&label)
    }
}

impl<T: Send> write_async::HostWithStore<T> for HasHost {
    async fn apply(
        accessor: &Accessor<T, Self>,
        store: Store,
        changes: Vec<types::Change>,
    ) -> Result<u64, Failure> {
        apply(accessor.with(|mut host| host.get().store(&store))?, changes).await
    }

    async fn increment(
        accessor: &Accessor<T, Self>,
        store: Store,
        key: String,
        delta: i64,
    ) -> Result<i64, Failure> {
        increment(
            accessor.with(|mut host| host.get().store(&store))?,
            key,
            delta,
        )
        .await
    }
}

// === one body for both twins ===

async fn get(store: keyvalue::Handle, key: String) -> Result<Option<Value>, Failure> {
    Ok(store.get(key).await.map_err(Error::from)?.map(Value::from))
}

async fn get_many(
    store: keyvalue::Handle,
    keys: Vec<String>,
) -> Result<Vec<Option<Value>>, Failure> {
    let values = store.get_many(keys).await.map_err(Error::from)?;
    Ok(values
        .into_iter()
        .map(|value| value.map(Value::from))
        .collect())
}

async fn list(store: keyvalue::Handle, range: Range) -> Result<Page, Failure> {
    Ok(store.list(range.into()).await.map_err(Error::from)?.into())
}

async fn apply(store: keyvalue::Handle, changes: Vec<types::Change>) -> Result<u64, Failure> {
    Ok(store
        .apply(changes.into_iter().map(keyvalue::Change::from).collect())
        .await
        .map_err(Error::from)?)
}

async fn increment(store: keyvalue::Handle, key: String, delta: i64) -> Result<i64, Failure> {
    Ok(store.increment(key, delta).await.map_err(Error::from)?)
}

// === translation ===

impl From<keyvalue::Error> for Error {
    fn from(error: keyvalue::Error) -> Self {
        match error {
            keyvalue::Error::Denied(why) => Self::Denied(why),
            keyvalue::Error::Invalid(why) => Self::Invalid(why),
            keyvalue::Error::TooLarge { limit } => Self::TooLarge(limit as u64),
            keyvalue::Error::Conflict { key } => Self::Conflict(key),
            keyvalue::Error::Quota(bound) => Self::Quota(bound.into()),
            keyvalue::Error::Deadline { .. } => Self::Deadline,
            keyvalue::Error::Unavailable => Self::Unavailable,
        }
    }
}

impl From<keyvalue::Value> for Value {
    fn from(value: keyvalue::Value) -> Self {
        Self {
            bytes: value.bytes,
            version: value.version,
            expires_in_ms: value.expires_in.map(milliseconds),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<Range> for keyvalue::Range {
    fn from(range: Range) -> Self {
        let projection = match range.projection {
            types::Projection::Keys => keyvalue::Projection::Keys,
            types::Projection::Values => keyvalue::Projection::Values,
        };
        Self {
            prefix: range.prefix,
            after: range.after,
            limit: range.limit as usize,
            projection,
        }
    }
}

impl From<keyvalue::Page> for Page {
    fn from(page: keyvalue::Page) -> Self {
        let entry = |entry: keyvalue::Entry| types::Entry {
            key: entry.key,
            value: entry.value.map(Value::from),
        };
        Self {
            entries: page.entries.into_iter().map(entry).collect(),
            next: page.next,
        }
    }
}

impl From<types::Change> for keyvalue::Change {
    fn from(change: types::Change) -> Self {
        let condition = match change.condition {
            types::Condition::Always => keyvalue::Condition::Always,
            types::Condition::Absent => keyvalue::Condition::Absent,
            types::Condition::Present => keyvalue::Condition::Present,
            types::Condition::Version(version) => keyvalue::Condition::Version(version),
        };
        Self {
            key: change.key,
            condition,
            action: change.action.into(),
        }
    }
}

impl From<types::Action> for keyvalue::Action {
    fn from(action: types::Action) -> Self {
        match action {
            types::Action::Set(bytes) => Self::Set(bytes),
            types::Action::SetExpiring(types::Expiring { value, ttl_ms }) => Self::SetExpiring {
                bytes: value,
                ttl: Duration::from_millis(ttl_ms),
            },
            types::Action::Expire(ttl_ms) => Self::Expire(ttl_ms.map(Duration::from_millis)),
            types::Action::Delete => Self::Delete,
        }
    }
}
