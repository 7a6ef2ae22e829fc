//! `stoa:blobs`: find the handle, call it outside the store's lock, translate.

mod streams;
mod translate;

use stoa_capabilities::blobs::{self, CHUNK_BYTES_MAX};
use wasmtime::component::{
    Access, Accessor, FutureReader, Linker, Resource, ResourceTableError, StreamReader,
};
use wasmtime_wasi::TrappableError;

use self::bindings::stoa::blobs::types::{
    self, Condition, Error, Info, Options, Page, Place, Range,
};
use self::bindings::stoa::blobs::{presign, read, read_async, write, write_async};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/blobs",
        inline: "
            package stoa:host;
            world blobs {
                import stoa:blobs/read@0.1.0;
                import stoa:blobs/write@0.1.0;
                import stoa:blobs/presign@0.1.0;
                import stoa:blobs/read-async@0.1.0;
                import stoa:blobs/write-async@0.1.0;
            }
        ",
        world: "stoa:host/blobs",
        imports: {
            "stoa:blobs/read.open": trappable,
            "stoa:blobs/write.open": trappable,
            "stoa:blobs/presign": trappable,
            "stoa:blobs/read-async.open": trappable,
            "stoa:blobs/write-async.open": trappable,
            "stoa:blobs/read-async.read-stream": store | trappable,
            "stoa:blobs/read-async": async | store | trappable,
            "stoa:blobs/write-async": async | store | trappable,
            "stoa:blobs/types": trappable,
            default: async | trappable,
        },
        with: {
            "stoa:blobs/types.blob-store": stoa_capabilities::blobs::Handle,
            "stoa:blobs/types.reader": stoa_capabilities::blobs::Reader,
            "stoa:blobs/types.writer": stoa_capabilities::blobs::Writer,
        },
        trappable_error_type: { "stoa:blobs/types.error" => super::Failure },
    });
}

/// An error the guest may handle, or a trap: never both.
pub(crate) type Failure = TrappableError<Error>;
type Store = Resource<blobs::Handle>;
type Reader = Resource<blobs::Reader>;
type Writer = Resource<blobs::Writer>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasHost>(linker, State::host)?;
    read::add_to_linker::<_, HasHost>(linker, State::host)?;
    write::add_to_linker::<_, HasHost>(linker, State::host)?;
    presign::add_to_linker::<_, HasHost>(linker, State::host)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    read_async::add_to_linker::<_, HasHost>(linker, State::host)?;
    write_async::add_to_linker::<_, HasHost>(linker, State::host)
}

impl Host<'_> {
    fn open_blobs(&mut self, label: &str) -> Result<Store, Failure> {
        let handle = self.granted.blobs.get(label).cloned();
        let handle = handle.ok_or(Error::NoSuchStore)?;
        Ok(self.table.push(handle).map_err(full)?)
    }

    fn blobs(&self, store: &Store) -> Result<blobs::Handle, Failure> {
        Ok(self.table.get(store).map_err(TrappableError::trap)?.clone())
    }

    fn blob_reader(&self, reader: &Reader) -> Result<blobs::Reader, Failure> {
        Ok(self
            .table
            .get(reader)
            .map_err(TrappableError::trap)?
            .clone())
    }

    fn blob_writer(&self, writer: &Writer) -> Result<blobs::Writer, Failure> {
        Ok(self
            .table
            .get(writer)
            .map_err(TrappableError::trap)?
            .clone())
    }

    fn push_reader(&mut self, reader: blobs::Reader) -> Result<Reader, Failure> {
        Ok(self.table.push(reader).map_err(full)?)
    }

    fn push_writer(&mut self, writer: blobs::Writer) -> Result<Writer, Failure> {
        Ok(self.table.push(writer).map_err(full)?)
    }

    fn take_writer(&mut self, writer: Writer) -> Result<blobs::Writer, Failure> {
        self.table.delete(writer).map_err(TrappableError::trap)
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

impl types::HostBlobStore for Host<'_> {
    fn label(&mut self, store: Store) -> wasmtime::Result<String> {
        Ok(self.table.get(&store)?.label().to_owned())
    }

    fn drop(&mut self, store: Store) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl types::HostReader for Host<'_> {
    fn info(&mut self, reader: Reader) -> wasmtime::Result<Info> {
        Ok(self.table.get(&reader)?.info().clone().into())
    }

    fn remaining(&mut self, reader: Reader) -> wasmtime::Result<u64> {
        Ok(self.table.get(&reader)?.remaining())
    }

    fn drop(&mut self, reader: Reader) -> wasmtime::Result<()> {
        self.table.delete(reader)?;
        Ok(())
    }
}

