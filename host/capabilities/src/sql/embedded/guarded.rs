//! A connection that runs guests' statements: guarded, limited, one statement at a time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::limits::Limit;
use rusqlite::{Batch, CachedStatement, Connection};
use stoa_manifest::grants::Access;
use tracing::error;

use super::codec::{self, Room};
use super::failure::Failure;
use super::guard::{Guard, READS_ONLY};
use crate::sql::{
    Error, Executed, PARAMETERS_MAX, ROW_BYTES_MAX, Rows, Rules, Statement, TEXT_BYTES_MAX,
};

/// What a statement may be made of. Each bounds memory or time that the look at the clock does not.
const LIMITS: [(Limit, usize); 11] = [
    (Limit::SQLITE_LIMIT_LENGTH, ROW_BYTES_MAX),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, TEXT_BYTES_MAX),
    (Limit::SQLITE_LIMIT_COLUMN, 200),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 500),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 100),
    (Limit::SQLITE_LIMIT_VDBE_OP, 1_000_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, PARAMETERS_MAX),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 32),
];
/// Texts that are known to be one statement, per connection.
const KNOWN_MAX: usize = 256;
/// Longer texts are compiled each time.
const KNOWN_BYTES_MAX: usize = 4096;
/// The most pages that a file of SQLite has.
const PAGES_MAX: u64 = 4_294_967_294;

pub(super) struct Guarded {
    connection: Connection,
    guard: Guard,
    page_bytes: u64,
    /// The rules under which the cached statements were compiled.
    compiled_for: RefCell<Option<Arc<Rules>>>,
    /// Whether the statement inserts, by its text.
    known: RefCell<HashMap<String, bool>>,
}

impl Guarded {
    pub(super) fn new(connection: Connection) -> rusqlite::Result<Self> {
        for (limit, bound) in LIMITS {
            connection.set_limit(limit, i32::try_from(bound).unwrap_or(i32::MAX))?;
        }
        // Its catalog cannot be written, whatever else a statement finds.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        let page_bytes: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let guard = Guard::on(&connection)?;
        Ok(Self {
            connection,
            guard,
            page_bytes: page_bytes.unsigned_abs().max(1),
            compiled_for: RefCell::new(None),
            known: RefCell::new(HashMap::new()),
        })
    }

    /// Does `work` under `rules`, for as long as `caller` waits.
    pub(super) fn run<T>(
        &self,
        rules: &Arc<Rules>,
        caller: Weak<()>,
        work: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let outcome = self.enter(rules, caller).and_then(|()| work(self));
        self.guard.leave();
        outcome.map_err(|failure| self.explain(failure, rules))
    }

    fn enter(&self, rules: &Arc<Rules>, caller: Weak<()>) -> Result<(), Failure> {
        self.guard.next_statement();
        let mut compiled_for = self.compiled_for.borrow_mut();
        if compiled_for.as_ref() != Some(rules) {
            // SQLite asks for permission when it compiles, so what was compiled for others is not theirs.
            self.connection.flush_prepared_statement_cache();
            self.bound_size(rules)?;
            *compiled_for = Some(Arc::clone(rules));
        }
        self.guard.enter(rules, caller);
        Ok(())
    }

    /// The database enforces its quota: a file that is larger already may shrink and change, but not grow.
    fn bound_size(&self, rules: &Rules) -> rusqlite::Result<()> {
        if rules.access == Access::Read {
            return Ok(());
        }
        let pages = rules.bytes_max.map_or(PAGES_MAX, |bytes| {
            (bytes / self.page_bytes).clamp(1, PAGES_MAX)
        });
        let pages = i64::try_from(pages).unwrap_or(i64::MAX);
        self.connection.pragma_update(None, "max_page_count", pages)
    }

    /// Goes on for another caller under the same rules.
    pub(super) fn watch(&self, rules: &Arc<Rules>, caller: Weak<()>) {
        self.guard.enter(rules, caller);
    }

    /// Statements of guests are interrupted at `end`.
    pub(super) fn end(&self, end: Option<Instant>) {
        self.guard.end(end);
    }

    /// What a guest is told of the statement that failed last.
    pub(super) fn explain(&self, failure: Failure, rules: &Rules) -> Error {
        failure.explain(rules, self.guard.refusal())
    }

