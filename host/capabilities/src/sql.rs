//! Relational databases: the traits every backend implements and the handle a component is given.
//!
//! What a grant allows is enforced by the database itself, out of the [`Rules`] that come with each call: nothing here
//! reads SQL. A call whose future is dropped is interrupted, which is how deadlines reach a statement that runs.

pub mod config;
pub mod conformance;
pub mod embedded;
mod handle;
pub mod migrations;
mod value;

pub use config::Config;
pub use handle::{Handle, OpenCursor, OpenTransaction};
pub use migrations::{Contracting, Migration};
pub use value::{canonical_decimal, canonical_timestamp};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::grants::Access;
use stoa_manifest::grants::sql::Grant;

use crate::quota::Exceeded;

/// A statement's text has at most so many bytes.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;
/// A statement has at most so many parameters.
pub const PARAMETERS_MAX: usize = 32_766;
/// A batch holds at most so many statements.
pub const STATEMENTS_PER_BATCH_MAX: usize = 1000;
/// A value holds at most so many bytes; so does a row of a table. A statement keeps several in memory.
pub const ROW_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The texts and values that one call brings hold at most so many bytes together.
pub const CALL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A whole result has at most so many rows; so has the part that a cursor is asked for.
pub const ROWS_MAX: usize = 10_000;
/// A whole result holds at most so many bytes.
pub const RESULT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A part of a cursor's result ends early when it has grown to this.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// A component has at most so many transactions and cursors open on one database of this host; more wait.
pub const OPEN_MAX: usize = 4;
/// A transaction without a call for so long is rolled back.
pub const TRANSACTION_IDLE_MAX: Duration = Duration::from_secs(5);
/// A transaction lasts at most so long.
pub const TRANSACTION_MAX: Duration = Duration::from_secs(30);
/// A cursor without a call for so long is closed.
pub const CURSOR_IDLE_MAX: Duration = Duration::from_secs(10);
/// A cursor lasts at most so long.
pub const CURSOR_MAX: Duration = Duration::from_secs(120);

/// Why an operation did not happen. Variants are what a guest can do something about; what went wrong inside the host
/// is logged where it happened and leaves as [`Error::Unavailable`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The grant does not allow it, or no guest may do it.
    #[error("not granted: {0}")]
    Denied(String),
    /// The database rejects the statement, or the request is wrong in itself.
    #[error("statement rejected: {0}")]
    Invalid(String),
    /// A row would break a constraint.
    #[error("the constraint `{name}` ({}) does not hold", kind.name())]
    Constraint {
        /// What it demands.
        kind: ConstraintKind,
        /// What the database calls it: columns or a name; empty where it does not say.
        name: String,
    },
    /// Another transaction was in the way. Retryable as a whole.
    #[error("another transaction was in the way")]
    Conflict,
    /// A statement, its parameters or its result is over a limit, in bytes, or in rows where it is [`ROWS_MAX`].
    #[error("larger than the limit of {limit}")]
    TooLarge {
        /// The limit that was passed.
        limit: usize,
    },
    /// What the grant allows is used up; carries the bound's name in the manifest.
    #[error("the quota `{0}` is used up")]
    Quota(&'static str),
    /// The transaction or cursor is over; what was not committed is undone.
    #[error("the transaction is over")]
    TransactionOver,
    /// No answer within the database's deadline; a write may have happened. Retryable.
    #[error("no answer within {limit:?}")]
    Deadline {
        /// The deadline that passed.
        limit: Duration,
    },
    /// Cannot be reached, is full or overloaded; a write may have happened. Retryable.
    #[error("the database is unavailable")]
    Unavailable,
}

impl Error {
    /// A short stable word for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Invalid(_) => "invalid",
            Self::Constraint { .. } => "constraint",
            Self::Conflict => "conflict",
            Self::TooLarge { .. } => "too-large",
            Self::Quota(_) => "quota",
            Self::TransactionOver => "transaction-over",
            Self::Deadline { .. } => "deadline",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<Exceeded> for Error {
    fn from(Exceeded(bound): Exceeded) -> Self {
        Self::Quota(bound)
    }
}

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// That no other row has the value: primary keys, unique constraints and unique indexes.
    Unique,
    /// That there is a value.
    NotNull,
    /// That a condition holds.
    Check,
    /// That the row it points to exists.
    ForeignKey,
}

impl ConstraintKind {
    fn name(self) -> &'static str {
        match self {
            Self::Unique => "unique",
            Self::NotNull => "not null",
            Self::Check => "check",
            Self::ForeignKey => "foreign key",
        }
    }
}

/// A value in a row or a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer of 64 bits.
    Integer(i64),
    /// Any number but NaN, which no portable column holds.
    Real(f64),
    /// A decimal number, answered as [`canonical_decimal`] writes it.
    Decimal(String),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// A moment, answered as [`canonical_timestamp`] writes it.
    Timestamp(String),
}

