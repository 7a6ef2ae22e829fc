//! The embedded database: one SQLite file per label, one thread that writes, a few that read.
//!
//! A write transaction has the writing thread for its life, others wait for it. Cursors and transactions that read have
//! threads of their own, so that an idle one never keeps a plain read waiting. Guests' executors only ever wait on a
//! channel: no file is touched on their threads.

mod codec;
mod failure;
mod guard;
mod guarded;
mod migrate;
mod sessions;
#[cfg(test)]
mod tests;
mod thread;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stoa_manifest::grants::Access;
use tokio::sync::{mpsc, oneshot};

use self::guarded::Guarded;
use self::thread::{Call, Work};
use super::{
    Contracting, Cursor, Database, Error, Executed, Migration, Rows, Rules, Statement, Transaction,
    migrations,
};
use crate::Durability;
use crate::sqlite::{self, Log};

/// Calls that may wait for the threads of one kind; more wait in their callers, under their deadline.
const QUEUE_CALLS_MAX: usize = 1024;
/// Threads for single reads, each with a connection of its own.
const READERS: usize = 2;
/// Threads for cursors and transactions that read, so at most so many of them are open.
const SESSIONS: usize = 8;

/// Where an embedded database lies and what it promises: `[sql.<label>.embedded]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file, relative to the state directory; default `sql/<label>.db`.
    pub path: PathBuf,
    /// Default `process`.
    pub durability: Durability,
}

/// Why a database could not be opened.
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
    #[error("cannot open `{}`; if it is not a SQLite database, move it away", path.display())]
    Database {
        /// The file that was to be opened.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

/// An open embedded database. Its threads end when it is dropped; what was acknowledged before is in the file.
pub struct Embedded {
    writer: mpsc::Sender<Call>,
    readers: mpsc::Sender<Call>,
    sessions: mpsc::Sender<Call>,
}

impl Embedded {
    /// Opens or creates the file at `path` and starts the threads.
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
        // The writer comes first: it creates the file that the others open.
        let writer = sqlite::writer(path, durability)?;
        // In every file from the start, so that what guests see does not depend on whether there are migrations.
        writer.execute_batch(migrate::SCHEMA)?;
        let writer = thread::spawn(vec![Guarded::new(writer)?], Some(Log::of(path)));
        let readers = |count| {
            let open = |_| Guarded::new(sqlite::reader(path)?);
            (0..count).map(open).collect::<rusqlite::Result<Vec<_>>>()
        };
        Ok(Arc::new(Self {
            writer,
            readers: thread::spawn(readers(READERS)?, None),
            sessions: thread::spawn(readers(SESSIONS)?, None),
        }))
    }
}

#[async_trait::async_trait]
impl Database for Embedded {
    async fn query(&self, rules: &Arc<Rules>, statement: Statement) -> Result<Rows, Error> {
        ask(&self.readers, rules, |reply| Work::Query(statement, reply)).await
    }

    async fn cursor(
        &self,
        rules: &Arc<Rules>,
        statement: Statement,
    ) -> Result<Box<dyn Cursor>, Error> {
        let cursor = ask(&self.sessions, rules, |reply| {
            Work::Cursor(statement, reply)
        })
        .await?;
        Ok(Box::new(cursor))
    }

    async fn execute(&self, rules: &Arc<Rules>, statement: Statement) -> Result<Executed, Error> {
        let mut executed = self.batch(rules, vec![statement]).await?;
        executed.pop().ok_or(Error::Unavailable)
    }

    async fn batch(
        &self,
        rules: &Arc<Rules>,
        statements: Vec<Statement>,
    ) -> Result<Vec<Executed>, Error> {
        ask(&self.writer, rules, |reply| Work::Batch(statements, reply)).await
    }

    async fn begin(&self, rules: &Arc<Rules>) -> Result<Box<dyn Transaction>, Error> {
        let threads = match rules.access {
            Access::Read => &self.sessions,
            Access::ReadWrite => &self.writer,
        };
        let transaction = ask(threads, rules, Work::Begin).await?;
        Ok(Box::new(transaction))
    }

    async fn migrate(
        &self,
        migrations: Vec<Migration>,
        contracting: Contracting,
    ) -> Result<Vec<String>, migrations::Error> {
        let rules = Arc::new(migrate::rules());
        ask(&self.writer, &rules, |reply| {
            Work::Migrate(migrations, contracting, reply)
        })
        .await?
    }

    async fn check(
        &self,
        migrations: Vec<Migration>,
        contracting: Contracting,
    ) -> Result<Vec<String>, migrations::Error> {
        let rules = Arc::new(migrate::rules());
        ask(&self.writer, &rules, |reply| {
            Work::Check(migrations, contracting, reply)
        })
        .await?
    }
}

type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Sends a call to threads of one kind and waits for its answer. A thread that is gone has logged why. When this future
/// is dropped, so is what keeps the call alive, and the thread interrupts what it does for it.
async fn ask<T>(
    threads: &mpsc::Sender<Call>,
    rules: &Arc<Rules>,
    work: impl FnOnce(Reply<T>) -> Work,
) -> Result<T, Error> {
    let alive = Arc::new(());
    let (reply, answer) = oneshot::channel();
    let call = Call {
        rules: Arc::clone(rules),
        caller: Arc::downgrade(&alive),
        work: work(reply),
    };
    threads.send(call).await.map_err(|_| Error::Unavailable)?;
    let answer = answer.await.map_err(|_| Error::Unavailable)?;
    drop(alive);
    answer
}
