//! What bare hyper does for an answer: the least that each workload asks of a server, without WebAssembly.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use rusqlite::Connection;

/// What the hello probe answers.
const HELLO: &[u8] = b"Hello from WASI 0.2!\n";

/// A table to read a row of, for guests and for bare hyper alike.
pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL)";
/// Fills it with a thousand rows.
pub(crate) const ROWS: &str = "INSERT OR IGNORE INTO items \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
     SELECT i, 'Item ' || i, 100 + i FROM n";
/// Reads one by its key.
pub(crate) const ROW: &str = "SELECT name, price FROM items WHERE id = $1";
/// Some key that is there.
pub(crate) const KEY: i64 = 500;

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// One fixed text.
    Hello,
    /// A row out of SQLite, in the memory of the core that answers, by a statement that is prepared: no host that keeps
    /// its data in files and its guests apart reads one with less.
    Row,
    /// The answers of two functions, one behind the other: calls without a network, and without anybody to protect.
    FanOut,
}

/// The work of one core. Cheap to clone.
#[derive(Clone)]
pub(super) enum Worker {
    Hello,
    /// The lock is never contended: the connection is its core's alone.
    Row(Arc<Mutex<Connection>>),
    FanOut,
}

// === impl Work ===

impl Work {
    const ALL: [Self; 3] = [Self::Hello, Self::Row, Self::FanOut];

    /// How it is named on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Row => "row",
            Self::FanOut => "fan-out",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }

    pub(super) fn worker(self) -> anyhow::Result<Worker> {
        Ok(match self {
            Self::Hello => Worker::Hello,
            Self::Row => Worker::Row(Arc::new(Mutex::new(
                database().context("cannot make a database")?,
            ))),
            Self::FanOut => Worker::FanOut,
        })
    }
}

fn database() -> rusqlite::Result<Connection> {
    let database = Connection::open_in_memory()?;
    database.execute(TABLE, [])?;
    database.execute(ROWS, [])?;
    Ok(database)
}

// === impl Worker ===

impl Worker {
    pub(super) async fn answer(&self) -> rusqlite::Result<Bytes> {
        match self {
            Self::Hello => Ok(hello().await),
            Self::Row(database) => {
                // A statement that failed leaves the connection as it was.
                let database = database.lock().unwrap_or_else(PoisonError::into_inner);
                let mut row = database.prepare_cached(ROW)?;
                let text = row.query_row([KEY], |row| {
                    Ok(format!(
                        "name TEXT|price INTEGER\nt:{}|i:{}\n",
                        row.get::<_, String>(0)?,
                        row.get::<_, i64>(1)?
                    ))
                });
                text.map(Bytes::from)
            }
            Self::FanOut => {
                let mut text = hello().await.to_vec();
                text.extend_from_slice(&hello().await);
                Ok(Bytes::from(text))
            }
        }
    }
}

async fn hello() -> Bytes {
    Bytes::from_static(HELLO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_work_is_found_by_its_name() {
        for work in Work::ALL {
            assert_eq!(Work::named(work.name()), Some(work));
        }
        assert_eq!(Work::named("nothing"), None);
    }

    #[tokio::test]
    async fn a_row_is_read_by_its_key() {
        let worker = Work::Row.worker().expect("SQLite is there");
        let text = worker.answer().await.expect("the row is there");
        assert_eq!(
            text,
            "name TEXT|price INTEGER\nt:Item 500|i:600\n".as_bytes()
        );
    }
}
