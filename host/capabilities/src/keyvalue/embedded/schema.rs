//! The tables of a store, in a new file or in one that an earlier release made.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, TransactionBehavior};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS entries (
        key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL, expires_at INTEGER
    );
    CREATE TABLE IF NOT EXISTS sequence (id INTEGER PRIMARY KEY CHECK (id = 0), version INTEGER NOT NULL);
    INSERT OR IGNORE INTO sequence VALUES (0, 0);
";

/// Finds what has ended; what does not end is not in it and costs nothing.
const INDEX: &str = "
    CREATE INDEX IF NOT EXISTS entries_by_end ON entries (expires_at) WHERE expires_at IS NOT NULL;
";

/// Makes the tables, and brings those of an earlier release up to date: all of it or nothing.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    if !has_ends(&transaction)? {
        transaction.execute_batch("ALTER TABLE entries ADD COLUMN expires_at INTEGER")?;
    }
    transaction.execute_batch(INDEX)?;
    raise_sequence(&transaction)?;
    transaction.commit()
}

fn has_ends(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_table_info('entries') WHERE name = 'expires_at')",
        [],
        |row| row.get(0),
    )
}

/// Lifts the sequence above every version that was ever given out. The file alone does not know them all: a power cut
/// may take its last commits, and a state directory that was removed or restored takes the count with it, while clients
/// keep versions as entity tags. No writer makes a write per microsecond, so that the clock is ahead of any sequence
/// that started at it.
fn raise_sequence(connection: &Connection) -> rusqlite::Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let microseconds = i64::try_from(now.as_micros()).unwrap_or(0);
    connection.execute(
        "UPDATE sequence SET version = max(version, ?1)",
        [microseconds],
    )?;
    Ok(())
}
