//! The embedded store: one SQLite file per label, one thread that writes, a few that read.
//!
//! A collection is a table of keys (`schema`): one column for each indexed path, which holds the value's place in the
//! order of values, so that the order and the equality of the contract are SQLite's own comparison of bytes. Bodies lie
//! in a table beside it. Filters become conditions on those columns as far as they speak of them (`plan`); what is left
//! is decided by the filter itself, per document, through a function (`session`). Text search has tables of its own
//! (`ranking`, `postings`). Writes share commits and readers never wait for them, as in the key-value store. What is
//! declared while the store is open is added by the thread that writes, between other calls (`schema`).

mod change;
mod facets;
mod find;
mod plan;
mod postings;
mod ranking;
mod schema;
mod session;
#[cfg(test)]
mod tests;
mod thread;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use stoa_manifest::grants::documents::Collection as Declared;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use self::schema::Shared;
use self::session::{Failure, READ_MAX, Session};
use self::thread::{Declaration, Read, WriteCall, Writer, Written};
use super::{
    Bucket, DeclareError, Document, Error, Facet, Filter, Page, Precondition, Query, Store, Update,
    Version, Write,
};
use crate::{Durability, sqlite};

/// Calls that may wait for one thread; more wait in their callers, under their deadline.
const QUEUE_CALLS_MAX: usize = 1024;
/// Bytes of calls that may wait for the thread that writes, and as many for those that read; the calls of those who have
/// given up are among them. The largest call fits several times.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Threads that read, each with a connection of its own.
const READERS: usize = 2;

/// Where an embedded store lies and what it promises: `[documents.<label>.embedded]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file, relative to the state directory; default `documents/<label>.db`.
    pub path: PathBuf,
    /// Default `process`.
    pub durability: Durability,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder could not be made.
    #[error("cannot create the folder of `{}`", path.display())]
    Folder {
        /// The file that was to be opened.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// SQLite refuses the file.
    #[error("cannot open `{}`; if it is not a document store of Stoa, move it away", path.display())]
    Database {
        /// The file that was to be opened.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

/// An open embedded store. Its threads end when it is dropped; what was acknowledged before is in the file. Dropping it
/// waits for the call that is being written, so that the file can be opened again at once.
pub struct Embedded {
    writer: Writer,
    readers: Vec<mpsc::Sender<thread::ReadCall>>,
    layout: Arc<Shared>,
    /// What is left of [`QUEUE_BYTES_MAX`] for writes; a permit is one byte.
    writes: Arc<Semaphore>,
    /// The same for reads.
    reads: Arc<Semaphore>,
    /// The reader that is asked next.
    turn: AtomicUsize,
}

impl Embedded {
    /// Opens or creates the file at `path` and starts the threads. There are no collections until they are declared. One
    /// that is no longer declared keeps its documents.
    ///
    /// # Errors
    /// If the file or its folder cannot be used.
    pub fn open(path: &Path, durability: Durability) -> Result<Arc<Self>, OpenError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder {
                path: path.to_owned(),
                source,
            })?;
        }
        Self::start(path, durability).map_err(|source| OpenError::Database {
            path: path.to_owned(),
            source,
        })
    }

    fn start(path: &Path, durability: Durability) -> rusqlite::Result<Arc<Self>> {
        // The writer comes first: it creates the file that the readers open.
        let connection = sqlite::writer(path, durability)?;
        schema::prepare(&connection)?;
        let layout = Arc::new(Shared::default());
        let writer = Session::new(connection, Arc::clone(&layout))?;
        let writer = Writer::start(writer, sqlite::Log::of(path));
        let readers = (0..READERS)
            .map(|_| Session::new(sqlite::reader(path)?, Arc::clone(&layout)).map(thread::reader))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Arc::new(Self {
            writer,
            readers,
            layout,
            writes: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            reads: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            turn: AtomicUsize::new(0),
        }))
    }

    /// `held` is what the call itself takes in the queue, in bytes.
    async fn read<T: Send + 'static>(
        &self,
        held: usize,
        work: impl FnOnce(&Session) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let end = Instant::now() + READ_MAX;
        let place = place(&self.reads, held).await?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let (reply, answer) = oneshot::channel();
        let call: thread::ReadCall = Box::new(Read {
            reply,
            end,
            place,
            work,
        });
        send(&self.readers[turn], call, answer).await
    }

    /// `held` is as in [`Self::read`]; `bytes` is what the work writes, at most.
    async fn write<T: Send + 'static>(
        &self,
        held: usize,
        bytes: usize,
        work: impl FnOnce(&Session, &mut i64) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let place = place(&self.writes, held).await?;
        let (reply, answer) = oneshot::channel();
        let call = WriteCall::Write(Box::new(Written {
            reply,
            bytes,
            place,
            work,
        }));
        send(self.writer.calls(), call, answer).await
    }
}

