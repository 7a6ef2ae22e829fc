//! `spin:key-value@3`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use stoa_capabilities::keyvalue;
use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Accessor, Destination, FutureReader, Linker, Resource, StreamProducer, StreamReader,
    StreamResult, VecBuffer,
};
use wasmtime_wasi::TrappableError;

use self::bindings::spin::key_value::key_value::{self, Error};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/spin-key-value",
        inline: "package stoa:host; world spin-key-value { import spin:key-value/key-value@3.0.0; }",
        world: "stoa:host/spin-key-value",
        imports: { default: async | store | trappable },
        with: { "spin:key-value/key-value.store": super::Store },
        trappable_error_type: { "spin:key-value/key-value.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// An open store. A type of its own: `stoa:keyvalue` has another resource over the same handle.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Store(keyvalue::Handle);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    key_value::add_to_linker::<_, HasHost>(linker, State::host)
}

impl key_value::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl key_value::HostStore for Host<'_> {}

fn handle<T>(
    accessor: &Accessor<T, HasHost>,
    store: &Resource<Store>,
) -> wasmtime::Result<keyvalue::Handle> {
    accessor.with(|mut host| Ok(host.get().table.get(store)?.0.clone()))
}

fn handle_or_trap<T>(
    accessor: &Accessor<T, HasHost>,
    store: &Resource<Store>,
) -> Result<keyvalue::Handle, Failure> {
    handle(accessor, store).map_err(TrappableError::trap)
}

impl<T: Send> key_value::HostStoreWithStore<T> for HasHost {
    async fn drop(accessor: &Accessor<T, Self>, store: Resource<Store>) -> wasmtime::Result<()> {
        accessor.with(|mut host| host.get().table.delete(store))?;
        Ok(())
    }

    async fn open(accessor: &Accessor<T, Self>, label: String) -> Result<Resource<Store>, Failure> {
        accessor.with(|mut host| {
            let host = host.get();
            // Spin tells "not listed in the manifest" from "no such store"; here only what is listed exists.
            let handle = host.keyvalue(&label).ok_or(Error::AccessDenied)?;
            Ok(host
                .table
                .push(Store(handle))
                .map_err(|_| Error::StoreTableFull)?)
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let value = handle_or_trap(accessor, &store)?
            .get(key)
            .await
            .map_err(Error::from)?;
        Ok(value.map(|value| value.bytes))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Failure> {
        handle_or_trap(accessor, &store)?
            .set(key, value)
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<(), Failure> {
        handle_or_trap(accessor, &store)?
            .delete(key)
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<bool, Failure> {
        Ok(handle_or_trap(accessor, &store)?
            .get(key)
            .await
            .map_err(Error::from)?
            .is_some())
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let handle = handle(accessor, &store)?;
        let (done, outcome) = oneshot::channel();
        accessor.with(|mut host| {
            let keys = StreamReader::new(&mut host, Keys::new(handle, done))?;
            // A stream that is dropped half-way has not failed.
            let outcome = FutureReader::new(&mut host, async {
                wasmtime::error::Ok(outcome.await.unwrap_or(Ok(())))
            })?;
            Ok((keys, outcome))
        })
    }
}

impl From<keyvalue::Error> for Error {
    fn from(error: keyvalue::Error) -> Self {
        match error {
            keyvalue::Error::Denied(_) => Self::AccessDenied,
            other => Self::Other(other.to_string()),
        }
    }
}

type Fetch = Pin<Box<dyn Future<Output = Result<keyvalue::Page, keyvalue::Error>> + Send>>;

/// All keys, a page at a time: a large store is never in memory at once.
struct Keys {
    handle: keyvalue::Handle,
    /// The page that is being fetched; none after the last.
    page: Option<Fetch>,
    done: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Keys {
    fn new(handle: keyvalue::Handle, done: oneshot::Sender<Result<(), Error>>) -> Self {
        let page = Some(fetch(&handle, None));
        Self {
            handle,
            page,
            done: Some(done),
        }
    }

    /// A guest that dropped the future does not want to know.
    fn end(&mut self, outcome: Result<(), Error>) -> StreamResult {
        self.page = None;
        if let Some(done) = self.done.take() {
            drop(done.send(outcome));
        }
        StreamResult::Dropped
    }
}

fn fetch(handle: &keyvalue::Handle, after: Option<String>) -> Fetch {
    let handle = handle.clone();
    Box::pin(async move { handle.keys(after).await })
}

impl<D> StreamProducer<D> for Keys {
    type Item = String;
    type Buffer = VecBuffer<String>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, String, VecBuffer<String>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = self.get_mut();
        // Asked again after the last page: the guest reads until it is told that the stream ended.
        let Some(page) = &mut this.page else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        let page = match page.as_mut().poll(cx) {
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            page => ready!(page),
        };
        let page = match page {
            Ok(page) => page,
            Err(error) => return Poll::Ready(Ok(this.end(Err(error.into())))),
        };
        destination.set_buffer(
            page.entries
                .into_iter()
                .map(|entry| entry.key)
                .collect::<Vec<_>>()
                .into(),
        );
        Poll::Ready(Ok(match page.next {
            Some(next) => {
                this.page = Some(fetch(&this.handle, Some(next)));
                StreamResult::Completed
            }
            None => this.end(Ok(())),
        }))
    }
}
