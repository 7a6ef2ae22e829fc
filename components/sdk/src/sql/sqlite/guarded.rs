//! A connection that refuses what no component may do.

use super::super::{Access, Column, Error, Executed, Rows, Statement, Value};
use super::codec;
use super::failure::translate;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whatever is lost with the machine is only a test.
const SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON";

pub(super) struct Guarded {
    connection: Connection,
    seen: Arc<Seen>,
}

/// What SQLite asks about while it compiles a statement.
#[derive(Default)]
struct Seen {
    /// The statement is not the component's.
    own: AtomicBool,
    inserting: AtomicBool,
}

impl Guarded {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Self::connect(path).map_err(translate)
    }

    fn connect(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::ZERO)?;
        connection.execute_batch(SETTINGS)?;
        let seen = Arc::new(Seen::default());
        let asked = Arc::clone(&seen);
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            asked.verdict(&context.action)
        }))?;
        Ok(Self { connection, seen })
    }

    pub(super) fn begin(&self, access: Access) -> Result<(), Error> {
        self.own(match access {
            Access::Write => "BEGIN IMMEDIATE",
            // The first read fixes the moment that the transaction sees.
            Access::Read => "BEGIN; SELECT rootpage FROM sqlite_schema LIMIT 1",
        })
    }

    pub(super) fn commit(&self) -> Result<(), Error> {
        self.own("COMMIT")
    }

    /// Undoes the transaction, if SQLite has not done so already.
    pub(super) fn rollback(&self) -> Result<(), Error> {
        match self.connection.is_autocommit() {
            true => Ok(()),
            false => self.own("ROLLBACK"),
        }
    }

    pub(super) fn run(&self, text: &str) -> Result<(), Error> {
        self.connection.execute_batch(text).map_err(translate)
    }

    fn own(&self, text: &str) -> Result<(), Error> {
        self.seen.own.store(true, Ordering::Relaxed);
        let outcome = self.run(text);
        self.seen.own.store(false, Ordering::Relaxed);
        outcome
    }

    pub(super) fn query(
        &self,
        statement: &Statement,
    ) -> Result<(Vec<Column>, Vec<Vec<Value>>), Error> {
        let mut compiled = self.compile(&statement.text)?;
        if !compiled.readonly() {
            return Err(Error::Denied("this call may only read".to_owned()));
        }
        codec::bind(&mut compiled, &statement.parameters)?;
        codec::collect(&mut compiled)
    }

    pub(super) fn execute(&self, statement: &Statement) -> Result<Executed, Error> {
        let before = self.connection.total_changes();
        let mut compiled = self.compile(&statement.text)?;
        let inserts = self.seen.inserting.load(Ordering::Relaxed);
        codec::bind(&mut compiled, &statement.parameters)?;
        let (columns, rows) = codec::collect(&mut compiled)?;
        // What changes nothing leaves the numbers of the statement before.
        let changed = self.connection.total_changes() != before;
        Ok(Executed {
            rows_affected: if changed {
                self.connection.changes()
            } else {
                0
            },
            last_insert_id: (changed && inserts).then(|| self.connection.last_insert_rowid()),
            returned: Rows::new(columns, rows),
        })
    }

    fn compile(&self, text: &str) -> Result<rusqlite::Statement<'_>, Error> {
        self.seen.inserting.store(false, Ordering::Relaxed);
        self.connection.prepare(text).map_err(translate)
    }
}

impl Seen {
    fn verdict(&self, action: &AuthAction<'_>) -> Authorization {
        match action {
            _ if self.own.load(Ordering::Relaxed) => Authorization::Allow,
            AuthAction::Transaction { .. }
            | AuthAction::Savepoint { .. }
            | AuthAction::Attach { .. }
            | AuthAction::Detach { .. } => Authorization::Deny,
            // Changes of a table's columns look at its rows this way.
            AuthAction::Pragma { pragma_name, .. } if *pragma_name != "quick_check" => {
                Authorization::Deny
            }
            AuthAction::Insert { table_name } => {
                if !table_name.starts_with("sqlite_") {
                    self.inserting.store(true, Ordering::Relaxed);
                }
                Authorization::Allow
            }
            _ => Authorization::Allow,
        }
    }
}