/// A place in a queue, waited for under the caller's deadline. It goes with the call and not with the caller: the bytes of
/// one that has given up are held until a thread comes to it.
async fn place(queue: &Arc<Semaphore>, held: usize) -> Result<OwnedSemaphorePermit, Error> {
    let bytes = u32::try_from(held.min(QUEUE_BYTES_MAX)).expect("the bound of a queue is small");
    let place = Arc::clone(queue).acquire_many_owned(bytes).await;
    place.map_err(|_| Error::Unavailable)
}

/// Sends a call to a thread and waits for its answer. A thread that is gone has logged why.
async fn send<C, T>(
    thread: &mpsc::Sender<C>,
    call: C,
    answer: oneshot::Receiver<Result<T, Error>>,
) -> Result<T, Error> {
    thread.send(call).await.map_err(|_| Error::Unavailable)?;
    answer.await.map_err(|_| Error::Unavailable)?
}

#[async_trait::async_trait]
impl Store for Embedded {
    async fn declare(&self, collections: BTreeMap<String, Declared>) -> Result<(), DeclareError> {
        let (reply, answer) = oneshot::channel();
        let call = WriteCall::Declare(Declaration { collections, reply });
        let sent = self.writer.calls().send(call).await;
        sent.map_err(|_| DeclareError::Unavailable)?;
        answer.await.map_err(|_| DeclareError::Unavailable)?
    }

    fn declared(&self) -> BTreeMap<String, Declared> {
        self.layout.read().declared.clone()
    }

    async fn get(
        &self,
        collection: String,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document>>, Error> {
        let held = ids.iter().map(String::len).sum();
        self.read(held, move |session| {
            find::get(session, &*session.collection(&collection)?, &ids)
        })
        .await
    }

    async fn find(&self, collection: String, query: Query) -> Result<Page, Error> {
        self.read(query.filter.bytes(), move |session| {
            find::find(session, &*session.collection(&collection)?, &query)
        })
        .await
    }

    async fn count(
        &self,
        collection: String,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Error> {
        self.read(filter.bytes(), move |session| {
            let collection = session.collection(&collection)?;
            find::count(session, &collection, &filter, search.as_deref())
        })
        .await
    }

    async fn facets(
        &self,
        collection: String,
        filter: Filter,
        search: Option<String>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        self.read(filter.bytes(), move |session| {
            let collection = session.collection(&collection)?;
            facets::facets(session, &collection, &filter, search.as_deref(), &facets)
        })
        .await
    }

    async fn put(
        &self,
        collection: String,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<Version, Error>>, Error> {
        let sizes = writes.iter().map(|write| write.id.len() + write.body.len());
        let bytes = sizes.sum();
        self.write(bytes, bytes, move |session, version| {
            change::put(
                session,
                &*session.collection(&collection)?,
                version,
                &writes,
            )
        })
        .await
    }

    async fn find_and_update(
        &self,
        collection: String,
        update: Update,
    ) -> Result<Option<Document>, Error> {
        let (held, bytes) = (update.bytes(), update.document_bytes_max);
        self.write(held, bytes, move |session, version| {
            change::update(
                session,
                &*session.collection(&collection)?,
                version,
                &update,
            )
        })
        .await
    }

    async fn delete(
        &self,
        collection: String,
        id: String,
        precondition: Precondition,
    ) -> Result<bool, Error> {
        self.write(id.len(), 0, move |session, _| {
            change::delete(
                session,
                &*session.collection(&collection)?,
                &id,
                precondition,
            )
        })
        .await
    }

    async fn delete_matching(
        &self,
        collection: String,
        filter: Filter,
        limit: usize,
    ) -> Result<usize, Error> {
        self.write(filter.bytes(), 0, move |session, _| {
            change::delete_matching(session, &*session.collection(&collection)?, &filter, limit)
        })
        .await
    }

    async fn bytes(&self, collections: Vec<String>) -> Result<u64, Error> {
        self.read(0, move |session| find::bytes(session, &collections))
            .await
    }
}
