//! Databases of a test: what migrations would make, and failures.

use crate::sql::{Error, sqlite};

/// A database, from outside the service.
pub struct Database(sqlite::Database);

/// The database of this label: a SQLite file of this test, empty at first. Needs the feature `sql-testing`.
///
/// ```
/// use stoa_sdk::sql::{Database, Error, sql};
/// use stoa_sdk::testing::{block_on, database};
///
/// database("orders").run("CREATE TABLE orders (id BIGINT PRIMARY KEY); CREATE TABLE customers (id BIGINT)");
/// let orders = Database::open("orders")?;
/// let insert = || sql("INSERT INTO orders VALUES ($1)").bind(1_i64);
/// database("orders").refuse(Error::Conflict);
/// assert_eq!(block_on(orders.execute(insert())), Err(Error::Conflict));
/// assert_eq!(block_on(orders.execute(insert()))?.rows_affected, 1);
/// # Ok::<(), Error>(())
/// ```
pub fn database(label: &str) -> Database {
    let database = sqlite::Database::open(label);
    Database(database.unwrap_or_else(|error| panic!("no database for the test: {error}")))
}

impl Database {
    /// Runs all statements of a text: a migration.
    ///
    /// # Panics
    /// Where SQLite rejects one.
    pub fn run(&self, text: &str) -> &Self {
        if let Err(error) = self.0.run(text) {
            panic!("{error}");
        }
        self
    }

    /// Answers the next operation outside of transactions, or the next `begin`, with an error. Several queue up.
    pub fn refuse(&self, error: Error) -> &Self {
        self.0.refuse(error);
        self
    }
}
