//! Connections to the database: how they are made, lent and given up.

use std::pin::Pin;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, PgConnection, PgPool};
use stoa_capabilities::releases::Error;
use stoa_capabilities::releases::config::{self, Tls};
use stoa_capabilities::variables::Secret;
use tokio::time::timeout;

use super::{CALL_MAX, OpenError};

/// Connections for calls; one more follows. More calls than that wait, under their deadline.
const CONNECTIONS_MAX: u32 = 4;
/// A connection is made, or becomes free, within this.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How every transaction of ours that writes begins, whatever the database's default: what is read after a lock was
/// waited for is what its last holder wrote.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Settings of every session. The server ends what a host that is cut off has left open, and with it its locks.
const SETTINGS: [(&str, &str); 2] = [
    ("statement_timeout", "60s"),
    ("idle_in_transaction_session_timeout", "60s"),
];

/// Why a piece of work on a connection did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was refused; the connection is good.
    Refused(Error),
    /// The database or the way to it failed.
    Database(sqlx::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// How the database is reached. Whoever has the result sees to it that it is not shown: it holds the password.
pub(super) async fn options(config: &config::Postgres) -> Result<PgConnectOptions, OpenError> {
    if !config::is_schema(&config.schema) {
        return Err(OpenError::Schema(config.schema.clone()));
    }
    let parsed: Result<PgConnectOptions, sqlx::Error> = config.url.expose().parse();
    let mut options = parsed.map_err(OpenError::Url)?;
    if let Some(password) = password(config).await? {
        options = options.password(password.expose().trim_end_matches(['\r', '\n']));
    }
    // Names are looked up in this schema alone, after PostgreSQL's own.
    let settings = [("search_path", &*config.schema)];
    Ok(secured(options, config.tls.as_ref())
        .application_name("stoa")
        .options(settings.into_iter().chain(SETTINGS))
        .disable_statement_logging())
}

async fn password(config: &config::Postgres) -> Result<Option<Secret>, OpenError> {
    let Some(path) = &config.password_file else {
        return Ok(None);
    };
    match tokio::fs::read_to_string(path).await {
        Ok(text) => Ok(Some(Secret::new(text))),
        Err(source) => Err(OpenError::PasswordFile {
            path: path.clone(),
            source,
        }),
    }
}

fn secured(options: PgConnectOptions, tls: Option<&Tls>) -> PgConnectOptions {
    match tls {
        None => options,
        Some(Tls::Disable) => options.ssl_mode(PgSslMode::Disable),
        Some(Tls::Prefer) => options.ssl_mode(PgSslMode::Prefer),
        Some(Tls::Require) => options.ssl_mode(PgSslMode::Require),
        Some(Tls::Verify { ca_file: None }) => options.ssl_mode(PgSslMode::VerifyFull),
        Some(Tls::Verify {
            ca_file: Some(file),
        }) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file),
    }
}

/// What is done when a history is opened ends within a call's deadline too.
pub(super) async fn within_open<T>(
    work: impl Future<Output = Result<T, OpenError>>,
) -> Result<T, OpenError> {
    let done = timeout(CALL_MAX, work).await;
    done.unwrap_or(Err(OpenError::Deadline(CALL_MAX)))
}

/// Work on a connection.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'c>>;

/// The database, through a few connections that are made when they are needed.
pub(super) struct Database(PgPool);

impl Database {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECT_MAX);
        Self(pool.connect_lazy_with(options))
    }

    /// Does a piece of work within a deadline. A connection that was lost is found out before it is lent again, and
    /// another one made in its place.
    pub(super) async fn call<T, F>(&self, limit: Duration, work: F) -> Result<T, Error>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T>,
    {
        match timeout(limit, self.lend(work)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                let message = format!("no answer from the database within {limit:?}");
                Err(Error::Unavailable(message.into()))
            }
        }
    }

    async fn lend<T, F>(&self, work: F) -> Result<T, Failure>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T>,
    {
        let mut lent = Lent {
            connection: self.0.acquire().await?,
            good: false,
        };
        let connection: &mut PgConnection = &mut lent.connection;
        let answer = work(connection).await;
        lent.good = !matches!(answer, Err(Failure::Database(_)));
        answer
    }
}

/// A connection at work. Given up midway, by a deadline or because its caller has gone, it is closed and not lent again:
/// nobody knows what it would answer to.
struct Lent {
    connection: PoolConnection<sqlx::Postgres>,
    good: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.good {
            self.connection.close_on_drop();
        }
    }
}