impl types::HostWriter for Host<'_> {
    fn written(&mut self, writer: Writer) -> wasmtime::Result<u64> {
        Ok(self.table.get(&writer)?.written())
    }

    fn drop(&mut self, writer: Writer) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}

impl presign::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_blobs(&label)
    }

    fn url(
        &mut self,
        store: Store,
        container: String,
        name: String,
        method: presign::Method,
        seconds: u32,
    ) -> Result<String, Failure> {
        let place = blobs::Place { container, name };
        let url = self
            .blobs(&store)?
            .presign(place, method.into(), seconds.into());
        Ok(url.map_err(Error::from)?)
    }
}

// === for guests that block ===

impl read::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_blobs(&label)
    }

    async fn get(
        &mut self,
        store: Store,
        container: String,
        name: String,
        part: Option<types::Part>,
    ) -> Result<Reader, Failure> {
        let place = blobs::Place { container, name };
        let reader = get(self.blobs(&store)?, place, part).await?;
        self.push_reader(reader)
    }

    async fn read(&mut self, reader: Reader, max: u32) -> Result<Vec<u8>, Failure> {
        read_next(self.blob_reader(&reader)?, max).await
    }

    async fn head(
        &mut self,
        store: Store,
        container: String,
        name: String,
    ) -> Result<Option<Info>, Failure> {
        head(self.blobs(&store)?, blobs::Place { container, name }).await
    }

    async fn list(
        &mut self,
        store: Store,
        container: String,
        range: Range,
    ) -> Result<Page, Failure> {
        list(self.blobs(&store)?, container, range).await
    }
}

impl write::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_blobs(&label)
    }

    async fn put(
        &mut self,
        store: Store,
        container: String,
        name: String,
        options: Options,
    ) -> Result<Writer, Failure> {
        let place = blobs::Place { container, name };
        let writer = put(self.blobs(&store)?, place, options).await?;
        self.push_writer(writer)
    }

    async fn write(&mut self, writer: Writer, bytes: Vec<u8>) -> Result<(), Failure> {
        append(self.blob_writer(&writer)?, bytes).await
    }

    async fn finish(&mut self, writer: Writer) -> Result<Info, Failure> {
        finish(self.take_writer(writer)?).await
    }

    async fn copy(
        &mut self,
        store: Store,
        source: Place,
        target: Place,
        condition: Condition,
    ) -> Result<Info, Failure> {
        copy(self.blobs(&store)?, source, target, condition).await
    }

    async fn delete(
        &mut self,
        store: Store,
        container: String,
        name: String,
    ) -> Result<bool, Failure> {
        delete(self.blobs(&store)?, blobs::Place { container, name }).await
    }
}

// === for guests that serve several requests at once ===
// The handle is cloned inside `with` and awaited outside it: other requests of the instance run meanwhile.

impl read_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_blobs(&label)
    }
}

impl<T: Send> read_async::HostWithStore<T> for HasHost {
    async fn get(
        accessor: &Accessor<T, Self>,
        store: Store,
        container: String,
        name: String,
        part: Option<types::Part>,
    ) -> Result<Reader, Failure> {
        let store = accessor.with(|mut host| host.get().blobs(&store))?;
        let reader = get(store, blobs::Place { container, name }, part).await?;
        accessor.with(|mut host| host.get().push_reader(reader))
    }

    async fn read(
        accessor: &Accessor<T, Self>,
        reader: Reader,
        max: u32,
    ) -> Result<Vec<u8>, Failure> {
        let reader = accessor.with(|mut host| host.get().blob_reader(&reader))?;
        read_next(reader, max).await
    }

    fn read_stream(
        mut host: Access<'_, T, Self>,
        reader: Reader,
    ) -> wasmtime::Result<(StreamReader<u8>, FutureReader<Result<(), Error>>)> {
        let reader = host.get().table.delete(reader)?;
        streams::of(&mut host, reader)
    }

    async fn head(
        accessor: &Accessor<T, Self>,
        store: Store,
        container: String,
        name: String,
    ) -> Result<Option<Info>, Failure> {
        let store = accessor.with(|mut host| host.get().blobs(&store))?;
        head(store, blobs::Place { container, name }).await
    }

