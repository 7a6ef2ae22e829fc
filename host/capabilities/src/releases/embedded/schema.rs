//! The tables of a history, in a new file or in one that an earlier release made.

use rusqlite::{Connection, TransactionBehavior};

/// The form of the tables that this version writes, kept as the file's `user_version`. A file of a later form is left
/// alone: what it means is not known here.
pub(super) const FORM: i64 = 1;

/// The form of a file in which nothing was made yet.
const NONE: i64 = 0;

const TABLES: &str = "
    CREATE TABLE releases (
        number INTEGER PRIMARY KEY, bundle TEXT NOT NULL,
        at_ms INTEGER NOT NULL, actor TEXT NOT NULL, note TEXT NOT NULL
    ) STRICT;
    CREATE TABLE release_files (
        release INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (release, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE changes (
        version INTEGER PRIMARY KEY, stable INTEGER NOT NULL, candidate INTEGER, plan TEXT NOT NULL,
        cause TEXT NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL, actor TEXT NOT NULL
    ) STRICT;
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, actor TEXT NOT NULL,
        origin TEXT NOT NULL, action TEXT NOT NULL, outcome TEXT NOT NULL
    ) STRICT;
    PRAGMA user_version = 1;
";

/// Why a file cannot be used.
#[derive(Debug)]
pub(super) enum Refused {
    /// It has this later form.
    Newer(i64),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Makes the tables if there are none: all of them or nothing.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), Refused> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let form: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match form {
        NONE => {
            transaction.execute_batch(TABLES)?;
            Ok(transaction.commit()?)
        }
        FORM => Ok(()),
        newer => Err(Refused::Newer(newer)),
    }
}
