//! The exports: the two pairs of twins over one store, and the URLs that are refused.

use wit_bindgen::{FutureReader, StreamReader};

use crate::bindings;
use crate::bindings::exports::stoa::blobs::types::{
    self, BlobStore, BlobStoreBorrow, Condition, Error, Info, Options, Page, Part, Place, Range,
    ReaderBorrow, WriterBorrow,
};
use crate::bindings::exports::stoa::blobs::{presign, read, read_async, write, write_async};
use crate::blob;
use crate::spin::{self, Sqlite};
use crate::store;
use crate::streams::{self, Reader};
use crate::writer;

type Store = store::Store<Sqlite>;
type Writer = writer::Writer<Sqlite>;

struct Adapter;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    bindings::export!(Adapter with_types_in bindings);
};

impl types::Guest for Adapter {
    type BlobStore = Store;
    type Reader = Reader;
    type Writer = Writer;
}

impl types::GuestBlobStore for Store {
    fn label(&self) -> String {
        Store::label(self).to_owned()
    }
}

impl types::GuestReader for Reader {
    fn info(&self) -> Info {
        self.reader.info().clone().into()
    }

    fn remaining(&self) -> u64 {
        self.reader.remaining()
    }
}

impl types::GuestWriter for Writer {
    fn written(&self) -> u64 {
        Writer::written(self)
    }
}

impl presign::Guest for Adapter {
    fn open(label: String) -> Result<BlobStore, Error> {
        open(&label)
    }

    fn url(
        store: BlobStoreBorrow<'_>,
        container: String,
        name: String,
        _: presign::Method,
        _: u32,
    ) -> Result<String, Error> {
        Ok(of(&store).url(&blob::Place { container, name })?)
    }
}

impl read::Guest for Adapter {
    fn open(label: String) -> Result<BlobStore, Error> {
        open(&label)
    }

    fn get(
        store: BlobStoreBorrow<'_>,
        container: String,
        name: String,
        part: Option<Part>,
    ) -> Result<types::Reader, Error> {
        let reader = of(&store).get(&blob::Place { container, name }, wanted(part))?;
        Ok(types::Reader::new(Reader::blocking(reader)))
    }

    fn read(reader: ReaderBorrow<'_>, max: u32) -> Result<Vec<u8>, Error> {
        read(&reader, max)
    }

    fn head(
        store: BlobStoreBorrow<'_>,
        container: String,
        name: String,
    ) -> Result<Option<Info>, Error> {
        head(&store, container, name)
    }

    fn list(store: BlobStoreBorrow<'_>, container: String, range: Range) -> Result<Page, Error> {
        list(&store, &container, range)
    }
}

impl write::Guest for Adapter {
    fn open(label: String) -> Result<BlobStore, Error> {
        open(&label)
    }

    fn put(
        store: BlobStoreBorrow<'_>,
        container: String,
        name: String,
        options: Options,
    ) -> Result<types::Writer, Error> {
        put(&store, container, name, options)
    }

    fn write(writer: WriterBorrow<'_>, bytes: Vec<u8>) -> Result<(), Error> {
        Ok(writer.get::<Writer>().write(&bytes)?)
    }

    fn finish(writer: types::Writer) -> Result<Info, Error> {
        finish(&writer)
    }

    fn copy(
        store: BlobStoreBorrow<'_>,
        source: Place,
        target: Place,
        condition: Condition,
    ) -> Result<Info, Error> {
        copy(&store, source, target, condition)
    }

    fn delete(store: BlobStoreBorrow<'_>, container: String, name: String) -> Result<bool, Error> {
        Ok(of(&store).delete(&blob::Place { container, name })?)
    }
}

// The twins block all the same: a change is several statements that belong together, and guests that block need it too.
// The calls of one instance follow one another, but for those that wait for a stream.
impl read_async::Guest for Adapter {
    fn open(label: String) -> Result<BlobStore, Error> {
        open(&label)
    }

