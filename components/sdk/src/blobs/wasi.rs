//! Stores of the host, through `stoa:blobs/read-async`, `write-async` and `presign`.

mod bindings;
mod convert;

use super::{CHUNK_BYTES_MAX, Condition, Error, Info, Method, Options, Page, Range};
use bindings::stoa::blobs::{presign, read_async, types, write_async};
use std::rc::Rc;

/// A store this component was granted.
pub struct Store(Rc<types::BlobStore>);

/// A container of a store. Whether it was granted shows when it is used.
pub struct Container {
    store: Rc<types::BlobStore>,
    name: String,
}

/// An open blob. Reads what was there when it was opened, even if the blob is replaced meanwhile.
pub struct Reader {
    reader: types::Reader,
    info: Info,
}

/// A blob on its way in. Nobody sees it before [`finish`](Self::finish); dropped before that, it never was.
pub struct Writer(types::Writer);

impl Store {
    /// Opens the store that was granted under `label`. Never waits.
    pub fn open(label: &str) -> Result<Self, Error> {
        Ok(Self(Rc::new(read_async::open(label)?)))
    }

    /// A container of it. Never waits.
    pub fn container(&self, name: &str) -> Container {
        Container {
            store: Rc::clone(&self.0),
            name: name.to_owned(),
        }
    }
}

impl Container {
    /// Opens a blob.
    pub async fn get(&self, name: &str) -> Result<Reader, Error> {
        self.open(name, None).await
    }

    /// Opens a part of a blob: from `offset` on, `length` bytes or all there are. What lies beyond the end is left out.
    pub async fn get_part(
        &self,
        name: &str,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Reader, Error> {
        self.open(name, Some(types::Part { offset, length })).await
    }

    async fn open(&self, name: &str, part: Option<types::Part>) -> Result<Reader, Error> {
        let (container, name) = (self.name.clone(), name.to_owned());
        let reader = read_async::get(&self.store, container, name, part).await?;
        let info = reader.info().into();
        Ok(Reader { reader, info })
    }

    /// What is known of a blob, if there is one.
    pub async fn head(&self, name: &str) -> Result<Option<Info>, Error> {
        let info = read_async::head(&self.store, self.name.clone(), name.to_owned()).await?;
        Ok(info.map(Info::from))
    }

    /// One page of what is in it.
    pub async fn list(&self, range: Range) -> Result<Page, Error> {
        let page = read_async::list(&self.store, self.name.clone(), range.into()).await?;
        Ok(page.into())
    }

    /// Begins a blob.
    pub async fn put(&self, name: &str, options: Options) -> Result<Writer, Error> {
        let (container, name) = (self.name.clone(), name.to_owned());
        let writer = write_async::put(&self.store, container, name, options.into()).await?;
        Ok(Writer(writer))
    }

    /// Copies a blob within the container, with its content type and metadata.
    pub async fn copy(&self, from: &str, to: &str, condition: Condition) -> Result<Info, Error> {
        let (source, target) = (self.place(from), self.place(to));
        let info = write_async::copy(&self.store, source, target, condition.into()).await?;
        Ok(info.into())
    }

    /// Deletes a blob. Answers whether there was one.
    pub async fn delete(&self, name: &str) -> Result<bool, Error> {
        Ok(write_async::delete(&self.store, self.name.clone(), name.to_owned()).await?)
    }

    /// A URL by which a client reads or writes the blob by itself for so many seconds. It may be a path of the origin
    /// that the application is served at. Never waits.
    pub fn url(&self, name: &str, method: Method, seconds: u32) -> Result<String, Error> {
        Ok(presign::url(
            &self.store,
            &self.name,
            name,
            method.into(),
            seconds,
        )?)
    }

    fn place(&self, name: &str) -> types::Place {
        types::Place {
            container: self.name.clone(),
            name: name.to_owned(),
        }
    }
}

impl Reader {
    /// The blob that is read.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// How many bytes are still to be read.
    pub fn remaining(&self) -> u64 {
        self.reader.remaining()
    }

    /// The next bytes, at least one and at most [`CHUNK_BYTES_MAX`]; `None` after the last.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let bytes = read_async::read(&self.reader, CHUNK_BYTES_MAX as u32).await?;
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Writer {
    /// How many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.0.written()
    }

    /// Appends at most [`CHUNK_BYTES_MAX`].
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        Ok(write_async::write(&self.0, bytes).await?)
    }

    /// Makes the blob visible, in place of the one that had its name.
    pub async fn finish(self) -> Result<Info, Error> {
        Ok(write_async::finish(self.0).await?.into())
    }
}
