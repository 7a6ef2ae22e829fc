//! The embedded store: one SQLite file per label, one thread that writes, a few that read.
//!
//! Writes that arrive while a transaction commits share the next one (group commit), so that many small writers cost
//! one commit. Readers see the last commit and never wait for the writer. Guests' executors only ever wait on a
//! channel: no file is touched on their threads.
//!
//! A value that has ended is left out by whoever reads. The writer removes it from the file, a bounded number with each
//! commit that it makes anyway, and the rest when nothing else is to be done.

mod entries;
mod expiry;
mod inbox;
mod reader;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::error;

use super::{Change, Error, Page, Range, Store, Value, Version};
use crate::{Durability, sqlite};

/// Calls that may wait for one thread; more wait in their callers, under their deadline.
const QUEUE_CALLS_MAX: usize = 1024;
/// Bytes of keys and values that may wait for the writer, those of callers who have given up included: the largest call
/// fits several times.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Threads that read, each with a connection of its own.
const READERS: usize = 2;

/// Where an embedded store lies and what it promises: `[keyvalue.<label>.embedded]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file, relative to the state directory; default `keyvalue/<label>.db`.
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
    #[error("cannot open `{}`; if it is not a key-value store of Stoa, move it away", path.display())]
    Database {
        /// The file that was to be opened.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

/// An open embedded store. Its threads end when it is dropped; what was acknowledged before is in the file.
pub struct Embedded {
    writer: mpsc::Sender<writer::Call>,
    /// What is left of [`QUEUE_BYTES_MAX`]; a permit is one byte.
    queue: Arc<Semaphore>,
    readers: Vec<mpsc::Sender<reader::Call>>,
    /// The reader that is asked next.
    turn: AtomicUsize,
}

impl Embedded {
    /// Opens or creates the file at `path` and starts the threads.
    pub fn open(path: &Path, durability: Durability) -> Result<Arc<Self>, OpenError> {
        Self::open_idling(path, durability, writer::IDLE_MAX)
    }

    /// Opens it with a writer that removes what has ended when it was idle for so long.
    fn open_idling(
        path: &Path,
        durability: Durability,
        idle_max: Duration,
    ) -> Result<Arc<Self>, OpenError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder {
                path: path.to_owned(),
                source,
            })?;
        }
        let failed = |source| OpenError::Database {
            path: path.to_owned(),
            source,
        };
        // The writer comes first: it creates the file that the readers open.
        let connection = sqlite::writer(path, durability).map_err(failed)?;
        let writer = writer::spawn(connection, path, idle_max).map_err(failed)?;
        let readers = (0..READERS)
            .map(|_| Ok(reader::spawn(sqlite::reader(path)?)))
            .collect::<rusqlite::Result<Vec<_>>>()
            .map_err(failed)?;
        Ok(Arc::new(Self {
            writer,
            queue: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            readers,
            turn: AtomicUsize::new(0),
        }))
    }

    /// A place in the writer's queue. It goes with the call, not with the caller: bytes that nobody waits for any more
    /// are still held until the writer comes to them.
    async fn place(&self, changes: &[Change]) -> Result<OwnedSemaphorePermit, Error> {
        let bytes = u32::try_from(changes.iter().map(held).sum::<usize>());
        let bytes = bytes.expect("a call was found to be within its limits");
        let place = Arc::clone(&self.queue).acquire_many_owned(bytes).await;
        place.map_err(|_| Error::Unavailable)
    }

    async fn read<T>(&self, call: impl FnOnce(Reply<T>) -> reader::Call) -> Result<T, Error> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        ask(&self.readers[turn], call).await
    }
}

#[async_trait::async_trait]
impl Store for Embedded {
    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<Value>>, Error> {
        self.read(|reply| reader::Call::Get(keys, reply)).await
    }

    async fn list(&self, range: Range) -> Result<Page, Error> {
        self.read(|reply| reader::Call::List(range, reply)).await
    }

    async fn apply(&self, changes: Vec<Change>) -> Result<Version, Error> {
        let place = self.place(&changes).await?;
        ask(&self.writer, |reply| {
            writer::Call::Apply(changes, place, reply)
        })
        .await
    }

    async fn increment(&self, key: String, delta: i64) -> Result<i64, Error> {
        ask(&self.writer, |reply| {
            writer::Call::Increment(key, delta, reply)
        })
        .await
    }

    async fn usage(&self, prefix: String) -> Result<u64, Error> {
        self.read(|reply| reader::Call::Usage(prefix, reply)).await
    }
}

fn held(change: &Change) -> usize {
    change.key.len() + change.action.value().map_or(0, <[u8]>::len)
}

type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Sends a call to a thread and waits for its answer. A thread that is gone has logged why.
async fn ask<C, T>(thread: &mpsc::Sender<C>, call: impl FnOnce(Reply<T>) -> C) -> Result<T, Error> {
    let (reply, answer) = oneshot::channel();
    thread
        .send(call(reply))
        .await
        .map_err(|_| Error::Unavailable)?;
    answer.await.map_err(|_| Error::Unavailable)?
}

/// What SQLite said stays in the log; the guest learns that the store is unavailable.
fn unavailable(source: &rusqlite::Error) -> Error {
    error!(error = %source, "embedded key-value store failed");
    Error::Unavailable
}