    /// Does what no guest may do, and is not interrupted.
    pub(super) fn as_host<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let rules = self.guard.leave();
        let outcome = work(&self.connection);
        self.guard.restore(rules);
        outcome
    }

    pub(super) fn begin(&self, access: Access) -> Result<(), Failure> {
        Ok(self.as_host(|connection| match access {
            Access::ReadWrite => connection.execute_batch("BEGIN IMMEDIATE"),
            // The first read fixes the moment that the transaction sees.
            Access::Read => {
                connection.execute_batch("BEGIN; SELECT rootpage FROM sqlite_schema LIMIT 1")
            }
        })?)
    }

    pub(super) fn commit(&self) -> Result<(), Failure> {
        Ok(self.as_host(|connection| connection.execute_batch("COMMIT"))?)
    }

    /// Undoes the transaction, if SQLite has not done so already.
    pub(super) fn rollback(&self) {
        let undone = self.as_host(|connection| match connection.is_autocommit() {
            true => Ok(()),
            false => connection.execute_batch("ROLLBACK"),
        });
        if let Err(error) = undone {
            error!(%error, "embedded database could not roll back");
        }
    }

    /// Runs all statements in one transaction, or none.
    pub(super) fn batch(&self, statements: &[Statement]) -> Result<Vec<Executed>, Failure> {
        self.begin(Access::ReadWrite)?;
        let outcome = self.all(statements);
        if outcome.is_err() {
            self.rollback();
        }
        outcome
    }

    fn all(&self, statements: &[Statement]) -> Result<Vec<Executed>, Failure> {
        let mut room = Room::whole();
        let mut executed = Vec::with_capacity(statements.len());
        for statement in statements {
            executed.push(self.execute(statement, &mut room)?);
        }
        self.commit()?;
        Ok(executed)
    }

    pub(super) fn execute(
        &self,
        statement: &Statement,
        room: &mut Room,
    ) -> Result<Executed, Failure> {
        let before = self.connection.total_changes();
        let (mut compiled, inserts) = self.compile(&statement.text)?;
        codec::bind(compiled.statement(), &statement.parameters)?;
        let returned = codec::collect(compiled.statement(), room)?;
        // What changes nothing leaves the numbers of the statement before.
        let changed = self.connection.total_changes() != before;
        Ok(Executed {
            rows_affected: if changed {
                self.connection.changes()
            } else {
                0
            },
            last_insert_id: (changed && inserts).then(|| self.connection.last_insert_rowid()),
            returned,
        })
    }

    pub(super) fn query(&self, statement: &Statement) -> Result<Rows, Failure> {
        let mut compiled = self.reading(statement)?;
        codec::collect(compiled.statement(), &mut Room::whole())
    }

    /// A statement that only reads, ready to run.
    pub(super) fn reading(&self, statement: &Statement) -> Result<Compiled<'_>, Failure> {
        let (mut compiled, _) = self.compile(&statement.text)?;
        if !compiled.statement().readonly() {
            return Err(Failure::Own(Error::Denied(READS_ONLY.into())));
        }
        codec::bind(compiled.statement(), &statement.parameters)?;
        Ok(compiled)
    }

    /// Exactly one statement, and whether it inserts. The library's own check for more recurses over them, as deep as
    /// there are statements, so it only sees texts that were found to be one.
    fn compile(&self, text: &str) -> Result<(Compiled<'_>, bool), Failure> {
        self.guard.next_statement();
        let known = self.known.borrow().get(text).copied();
        if let Some(inserts) = known {
            let statement = self.connection.prepare_cached(text)?;
            return Ok((Compiled::Cached(statement), inserts));
        }
        let mut statements = self.statements(text);
        let Some(statement) = statements.next()? else {
            return Err(invalid("there is no statement in it"));
        };
        let inserts = self.guard.inserting();
        if statements.next()?.is_some() {
            return Err(invalid("one call runs one statement"));
        }
        self.remember(text, inserts);
        Ok((Compiled::Once(statement), inserts))
    }

    fn remember(&self, text: &str, inserts: bool) {
        let mut known = self.known.borrow_mut();
        if known.len() == KNOWN_MAX {
            known.clear();
        }
        if text.len() <= KNOWN_BYTES_MAX {
            known.insert(text.to_owned(), inserts);
        }
    }

    /// The statements of a text, one after the other.
    pub(super) fn statements<'text>(&self, text: &'text str) -> Batch<'_, 'text> {
        Batch::new(&self.connection, text)
    }

    /// Before a statement of [`Self::statements`].
    pub(super) fn next_statement(&self) {
        self.guard.next_statement();
    }
}

/// A compiled statement: out of the connection's cache, or seen for the first time.
pub(super) enum Compiled<'connection> {
    Cached(CachedStatement<'connection>),
    Once(rusqlite::Statement<'connection>),
}

impl<'connection> Compiled<'connection> {
    pub(super) fn statement(&mut self) -> &mut rusqlite::Statement<'connection> {
        match self {
            Self::Cached(statement) => statement,
            Self::Once(statement) => statement,
        }
    }
}

fn invalid(message: &str) -> Failure {
    Failure::Own(Error::Invalid(message.into()))
}
