//! Named relational databases: `stoa:sql` as plain Rust.
//!
//! A label names a database that the manifest grants to this component. Nothing here retries: what to do about an
//! [`Error::Conflict`] is the service's decision. `docs/sql.md` says what every database understands.
//!
//! ```
//! use stoa_sdk::sql::{Access, Database, Error, sql};
//!
//! /// Moves money, if there is enough; answers whether there was.
//! async fn transfer(from: &str, to: &str, cents: i64) -> Result<bool, Error> {
//!     let accounts = Database::open("bank")?;
//!     let transaction = accounts.begin(Access::Write).await?;
//!     let balance = sql("SELECT cents FROM accounts WHERE id = $1").bind(from);
//!     let balance = transaction.query(balance).await?;
//!     if balance.one()?.get::<i64>("cents")? < cents {
//!         return Ok(false); // dropped, so rolled back
//!     }
//!     for (account, change) in [(from, -cents), (to, cents)] {
//!         let update = sql("UPDATE accounts SET cents = cents + $1 WHERE id = $2");
//!         transaction.execute(update.bind(change).bind(account)).await?;
//!     }
//!     transaction.commit().await?;
//!     Ok(true)
//! }
//!
//! # stoa_sdk::testing::block_on(async {
//! let accounts = Database::open("bank")?;
//! accounts.execute("CREATE TABLE accounts (id TEXT PRIMARY KEY, cents BIGINT NOT NULL)").await?;
//! let insert = |id: &str, cents: i64| sql("INSERT INTO accounts VALUES ($1, $2)").bind(id).bind(cents);
//! accounts.batch(vec![insert("ann", 500), insert("bob", 0)]).await?;
//!
//! assert!(!transfer("ann", "bob", 501).await?);
//! assert!(transfer("ann", "bob", 200).await?);
//! let rows = accounts.query("SELECT id, cents FROM accounts ORDER BY id").await?;
//! let cents: Result<Vec<i64>, Error> = rows.iter().map(|row| row.get("cents")).collect();
//! assert_eq!(cents?, [300, 200]);
//! # Ok::<(), Error>(())
//! # }).expect("nothing is refused");
//! ```
//!
//! Outside of wasm, databases are SQLite files of the test's own, behind the feature `sql-testing`: see
//! `testing::database`.

mod error;
#[cfg(all(not(target_family = "wasm"), not(feature = "sql-testing")))]
mod missing;
mod read;
mod rows;
#[cfg(all(not(target_family = "wasm"), feature = "sql-testing"))]
pub(crate) mod sqlite;
mod statement;
mod value;
#[cfg(target_family = "wasm")]
mod wasi;

pub use error::{ConstraintKind, Error};
pub use read::FromValue;
pub use rows::{At, Column, Row, Rows};
pub use statement::{Statement, sql};
pub use value::{Decimal, Timestamp, Value};

#[cfg(all(not(target_family = "wasm"), not(feature = "sql-testing")))]
use missing as backend;
#[cfg(all(not(target_family = "wasm"), feature = "sql-testing"))]
use sqlite as backend;
#[cfg(target_family = "wasm")]
use wasi as backend;

use std::rc::Rc;

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    /// Read and write. The database may let one such transaction at a time run.
    Write,
}

/// What a statement did.
#[derive(Clone, Debug, PartialEq)]
pub struct Executed {
    /// Rows it inserted, updated or deleted, without what triggers and foreign keys did.
    pub rows_affected: u64,
    /// The integer key of the last row it inserted, where the database knows one. Portable is `RETURNING`.
    pub last_insert_id: Option<i64>,
    /// What `RETURNING` returned.
    pub returned: Rows,
}

/// A database this component was granted. Cheap to clone.
#[derive(Clone)]
pub struct Database(Rc<backend::Database>);

/// A result that is being read. Dropped when it is no longer needed: it holds a connection. Over after 10 seconds
/// without a call and 120 seconds in all.
pub struct Cursor {
    cursor: backend::Cursor,
    columns: Rc<[Column]>,
}

/// An open transaction; dropped, it is rolled back. An error ends it: it is rolled back, and later calls answer
/// [`Error::TransactionOver`]. So it is after 5 seconds without a call and 30 seconds in all.
pub struct Transaction {
    transaction: backend::Transaction,
}

impl Database {
    /// Opens the database that was granted under `label`. Never waits.
    pub fn open(label: &str) -> Result<Self, Error> {
        Ok(Self(Rc::new(backend::Database::open(label)?)))
    }

    /// The label it was opened under.
    pub fn label(&self) -> String {
        self.0.label()
    }

    /// The whole result of a statement that reads: at most 10000 rows and 16 MiB. It sees one moment.
    pub async fn query(&self, statement: impl Into<Statement>) -> Result<Rows, Error> {
        self.0.query(statement.into()).await
    }

    /// The result of a statement that reads, part by part, all from one moment.
    pub async fn cursor(&self, statement: impl Into<Statement>) -> Result<Cursor, Error> {
        let cursor = self.0.cursor(statement.into()).await?;
        let columns = cursor.columns().into();
        Ok(Cursor { cursor, columns })
    }

    /// Runs one statement in a transaction of its own. Answered means on disk, in the durability class of the database.
    pub async fn execute(&self, statement: impl Into<Statement>) -> Result<Executed, Error> {
        self.0.execute(statement.into()).await
    }

    /// Runs 1 to 1000 statements in one transaction, in their order: all take effect, or none.
    pub async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Executed>, Error> {
        self.0.batch(statements).await
    }

    /// Starts a transaction. It is serializable: the outcome is one that transactions one after the other could have
    /// had.
    pub async fn begin(&self, access: Access) -> Result<Transaction, Error> {
        let transaction = self.0.begin(access).await?;
        Ok(Transaction { transaction })
    }
}

impl Cursor {
    /// What the values are.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows, 1 to `max` of them; fewer where they grow to 1 MiB, none exactly at the end. `max` is 1 to 10000.
    pub async fn next(&mut self, max: u32) -> Result<Vec<Row>, Error> {
        let rows = self.cursor.next(max).await?;
        let row = |values| Row::new(Rc::clone(&self.columns), values);
        Ok(rows.into_iter().map(row).collect())
    }
}

impl Transaction {
    /// The whole result of a statement that reads.
    pub async fn query(&self, statement: impl Into<Statement>) -> Result<Rows, Error> {
        self.transaction.query(statement.into()).await
    }

    /// Runs one statement.
    pub async fn execute(&self, statement: impl Into<Statement>) -> Result<Executed, Error> {
        self.transaction.execute(statement.into()).await
    }

    /// Makes it take effect. Answered means on disk, in the durability class of the database.
    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await
    }

    /// Undoes it, and answers when it is undone.
    pub async fn rollback(self) -> Result<(), Error> {
        self.transaction.rollback().await
    }
}
