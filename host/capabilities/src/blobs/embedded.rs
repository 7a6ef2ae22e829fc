//! The embedded store: files with random names in one folder, and an index of them in SQLite.
//!
//! A blob arrives in a file of its own, is moved to its place when it is whole, and becomes visible by its row in the
//! index: the commit of that row is the one moment at which it is there. What a crash leaves behind is listed in the
//! index and removed when the store is opened again.
//!
//! Class `power` syncs the bytes, their folders and then the row before it acknowledges. Class `process` syncs nothing
//! in a call; what was written in the last seconds before a power cut may be gone, and with it the blob it replaced.
//!
//! Guests' executors only ever wait on a channel: no file is touched on their threads.

mod cleaner;
mod failure;
mod files;
mod index;
mod sink;
mod source;
mod sweep;
#[cfg(test)]
mod tests;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use tracing::error;

use self::cleaner::Cleaner;
use self::failure::Failure;
use self::files::{Layout, Staged, Synced, Syncs, Unsynced};
use self::index::{Changed, Found};
use self::sink::Upload;
use self::source::Download;
use self::worker::Worker;
use super::presign::{Claims, Signer};
use super::{Condition, Error, Info, Options, Page, Part, Place, Range, Sink, Source, Store};
use crate::Durability;
use crate::sqlite::{self, Log};

/// Threads that read and write files. A blob that is open stays with one of them.
const FILE_THREADS: usize = 4;
/// How often a blob is looked up whose file went away in between, because it was replaced each time.
const LOOKUPS_MAX: usize = 8;

/// Where an embedded store lies and what it promises: `[blobs.<label>.embedded]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The folder, relative to the state directory; default `blobs/<label>`.
    pub path: PathBuf,
    /// Default `process`.
    pub durability: Durability,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder could not be made.
    #[error("cannot use the folder `{}`", path.display())]
    Folder {
        /// The folder that was to be opened.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// SQLite refuses the index.
    #[error("cannot open `{}`; if it is not the index of a blob store of Stoa, move it away", path.display())]
    Database {
        /// The index.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The system gives no more threads.
    #[error("cannot start the threads of a blob store")]
    Threads(#[source] std::io::Error),
}

/// An open embedded store. Its threads end when it and all that it opened is dropped; what was acknowledged before is on
/// its way to the disk, or there.
pub struct Embedded(Arc<Shared>);

/// What an open store and the blobs open in it have in common.
struct Shared {
    layout: Layout,
    syncs: Box<dyn Syncs>,
    /// The one connection that writes.
    index: Worker<Connection>,
    log: Arc<Log>,
    lookups: Worker<Connection>,
    lanes: Vec<Worker<()>>,
    /// The lane that the next blob is given.
    turn: AtomicUsize,
    cleaner: Cleaner,
    signer: Arc<Signer>,
}

impl Embedded {
    /// Opens or creates the folder at `root`, removes what a crash left there, and starts the threads. Nobody else may
    /// have the folder open. `signer` makes the store's URLs.
    pub fn open(
        root: &Path,
        durability: Durability,
        signer: Arc<Signer>,
    ) -> Result<Arc<Self>, OpenError> {
        let syncs: Box<dyn Syncs> = match durability {
            Durability::Process => Box::new(Unsynced),
            Durability::Power => Box::new(Synced),
        };
        Self::open_with(root, durability, signer, syncs)
    }

    fn open_with(
        root: &Path,
        durability: Durability,
        signer: Arc<Signer>,
        syncs: Box<dyn Syncs>,
    ) -> Result<Arc<Self>, OpenError> {
        let layout = Layout::new(root);
        let made = layout.create();
        let synced =
            made.and_then(|changed| changed.into_iter().try_for_each(|it| syncs.folder(it)));
        synced.map_err(|source| OpenError::Folder {
            path: root.to_owned(),
            source,
        })?;
        let (writer, reader) = connect(&layout, durability).map_err(|source| {
            let path = layout.index();
            OpenError::Database { path, source }
        })?;
        let shared = Shared::start(layout, durability, (writer, reader), syncs, signer);
        let shared = shared.map_err(OpenError::Threads)?;
        Ok(Arc::new(Self(Arc::new(shared))))
    }
}

/// The writer comes first: it creates the file that the reader opens.
fn connect(layout: &Layout, durability: Durability) -> rusqlite::Result<(Connection, Connection)> {
    let mut writer = sqlite::writer(&layout.index(), durability)?;
    writer.execute_batch(index::SCHEMA)?;
    sweep::run(layout, &mut writer, durability)?;
    Ok((writer, sqlite::reader(&layout.index())?))
}

impl Shared {
    fn start(
        layout: Layout,
        durability: Durability,
        (writer, reader): (Connection, Connection),
        syncs: Box<dyn Syncs>,
        signer: Arc<Signer>,
    ) -> std::io::Result<Self> {
        let index = Worker::spawn("blobs-index", writer)?;
        let lanes = (0..FILE_THREADS).map(|_| Worker::spawn("blobs-files", ()));
        Ok(Self {
            syncs,
            lookups: Worker::spawn("blobs-lookups", reader)?,
            lanes: lanes.collect::<std::io::Result<_>>()?,
            turn: AtomicUsize::new(0),
            cleaner: Cleaner::spawn(layout.clone(), index.clone(), durability)?,
            index,
            log: Arc::new(Log::of(&layout.index())),
            layout,
            signer,
        })
    }

    fn lane(&self) -> Worker<()> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.lanes.len();
        self.lanes[turn].clone()
    }

    async fn find(&self, place: Place) -> Result<Option<Found>, Error> {
        self.lookups
            .run(move |connection| Ok(index::find(connection, &place)?))
            .await
    }

    /// Changes the index, and has the file removed that nobody refers to any more. That happens where the change does:
    /// its caller may be gone by then.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<Changed<T>, Failure> + Send + 'static,
        successor: impl FnOnce(&T) -> Option<String> + Send + 'static,
    ) -> Result<T, Error> {
        let (cleaner, log) = (self.cleaner.clone(), Arc::clone(&self.log));
        self.index
            .run(move |connection| {
                let Changed { result, retired } = work(connection)?;
                if let Some(content) = retired {
                    cleaner.retire(content, successor(&result));
                }
                log.bound(connection);
                Ok(result)
            })
            .await
    }
}

