//! A release history in PostgreSQL, with the files in it too: hosts that share it serve the same.
//!
//! All writers take the lock of one row first, so that versions and numbers are counted up without gaps and no file is
//! pruned between the check of a release and its commit. Who follows is told by `NOTIFY`, and looks every second
//! besides: a notification that is lost costs a second. Times are the database's.
//!
//! What the URL leaves open (a password, `sslmode`) the driver takes from the environment variables of PostgreSQL's own
//! clients, such as `PGPASSWORD`.

mod connection;
mod files;
mod follow;
mod history;
mod schema;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stoa_capabilities::releases::config;
use stoa_capabilities::releases::{
    Audit, Change, Digest, Error, FILE_BYTES_MAX, NewAudit, NewChange, NewRelease, Release, Store,
    verify,
};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};

use self::connection::{Database, Failure};

/// A call is answered within this.
const CALL_MAX: Duration = Duration::from_secs(10);
/// ... and one that moves or removes whole files within this.
const TRANSFER_MAX: Duration = Duration::from_secs(60);

/// Why a history could not be opened. None of them shows the URL.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The schema's name would need quotes.
    #[error("`{0}` is not a name for a schema")]
    Schema(String),
    /// The driver does not understand the URL.
    #[error("the URL of the release history is wrong")]
    Url(#[source] sqlx::Error),
    /// The password is not to be had.
    #[error("cannot read the password file `{}`", path.display())]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be reached, or refuses.
    #[error("cannot use the database of the release history")]
    Database(#[source] sqlx::Error),
    /// The database does not answer.
    #[error("the database of the release history does not answer within {0:?}")]
    Deadline(Duration),
    /// A later version of Stoa wrote the tables.
    #[error(
        "the release history is of a newer Stoa (form {found}, this one knows {}): update this host",
        schema::FORM
    )]
    Newer {
        /// The form that it has.
        found: i32,
    },
}

/// An open history. What it runs in the background ends when it is dropped.
pub struct Postgres {
    database: Database,
    /// The channel of its notifications.
    channel: Arc<str>,
    /// The latest version that was seen; 0 before the first.
    latest: Arc<watch::Sender<u64>>,
    /// Ends with this, which is all it is held for.
    _following: JoinSet<()>,
}

impl Postgres {
    /// Connects, makes the schema and its tables if they are not there, and begins to follow. Belongs to the runtime
    /// that calls it.
    pub async fn open(config: &config::Postgres) -> Result<Arc<Self>, OpenError> {
        let options = connection::options(config).await?;
        let version = connection::within_open(schema::prepare(&options, &config.schema)).await?;
        let latest = Arc::new(watch::Sender::new(version));
        let channel: Arc<str> = format!("releases_{}", config.schema).into();
        let mut following = JoinSet::new();
        following.spawn(follow::run(
            options.clone(),
            Arc::clone(&channel),
            Arc::clone(&latest),
        ));
        Ok(Arc::new(Self {
            database: Database::new(options),
            channel,
            latest,
            _following: following,
        }))
    }
}

#[async_trait::async_trait]
impl Store for Postgres {
    async fn current(&self) -> Result<Option<Change>, Error> {
        self.database
            .call(CALL_MAX, |connection| {
                Box::pin(history::current(connection))
            })
            .await
    }

    async fn publish(
        &self,
        expected: u64,
        release: Option<NewRelease>,
        change: NewChange,
    ) -> Result<Change, Error> {
        let channel = Arc::clone(&self.channel);
        let published = self.database.call(CALL_MAX, move |connection| {
            let writing = history::publish(connection, channel, expected, release, change);
            Box::pin(writing)
        });
        let change = published.await?;
        follow::saw(&self.latest, change.version);
        Ok(change)
    }

    async fn release(&self, number: u64) -> Result<Option<Release>, Error> {
        self.database
            .call(CALL_MAX, move |connection| {
                Box::pin(history::release(connection, number))
            })
            .await
    }

    async fn releases(&self, before: Option<u64>, limit: usize) -> Result<Vec<Release>, Error> {
        self.database
            .call(CALL_MAX, move |connection| {
                Box::pin(history::releases(connection, before, limit))
            })
            .await
    }

    async fn changes(&self, before: Option<u64>, limit: usize) -> Result<Vec<Change>, Error> {
        self.database
            .call(CALL_MAX, move |connection| {
                Box::pin(history::changes(connection, before, limit))
            })
            .await
    }

    async fn newer(&self, version: u64) -> Result<(), Error> {
        let mut latest = self.latest.subscribe();
        let newer = latest.wait_for(|latest| *latest > version).await;
        newer
            .map(drop)
            .map_err(|_| Error::Unavailable("nobody follows the release history".into()))
    }

    async fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, Error> {
        let digests = digests.to_vec();
        self.database
            .call(CALL_MAX, move |connection| {
                Box::pin(files::missing(connection, digests))
            })
            .await
    }

    async fn put(&self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Error::TooLarge {
                limit: FILE_BYTES_MAX,
            });
        }
        let bytes = verified(digest, bytes).await?;
        self.database
            .call(TRANSFER_MAX, move |connection| {
                Box::pin(files::put(connection, digest, bytes))
            })
            .await
    }

    async fn get(&self, digest: Digest) -> Result<Bytes, Error> {
        let read = self.database.call(TRANSFER_MAX, move |connection| {
            Box::pin(files::get(connection, digest))
        });
        match verified(digest, read.await?).await {
            Err(Error::Mismatch { .. }) => Err(Error::Damaged(digest)),
            verified => verified,
        }
    }

    async fn record(&self, entry: NewAudit) -> Result<(), Error> {
        self.database
            .call(CALL_MAX, move |connection| {
                Box::pin(history::record(connection, entry))
            })
            .await
    }

    async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<Audit>, Error> {
        self.database
            .call(CALL_MAX, move |connection| {
                Box::pin(history::audit(connection, before, limit))
            })
            .await
    }

    /// In turns of a bounded number of files, so that nobody who publishes waits for long. Each turn removes some or is
    /// the last.
    async fn prune(&self, releases_kept: u64) -> Result<u64, Error> {
        let mut gone = 0;
        loop {
            let removed = self.database.call(TRANSFER_MAX, move |connection| {
                Box::pin(files::prune(connection, releases_kept))
            });
            match removed.await? {
                0 => break,
                removed => gone += removed,
            }
        }
        self.database
            .call(TRANSFER_MAX, |connection| {
                Box::pin(history::prune_audit(connection))
            })
            .await?;
        Ok(gone)
    }
}

/// Hashing a large file takes long enough to hold up everybody else on this thread.
async fn verified(digest: Digest, bytes: Bytes) -> Result<Bytes, Error> {
    let hashing = spawn_blocking(move || verify(digest, &bytes).map(|()| bytes));
    let verified = hashing.await;
    verified.unwrap_or_else(|error| Err(Error::Unavailable(error.into())))
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Database(error) => Self::Unavailable(error.into()),
        }
    }
}
