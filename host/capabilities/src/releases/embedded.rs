//! The history of one host: a SQLite file, and a folder of files named by their digests.
//!
//! ```text
//! history.db    releases, changes and the audit log
//! files/        one file per digest
//! incoming/     files on their way in; emptied when the store is opened
//! ```
//!
//! A file is written aside, synced and renamed, and its folder synced, before a release may name it. Names appear in and
//! go from `files/` on the history's thread alone, so that no file is pruned between the check of a release and its
//! commit. Callers only ever wait on a channel: no file is touched on their executor.

mod files;
mod history;
mod schema;
#[cfg(test)]
mod tests;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::watch;

use self::files::Files;
use self::history::History;
use self::worker::Worker;
use super::{
    Audit, Change, Digest, Error, FILE_BYTES_MAX, NewAudit, NewChange, NewRelease, Release, Store,
};

/// Threads that read, write and hash files.
const FILE_THREADS: usize = 2;
/// Calls that may wait for the history's thread; more wait in their callers.
const QUEUE_CALLS_MAX: usize = 256;
/// Calls that may wait for one thread of files: each may hold a whole file.
const QUEUE_FILES_MAX: usize = 4;

/// Where the history of this host lies: `[releases.embedded]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The folder, relative to the state directory; default `releases`.
    pub path: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: "releases".into(),
        }
    }
}

/// Why a history could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be used.
    #[error("cannot use the folder `{}`", path.display())]
    Folder {
        /// The folder that was to be opened.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// SQLite refuses the file.
    #[error("cannot open `{}`; if it is not a release history of Stoa, move it away", path.display())]
    Database {
        /// The file that was to be opened.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// A later version of Stoa wrote the file.
    #[error(
        "`{}` is a release history of a newer Stoa (form {found}, this one knows {}): start that one, or move the folder away",
        path.display(), schema::FORM
    )]
    Newer {
        /// The file that was to be opened.
        path: PathBuf,
        /// The form that it has.
        found: i64,
    },
    /// The system gives no more threads.
    #[error("cannot start the threads of the release history")]
    Threads(#[source] std::io::Error),
}

/// An open history. Its threads end when it is dropped.
pub struct Embedded {
    files: Files,
    history: Worker<History>,
    lanes: Vec<Worker<()>>,
    /// The lane that the next file is given.
    turn: AtomicUsize,
    /// The latest version; 0 before the first.
    latest: watch::Receiver<u64>,
}

impl Embedded {
    /// Opens or creates the folder, removes what a crash left there, and starts the threads. Nobody else may have it
    /// open.
    pub fn open(folder: &Path) -> Result<Arc<Self>, OpenError> {
        let files = Files::open(folder).map_err(|source| OpenError::Folder {
            path: folder.to_owned(),
            source,
        })?;
        let (history, latest) = History::open(&folder.join("history.db"), files.clone())?;
        let lanes = (0..FILE_THREADS).map(|_| Worker::spawn("releases-files", QUEUE_FILES_MAX, ()));
        Ok(Arc::new(Self {
            history: Worker::spawn("releases", QUEUE_CALLS_MAX, history)
                .map_err(OpenError::Threads)?,
            lanes: lanes
                .collect::<std::io::Result<_>>()
                .map_err(OpenError::Threads)?,
            turn: AtomicUsize::new(0),
            files,
            latest,
        }))
    }

    fn lane(&self) -> &Worker<()> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.lanes.len();
        &self.lanes[turn]
    }
}

#[async_trait::async_trait]
impl Store for Embedded {
    async fn current(&self) -> Result<Option<Change>, Error> {
        self.history.run(|history| history.current()).await
    }

    async fn publish(
        &self,
        expected: u64,
        release: Option<NewRelease>,
        change: NewChange,
    ) -> Result<Change, Error> {
        self.history
            .run(move |history| history.publish(expected, release, change))
            .await
    }

    async fn release(&self, number: u64) -> Result<Option<Release>, Error> {
        self.history
            .run(move |history| history.release(number))
            .await
    }

    async fn releases(&self, before: Option<u64>, limit: usize) -> Result<Vec<Release>, Error> {
        self.history
            .run(move |history| history.releases(before, limit))
            .await
    }

    async fn changes(&self, before: Option<u64>, limit: usize) -> Result<Vec<Change>, Error> {
        self.history
            .run(move |history| history.changes(before, limit))
            .await
    }

    async fn newer(&self, version: u64) -> Result<(), Error> {
        let mut latest = self.latest.clone();
        let newer = latest.wait_for(|latest| *latest > version).await;
        newer.map(drop).map_err(|_| worker::gone())
    }

    async fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, Error> {
        let (files, digests) = (self.files.clone(), digests.to_vec());
        self.lane().run(move |_| files.missing(&digests)).await
    }

    async fn put(&self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Error::TooLarge {
                limit: FILE_BYTES_MAX,
            });
        }
        let (files, history) = (self.files.clone(), self.history.clone());
        self.lane()
            .run(move |_| {
                let staged = files.stage(digest, &bytes)?;
                drop(bytes);
                history.wait(move |history| history.place(staged))
            })
            .await
    }

    async fn get(&self, digest: Digest) -> Result<Bytes, Error> {
        let files = self.files.clone();
        self.lane().run(move |_| files.read(digest)).await
    }

    async fn record(&self, entry: NewAudit) -> Result<(), Error> {
        self.history
            .run(move |history| history.record(&entry))
            .await
    }

    async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<Audit>, Error> {
        self.history
            .run(move |history| history.audit(before, limit))
            .await
    }

    async fn prune(&self, releases_kept: u64) -> Result<u64, Error> {
        self.history
            .run(move |history| history.prune(releases_kept))
            .await
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error.into())
    }
}
