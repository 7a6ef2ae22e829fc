//! How this crate opens SQLite files: one place for the pragmas that durability rests on.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tracing::warn;

use crate::Durability;

/// Waits of one connection for another's lock; only a checkpoint ever makes one wait.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection.
const STATEMENTS_CACHED_MAX: usize = 64;

/// Opens the one connection that writes, creating the file.
///
/// In WAL mode a commit is in the operating system's hands when it returns, so it survives the end of this process
/// under every `synchronous` setting; `FULL` adds the sync that a power cut asks for, `NORMAL` keeps the file consistent
/// after one (<https://sqlite.org/pragma.html#pragma_synchronous>).
pub(crate) fn writer(path: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // Answers the mode that it is in: a file system without shared memory would keep another one.
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(rusqlite::Error::InvalidParameterName(format!(
            "journal mode `{mode}` instead of `wal`"
        )));
    }
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Power => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // A WAL that one large import blew up shrinks again.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    tuned(connection)
}

/// A write-ahead log beyond this is written back at once.
const LOG_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// The write-ahead log of a file. SQLite writes it back by itself, but starts it anew only in a moment without readers,
/// which a busy store may never have.
pub(crate) struct Log(PathBuf);

impl Log {
    pub(crate) fn of(path: &Path) -> Self {
        let mut log = OsString::from(path);
        log.push("-wal");
        Self(log.into())
    }

    /// Makes the log start anew if it has grown too long: waits for readers, who are done in milliseconds.
    pub(crate) fn bound(&self, connection: &Connection) {
        if fs::metadata(&self.0).is_ok_and(|log| log.len() > LOG_BYTES_MAX)
            && let Err(error) =
                connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
        {
            warn!(%error, "the write-ahead log could not be started anew, it grows on");
        }
    }
}

/// Opens a connection that can only read.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    tuned(Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?)
}

fn tuned(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY_MAX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    // Files come from a folder that others may write to: no triggers or views of theirs run with our rights.
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}
