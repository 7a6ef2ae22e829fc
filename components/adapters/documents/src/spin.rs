//! What Spin gives: the component's variables, and a database that runs one statement at a time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use stoa_documents::Error as Documents;

use crate::bindings::fermyon::spin::variables;
use crate::bindings::spin::sqlite::sqlite::{self, Connection};
use crate::database::{Database, Rows, Value};
use crate::error::Error;
use crate::schema::{Schema, VARIABLE};
use crate::store::Shared;

/// The variable of the component that names the database, one of its `sqlite_databases`.
const DATABASE_VARIABLE: &str = "documents_database";
/// The database where no variable names one.
const DATABASE_DEFAULT: &str = "default";

/// What all stores of this component share.
pub(crate) type Spin = Shared<Sqlite>;

thread_local! {
    /// Made by the first call that opens a store. A mistake is told again each time: nothing is kept of it.
    static SHARED: RefCell<Option<Rc<Spin>>> = const { RefCell::new(None) };
    /// Whether the host is being asked something.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// The schema and the database of this component.
pub(crate) fn shared() -> Result<Rc<Spin>, Error> {
    if let Some(shared) = SHARED.with_borrow(Clone::clone) {
        return Ok(shared);
    }
    let shared = Rc::new(alone(made).ok_or_else(busy)??);
    SHARED.set(Some(Rc::clone(&shared)));
    Ok(shared)
}

fn made() -> Result<Spin, Error> {
    let schema = variable(VARIABLE)?.ok_or_else(|| {
        Error::no_schema(format!(
            "the component has no variable `{VARIABLE}`, which says what `tool.stoa.grants.documents` does; let the \
             adapter inherit `variables`"
        ))
    })?;
    let schema = Schema::parse(&schema)?;
    let label = variable(DATABASE_VARIABLE)?.unwrap_or_else(|| DATABASE_DEFAULT.to_owned());
    Ok(Shared::new(Sqlite::open(&label)?, schema))
}

/// Asks the host, alone: while it waits there, it may let another task of the component in, by an interface that blocks,
/// and what that one asked would wait on the stack of the first. Nothing where the host is being asked already.
fn alone<T>(ask: impl FnOnce() -> T) -> Option<T> {
    if BUSY.replace(true) {
        return None;
    }
    let answer = ask();
    BUSY.set(false);
    Some(answer)
}

fn busy() -> Error {
    let message = "a call that blocks cannot be made while one that waits is under way";
    Documents::Invalid(message.to_owned()).into()
}

/// A variable of the component, if it has one of this name.
fn variable(name: &str) -> Result<Option<String>, Error> {
    match variables::get(name) {
        Ok(value) => Ok(Some(value)),
        Err(variables::Error::Undefined(_)) => Ok(None),
        Err(error) => {
            eprintln!("the variable `{name}` cannot be read: {error}");
            Err(Error::unavailable())
        }
    }
}

/// An open database.
pub(crate) struct Sqlite(Connection);

impl Sqlite {
    fn open(label: &str) -> Result<Self, Error> {
        match Connection::open(label) {
            Ok(connection) => Ok(Self(connection)),
            Err(sqlite::Error::NoSuchDatabase | sqlite::Error::AccessDenied) => {
                Err(no_database(label))
            }
            Err(error) => Err(failed(error)),
        }
    }
}

impl Database for Sqlite {
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Rows, Error> {
        let parameters: Vec<_> = parameters.into_iter().map(sqlite::Value::from).collect();
        let result = alone(|| self.0.execute(statement, &parameters));
        let rows = result.ok_or_else(busy)?.map_err(failed)?.rows.into_iter();
        Ok(rows
            .map(|row| row.values.into_iter().map(Value::from).collect())
            .collect())
    }

    fn random(&self) -> u64 {
        wasip2::random::random::get_random_u64()
    }
}

fn no_database(label: &str) -> Error {
    let message = format!(
        "the component has no database `{label}`; name it in `sqlite_databases`, and let the adapter inherit that"
    );
    Error::other("no-database", message)
}

fn failed(error: sqlite::Error) -> Error {
    match error {
        sqlite::Error::DatabaseFull => Error::Documents(Documents::Quota("bytes_max")),
        error => {
            // It may tell of what stands behind the label: for the log, not for whoever asks.
            eprintln!("the database of the documents failed: {error}");
            Error::unavailable()
        }
    }
}

impl From<Value> for sqlite::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(integer) => Self::Integer(integer),
            Value::Real(real) => Self::Real(real),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<sqlite::Value> for Value {
    fn from(value: sqlite::Value) -> Self {
        match value {
            sqlite::Value::Null => Self::Null,
            sqlite::Value::Integer(integer) => Self::Integer(integer),
            sqlite::Value::Real(real) => Self::Real(real),
            sqlite::Value::Text(text) => Self::Text(text),
            sqlite::Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}