    async fn list(
        accessor: &Accessor<T, Self>,
        store: Store,
        container: String,
        range: Range,
    ) -> Result<Page, Failure> {
        let store = accessor.with(|mut host| host.get().blobs(&store))?;
        list(store, container, range).await
    }
}

impl write_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Store, Failure> {
        self.open_blobs(&label)
    }
}

impl<T: Send> write_async::HostWithStore<T> for HasHost {
    async fn put(
        accessor: &Accessor<T, Self>,
        store: Store,
        container: String,
        name: String,
        options: Options,
    ) -> Result<Writer, Failure> {
        let store = accessor.with(|mut host| host.get().blobs(&store))?;
        let writer = put(store, blobs::Place { container, name }, options).await?;
        accessor.with(|mut host| host.get().push_writer(writer))
    }

    async fn write(
        accessor: &Accessor<T, Self>,
        writer: Writer,
        bytes: Vec<u8>,
    ) -> Result<(), Failure> {
        append(
            accessor.with(|mut host| host.get().blob_writer(&writer))?,
            bytes,
        )
        .await
    }

    async fn write_stream(
        accessor: &Accessor<T, Self>,
        writer: Writer,
        bytes: StreamReader<u8>,
    ) -> Result<(), Failure> {
        let outcome = accessor.with(|mut host| {
            let writer = host.get().blob_writer(&writer)?;
            streams::into(&mut host, writer, bytes).map_err(TrappableError::trap)
        })?;
        // Without a word of failure the stream ended.
        Ok(outcome.await.unwrap_or(Ok(())).map_err(Error::from)?)
    }

    async fn finish(accessor: &Accessor<T, Self>, writer: Writer) -> Result<Info, Failure> {
        finish(accessor.with(|mut host| host.get().take_writer(writer))?).await
    }

    async fn copy(
        accessor: &Accessor<T, Self>,
        store: Store,
        source: Place,
        target: Place,
        condition: Condition,
    ) -> Result<Info, Failure> {
        let store = accessor.with(|mut host| host.get().blobs(&store))?;
        copy(store, source, target, condition).await
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Store,
        container: String,
        name: String,
    ) -> Result<bool, Failure> {
        let store = accessor.with(|mut host| host.get().blobs(&store))?;
        delete(store, blobs::Place { container, name }).await
    }
}

// === one body for both twins ===

async fn get(
    store: blobs::Handle,
    place: blobs::Place,
    part: Option<types::Part>,
) -> Result<blobs::Reader, Failure> {
    let part = part.map_or(blobs::Part::Whole, blobs::Part::from);
    Ok(store.get(place, part).await.map_err(Error::from)?)
}

async fn read_next(reader: blobs::Reader, max: u32) -> Result<Vec<u8>, Failure> {
    let max = (max as usize).min(CHUNK_BYTES_MAX);
    Ok(reader.read(max).await.map_err(Error::from)?)
}

async fn head(store: blobs::Handle, place: blobs::Place) -> Result<Option<Info>, Failure> {
    let info = store.head(place).await.map_err(Error::from)?;
    Ok(info.map(Info::from))
}

async fn list(store: blobs::Handle, container: String, range: Range) -> Result<Page, Failure> {
    let page = store.list(container, range.into()).await;
    Ok(page.map_err(Error::from)?.into())
}

async fn put(
    store: blobs::Handle,
    place: blobs::Place,
    options: Options,
) -> Result<blobs::Writer, Failure> {
    let writer = store.put(place, options.into()).await;
    Ok(writer.map_err(Error::from)?)
}

async fn append(writer: blobs::Writer, bytes: Vec<u8>) -> Result<(), Failure> {
    Ok(writer.write(bytes).await.map_err(Error::from)?)
}

async fn finish(writer: blobs::Writer) -> Result<Info, Failure> {
    Ok(writer.finish().await.map_err(Error::from)?.into())
}

async fn copy(
    store: blobs::Handle,
    source: Place,
    target: Place,
    condition: Condition,
) -> Result<Info, Failure> {
    let info = store
        .copy(source.into(), target.into(), condition.into())
        .await;
    Ok(info.map_err(Error::from)?.into())
}

async fn delete(store: blobs::Handle, place: blobs::Place) -> Result<bool, Failure> {
    Ok(store.delete(place).await.map_err(Error::from)?)
}