#[async_trait::async_trait]
impl Store for Embedded {
    async fn head(&self, place: Place) -> Result<Option<Info>, Error> {
        Ok(self.0.find(place).await?.map(|found| found.info))
    }

    async fn get(&self, place: Place, part: Part) -> Result<Box<dyn Source>, Error> {
        let lane = self.0.lane();
        for _ in 0..LOOKUPS_MAX {
            let Some(Found { info, content }) = self.0.find(place.clone()).await? else {
                return Err(Error::NotFound { name: place.name });
            };
            let (layout, size) = (self.0.layout.clone(), info.size);
            let open = lane.run(move |_| files::open(&layout, &content, size));
            if let Some(file) = open.await? {
                return Ok(Box::new(Download::new(lane, file, info, part)));
            }
        }
        error!("a blob has no file, or was replaced all the time");
        Err(Error::Unavailable)
    }

    async fn list(&self, container: String, range: Range) -> Result<Page, Error> {
        self.0
            .lookups
            .run(move |connection| Ok(index::page(connection, &container, &range)?))
            .await
    }

    async fn put(&self, place: Place, options: Options) -> Result<Box<dyn Sink>, Error> {
        let shared = Arc::clone(&self.0);
        let (cleaner, condition) = (shared.cleaner.clone(), options.condition.clone());
        let begun = place.clone();
        let guard = shared.index.run(move |connection| {
            let guard = cleaner.guard(files::new_content()?);
            index::begin(connection, &begun, guard.content(), &condition)?;
            Ok(guard)
        });
        let guard = guard.await?;
        let (lane, layout) = (shared.lane(), shared.layout.clone());
        let staged = lane.run(move |_| Staged::create(&layout, guard)).await?;
        Ok(Box::new(Upload::new(shared, lane, staged, place, options)))
    }

    async fn copy(
        &self,
        source: Place,
        target: Place,
        bytes_max: u64,
        condition: Condition,
    ) -> Result<Info, Error> {
        let copied = self.0.change(
            move |connection| index::copy(connection, &source, &target, bytes_max, &condition),
            |copied: &Found| Some(copied.content.clone()),
        );
        Ok(copied.await?.info)
    }

    async fn delete(&self, place: Place) -> Result<bool, Error> {
        self.0
            .change(
                move |connection| index::delete(connection, &place),
                |_: &bool| None,
            )
            .await
    }

    async fn stored(&self, containers: Vec<String>) -> Result<u64, Error> {
        self.0
            .lookups
            .run(move |connection| Ok(index::stored(connection, &containers)?))
            .await
    }

    fn presign(&self, claims: &Claims) -> Result<String, Error> {
        Ok(self.0.signer.url(claims))
    }
}

/// In milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