/// One statement and the values of `$1`, `$2` and so on.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Exactly one statement, at most [`TEXT_BYTES_MAX`].
    pub text: String,
    /// Exactly as many as it names, at most [`PARAMETERS_MAX`].
    pub parameters: Vec<Value>,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name or alias.
    pub name: String,
    /// The type it was declared with; `None` for what is computed.
    pub declared: Option<String>,
}

/// As many values as the result has columns.
pub type Row = Vec<Value>;

/// A whole result, at most [`ROWS_MAX`] and [`RESULT_BYTES_MAX`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// What the values are.
    pub columns: Vec<Column>,
    /// The rows, in the statement's order.
    pub rows: Vec<Row>,
}

/// What a statement did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Executed {
    /// Rows it inserted, updated or deleted itself.
    pub rows_affected: u64,
    /// The integer key of the last row it inserted, where the database knows one.
    pub last_insert_id: Option<i64>,
    /// What `RETURNING` returned.
    pub returned: Rows,
}

/// What a call may do, as plain data that a backend turns into what its database enforces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Whether it may change anything.
    pub access: Access,
    /// The tables and views it may name, in lower case; `None` for all but those of the database and of Stoa.
    pub tables: Option<BTreeSet<String>>,
    /// Whether it may create, alter and drop.
    pub schema: bool,
    /// The database may grow to so many bytes.
    pub bytes_max: Option<u64>,
}

impl Rules {
    /// What `grant` allows.
    pub fn of(grant: &Grant) -> Self {
        let lower = |tables: &Vec<String>| {
            tables
                .iter()
                .map(|table| table.to_ascii_lowercase())
                .collect()
        };
        Self {
            access: grant.access,
            tables: grant.tables.as_ref().map(lower),
            schema: grant.schema && grant.access == Access::ReadWrite,
            bytes_max: grant.quota.bytes_max,
        }
    }

    /// The same for calls that only read.
    pub fn reading(&self) -> Self {
        Self {
            access: Access::Read,
            schema: false,
            ..self.clone()
        }
    }
}

/// A database, without grants: what a backend implements.
///
/// Callers have checked sizes and counts and made decimals and timestamps canonical ([`Handle`] does); a backend may
/// rely on them. It bounds results itself, for only it sees them grow. Dropping a future that it returned interrupts
/// what runs for it. What it acknowledges is durable in its class.
#[async_trait::async_trait]
pub trait Database: Send + Sync + 'static {
    /// The whole result of a statement that reads.
    async fn query(&self, rules: &Arc<Rules>, statement: Statement) -> Result<Rows, Error>;

    /// The result of a statement that reads, part by part.
    async fn cursor(
        &self,
        rules: &Arc<Rules>,
        statement: Statement,
    ) -> Result<Box<dyn Cursor>, Error>;

    /// Runs one statement, in a transaction of its own.
    async fn execute(&self, rules: &Arc<Rules>, statement: Statement) -> Result<Executed, Error>;

    /// Runs all statements in one transaction, or none. What they return is together at most one result.
    async fn batch(
        &self,
        rules: &Arc<Rules>,
        statements: Vec<Statement>,
    ) -> Result<Vec<Executed>, Error>;

    /// Starts a serializable transaction that reads, or also writes, as `rules.access` says.
    async fn begin(&self, rules: &Arc<Rules>) -> Result<Box<dyn Transaction>, Error>;

    /// Applies the migrations that were not applied yet, in the order of their names, and answers their names. Each is
    /// applied as a whole or not at all; of two hosts that try at once, one waits.
    async fn migrate(
        &self,
        migrations: Vec<Migration>,
        contracting: Contracting,
    ) -> Result<Vec<String>, migrations::Error>;

    /// Answers the names that [`Self::migrate`] would, or its error: all that is to be applied is run in one transaction,
    /// which is undone. It holds the lock of writers for at most [`TRANSACTION_MAX`]. What only a commit finds out, a
    /// foreign key that is deferred, is left to the migration itself.
    async fn check(
        &self,
        migrations: Vec<Migration>,
        contracting: Contracting,
    ) -> Result<Vec<String>, migrations::Error>;
}

/// An open transaction. Dropped, it is rolled back; so it is when a call fails or is dropped before it answered, and
/// callers drop it then.
#[async_trait::async_trait]
pub trait Transaction: Send + 'static {
    /// The whole result of a statement that reads.
    async fn query(&mut self, statement: Statement) -> Result<Rows, Error>;

    /// Runs one statement.
    async fn execute(&mut self, statement: Statement) -> Result<Executed, Error>;

    /// Makes it take effect.
    async fn commit(self: Box<Self>) -> Result<(), Error>;

    /// Undoes it, and answers when it is undone.
    async fn rollback(self: Box<Self>) -> Result<(), Error>;
}

/// A result that is being read. Dropped, it is closed.
#[async_trait::async_trait]
pub trait Cursor: Send + 'static {
    /// What the values are.
    fn columns(&self) -> &[Column];

    /// The next rows, 1 to `max` of them, fewer where they grow to [`PAGE_BYTES_MAX`]; none exactly at the end.
    async fn next(&mut self, max: usize) -> Result<Vec<Row>, Error>;
}
