//! The thread that removes files nobody refers to any more. A file stays listed in the index as unsettled until it is
//! gone, so what a crash leaves behind is found when the store is opened again, without walking through folders.

use std::fs::File;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc;
use tracing::warn;

use super::files::{self, Layout};
use super::index;
use super::worker::Worker;
use crate::Durability;
use crate::blobs::Error;

/// Files that may wait; what does not fit is removed when the store is opened again.
const QUEUE_FILES_MAX: usize = 16 * 1024;
/// Files that go in one turn.
const FILES_PER_TURN_MAX: usize = 1024;
/// How long the first file of a turn waits for others, so that they share what a turn syncs.
const LINGER: Duration = Duration::from_millis(250);

/// A file that is to go.
enum Leftover {
    /// It never became a blob.
    Abandoned(String),
    /// It was a blob's until this one took its place, or none.
    Retired {
        content: String,
        successor: Option<String>,
    },
}

/// The way to the thread.
#[derive(Clone)]
pub(super) struct Cleaner(mpsc::Sender<Leftover>);

impl Cleaner {
    pub(super) fn spawn(
        layout: Layout,
        index: Worker<Connection>,
        durability: Durability,
    ) -> std::io::Result<Self> {
        let (sender, mut queue) = mpsc::channel(QUEUE_FILES_MAX);
        let cleaning = Cleaning {
            layout,
            index,
            durability,
        };
        thread::Builder::new()
            .name("blobs-cleaner".into())
            .spawn(move || {
                while let Some(first) = queue.blocking_recv() {
                    cleaning.turn(first, &mut queue);
                }
            })?;
        Ok(Self(sender))
    }

    /// Watches over a file that is no blob yet.
    pub(super) fn guard(&self, content: String) -> Guard {
        Guard {
            content,
            kept: false,
            cleaner: self.clone(),
        }
    }

    /// Removes the file of a blob that was replaced or deleted. Readers that have it open read on.
    pub(super) fn retire(&self, content: String, successor: Option<String>) {
        self.send(Leftover::Retired { content, successor });
    }

    fn send(&self, leftover: Leftover) {
        if self.0.try_send(leftover).is_err() {
            warn!("too many files to remove, one stays until the blob store is opened again");
        }
    }
}

/// A file that goes unless it is kept.
pub(super) struct Guard {
    content: String,
    kept: bool,
    cleaner: Cleaner,
}

impl Guard {
    pub(super) fn content(&self) -> &str {
        &self.content
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.kept {
            let content = std::mem::take(&mut self.content);
            self.cleaner.send(Leftover::Abandoned(content));
        }
    }
}

/// What the thread works with.
struct Cleaning {
    layout: Layout,
    index: Worker<Connection>,
    durability: Durability,
}

impl Cleaning {
    fn turn(&self, first: Leftover, queue: &mut mpsc::Receiver<Leftover>) {
        let mut batch = vec![first];
        if self.must_settle(&batch) {
            thread::sleep(LINGER);
        }
        while batch.len() < FILES_PER_TURN_MAX
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        if self.must_settle(&batch)
            && let Err(error) = self.settle(&batch)
        {
            warn!(%error, "files of replaced blobs stay until the blob store is opened again");
            return;
        }
        self.remove(batch);
    }

    /// In class `power`, what replaced a blob was on the disk before it was acknowledged.
    fn must_settle(&self, batch: &[Leftover]) -> bool {
        let retired = |leftover: &Leftover| matches!(leftover, Leftover::Retired { .. });
        self.durability == Durability::Process && batch.iter().any(retired)
    }

    /// Brings to the disk what took the place of files. Otherwise a power cut could bring back rows of files that are
    /// gone.
    fn settle(&self, batch: &[Leftover]) -> Result<(), Error> {
        for leftover in batch {
            if let Leftover::Retired {
                successor: Some(content),
                ..
            } = leftover
            {
                self.sync(content);
            }
        }
        self.index.wait(|connection| index::checkpoint(connection))
    }

    /// One that is gone was replaced itself meanwhile.
    fn sync(&self, content: &str) {
        let synced = File::open(self.layout.placed(content)).and_then(|file| file.sync_all());
        if let Err(error) = synced
            && error.kind() != std::io::ErrorKind::NotFound
        {
            warn!(%error, "a blob could not be synced, it may not survive a power cut");
        }
    }

    fn remove(&self, batch: Vec<Leftover>) {
        let mut gone = Vec::with_capacity(batch.len());
        for leftover in batch {
            let (Leftover::Abandoned(content) | Leftover::Retired { content, .. }) = leftover;
            match files::remove(&self.layout, &content) {
                Ok(()) => gone.push(content),
                Err(error) => warn!(%error, "a file of a blob store could not be removed"),
            }
        }
        // What fails here was logged, and is tried again when the store is opened.
        drop(
            self.index
                .wait(move |connection| index::forget(connection, &gone)),
        );
    }
}
