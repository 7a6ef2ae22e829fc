//! The adapter over SQLite itself, which stands in for Spin's. The facts are those that the host's stores must hold.

mod access;
mod content;
mod leftovers;
mod listing;
mod writing;

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::blob::{CHUNK_BYTES_MAX, Condition, Info, Options, Part, Place};
use crate::database::{Database, Row, Value};
use crate::error::Error;
use crate::grants::Grants;
use crate::store::{Shared, Store};

/// The store that the tests open.
const LABEL: &str = "media";
const GRANTS: &str =
    r#"{ "media": { "containers": ["first", "second"] }, "other": { "containers": ["first"] } }"#;
/// A moment in 2023.
const STARTED_MS: u64 = 1_700_000_000_000;

/// A database that several instances share, as under Spin, and a clock of the instance.
#[derive(Clone)]
struct Sqlite {
    connection: Arc<Mutex<Connection>>,
    now_ms: Rc<Cell<u64>>,
}

impl Sqlite {
    fn new() -> Self {
        let connection = Connection::open_in_memory().expect("it opens");
        Self::over(Arc::new(Mutex::new(connection)))
    }

    fn over(connection: Arc<Mutex<Connection>>) -> Self {
        Self {
            connection,
            now_ms: Rc::new(Cell::new(STARTED_MS)),
        }
    }

    /// Time goes by for this instance.
    fn pass_ms(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
    }

    /// Time goes by for the database, as far as it looks at it.
    fn pass_seconds(&self, seconds: i64) {
        let statement = "UPDATE \"blobs/loose\" SET until = until - ?1 WHERE until > 0";
        self.run(statement, vec![Value::Integer(seconds)])
            .expect("it can be written");
    }

    fn run(&self, statement: &str, parameters: Vec<Value>) -> rusqlite::Result<Vec<Row>> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection.prepare_cached(statement)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(parameters.into_iter().map(bound)))?;
        let mut read = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|at| row.get_ref(at).map(found));
            read.push(values.collect::<rusqlite::Result<_>>()?);
        }
        Ok(read)
    }

    /// How many rows a table has.
    fn rows(&self, table: &str) -> i64 {
        let statement = format!("SELECT count(*) FROM \"blobs/{table}\"");
        let rows = self.run(&statement, Vec::new()).expect("it can be read");
        rows[0][0].integer().expect("it is a count")
    }
}

impl Database for Sqlite {
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
        self.run(statement, parameters).map_err(|error| {
            eprintln!("{statement}: {error}");
            Error::Unavailable
        })
    }

    fn random(&self) -> u64 {
        RandomState::new().hash_one(())
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }
}

fn bound(value: Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Integer(integer) => SqlValue::Integer(integer),
        Value::Real(real) => SqlValue::Real(real),
        Value::Text(text) => SqlValue::Text(text),
        Value::Blob(bytes) => SqlValue::Blob(bytes),
    }
}

fn found(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// A store as a fresh instance opens it.
fn open<D: Database>(database: D) -> Store<D> {
    granted(database, GRANTS)
}

fn granted<D: Database>(database: D, grants: &str) -> Store<D> {
    let grants = Grants::parse(grants).expect("they are grants");
    let shared = Rc::new(Shared::new(database, grants));
    let store = Store::open(shared, LABEL).expect("it is granted");
    assert_eq!(store.label(), LABEL);
    store
}

fn place(name: &str) -> Place {
    within("first", name)
}

fn within(container: &str, name: &str) -> Place {
    Place {
        container: container.to_owned(),
        name: name.to_owned(),
    }
}

fn options() -> Options {
    on(Condition::Always)
}

fn on(condition: Condition) -> Options {
    Options::new(None, Vec::new(), None, condition)
}

fn announced(size: u64) -> Options {
    Options::new(None, Vec::new(), Some(size), Condition::Always)
}

/// Bytes without a period that a mistake in an offset could hide in.
fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

/// Writes a whole blob; it may be refused at either end.
fn put<D: Database>(
    store: &Store<D>,
    place: Place,
    content: &[u8],
    options: Options,
) -> Result<Info, Error> {
    let writer = store.put(place, options)?;
    for chunk in content.chunks(CHUNK_BYTES_MAX) {
        writer.write(chunk)?;
    }
    assert_eq!(writer.written(), content.len() as u64);
    writer.finish()
}

fn stored<D: Database>(store: &Store<D>, name: &str, content: &[u8]) -> Info {
    put(store, place(name), content, options()).expect("it can be stored")
}

fn part<D: Database>(store: &Store<D>, place: &Place, part: Part) -> Result<Vec<u8>, Error> {
    let reader = store.get(place, part)?;
    let mut all = Vec::new();
    loop {
        let chunk = reader.read(CHUNK_BYTES_MAX)?;
        if chunk.is_empty() {
            assert_eq!(reader.remaining(), 0);
            return Ok(all);
        }
        all.extend(chunk);
    }
}

fn content<D: Database>(store: &Store<D>, name: &str) -> Option<Vec<u8>> {
    match part(store, &place(name), Part::default()) {
        Ok(content) => Some(content),
        Err(error) => {
            assert_eq!(error, Error::NotFound(name.to_owned()));
            None
        }
    }
}

fn conflict<T>(name: &str) -> Result<T, Error> {
    Err(Error::Conflict(name.to_owned()))
}

/// The code of an error that only this adapter answers.
#[track_caller]
fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> &'static str {
    match outcome {
        Err(Error::Other { code, .. }) => code,
        outcome => panic!("{outcome:?}"),
    }
}
