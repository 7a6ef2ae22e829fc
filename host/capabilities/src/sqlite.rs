//! How this crate opens SQLite files: one place for the pragmas that durability rests on.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

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
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Power => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // A WAL that one large import blew up shrinks again.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    tuned(connection)
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