    async fn get(
        store: BlobStoreBorrow<'_>,
        container: String,
        name: String,
        part: Option<Part>,
    ) -> Result<types::Reader, Error> {
        let reader = of(&store).get(&blob::Place { container, name }, wanted(part))?;
        Ok(types::Reader::new(Reader::waiting(reader)))
    }

    async fn read(reader: ReaderBorrow<'_>, max: u32) -> Result<Vec<u8>, Error> {
        read(&reader, max)
    }

    fn read_stream(reader: types::Reader) -> (StreamReader<u8>, FutureReader<Result<(), Error>>) {
        reader.into_inner::<Reader>().into_stream()
    }

    async fn head(
        store: BlobStoreBorrow<'_>,
        container: String,
        name: String,
    ) -> Result<Option<Info>, Error> {
        head(&store, container, name)
    }

    async fn list(
        store: BlobStoreBorrow<'_>,
        container: String,
        range: Range,
    ) -> Result<Page, Error> {
        list(&store, &container, range)
    }
}

impl write_async::Guest for Adapter {
    fn open(label: String) -> Result<BlobStore, Error> {
        open(&label)
    }

    async fn put(
        store: BlobStoreBorrow<'_>,
        container: String,
        name: String,
        options: Options,
    ) -> Result<types::Writer, Error> {
        put(&store, container, name, options)
    }

    async fn write(writer: WriterBorrow<'_>, bytes: Vec<u8>) -> Result<(), Error> {
        Ok(writer.get::<Writer>().write(&bytes)?)
    }

    async fn write_stream(writer: WriterBorrow<'_>, bytes: StreamReader<u8>) -> Result<(), Error> {
        Ok(streams::receive(writer.get::<Writer>(), bytes).await?)
    }

    async fn finish(writer: types::Writer) -> Result<Info, Error> {
        finish(&writer)
    }

    async fn copy(
        store: BlobStoreBorrow<'_>,
        source: Place,
        target: Place,
        condition: Condition,
    ) -> Result<Info, Error> {
        copy(&store, source, target, condition)
    }

    async fn delete(
        store: BlobStoreBorrow<'_>,
        container: String,
        name: String,
    ) -> Result<bool, Error> {
        Ok(of(&store).delete(&blob::Place { container, name })?)
    }
}

// === one body for both twins ===

fn of<'b>(store: &'b BlobStoreBorrow<'_>) -> &'b Store {
    store.get::<Store>()
}

fn open(label: &str) -> Result<BlobStore, Error> {
    let store = Store::open(spin::shared()?, label)?;
    Ok(BlobStore::new(store))
}

fn wanted(part: Option<Part>) -> blob::Part {
    part.map(blob::Part::from).unwrap_or_default()
}

fn read(reader: &ReaderBorrow<'_>, max: u32) -> Result<Vec<u8>, Error> {
    // An address has 32 bits here, and more than a chunk is never read.
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    Ok(reader.get::<Reader>().reader.read(max)?)
}

fn head(
    store: &BlobStoreBorrow<'_>,
    container: String,
    name: String,
) -> Result<Option<Info>, Error> {
    let info = of(store).head(&blob::Place { container, name })?;
    Ok(info.map(Info::from))
}

fn list(store: &BlobStoreBorrow<'_>, container: &str, range: Range) -> Result<Page, Error> {
    Ok(of(store).list(container, &range.into())?.into())
}

fn put(
    store: &BlobStoreBorrow<'_>,
    container: String,
    name: String,
    options: Options,
) -> Result<types::Writer, Error> {
    let writer = of(store).put(blob::Place { container, name }, options.into())?;
    Ok(types::Writer::new(writer))
}

fn finish(writer: &types::Writer) -> Result<Info, Error> {
    Ok(writer.get::<Writer>().finish()?.into())
}

fn copy(
    store: &BlobStoreBorrow<'_>,
    source: Place,
    target: Place,
    condition: Condition,
) -> Result<Info, Error> {
    let (source, target) = (source.into(), target.into());
    Ok(of(store).copy(&source, &target, &condition.into())?.into())
}
