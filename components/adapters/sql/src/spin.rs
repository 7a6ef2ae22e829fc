//! What Spin gives: the component's variables, and databases that run one statement at a time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::bindings::fermyon::spin::variables;
use crate::bindings::spin::sqlite::sqlite::{self, Connection};
use crate::error::Error;
use crate::grants::{Grants, VARIABLE};
use crate::handle::Handle;
use crate::source::{Answer, Failure, Source, Value};

thread_local! {
    /// Made by the first call that opens a database. A mistake is told again each time: nothing is kept of it.
    static GRANTS: RefCell<Option<Rc<Grants>>> = const { RefCell::new(None) };
    /// Cursors that are open, by label.
    static CURSORS: RefCell<BTreeMap<String, Rc<Cell<usize>>>> = const { RefCell::new(BTreeMap::new()) };
    /// Whether the host is being asked something.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Opens what is declared under a label, with a connection of its own: it remembers what the last statement did. Spin and
/// Stoa make one without waiting, so this may be done while a statement is under way.
pub(crate) fn open(label: String) -> Result<Handle<Sqlite>, Error> {
    let grant = grants()?.database(&label)?;
    let connection = match Connection::open(&label) {
        Ok(connection) => connection,
        // What was not granted and what is not there are the same to a component.
        Err(sqlite::Error::NoSuchDatabase | sqlite::Error::AccessDenied) => {
            return Err(Error::NoSuchDatabase);
        }
        Err(error) => return Err(Failure::from(error).explain("")),
    };
    let cursors = CURSORS.with_borrow_mut(|cursors| {
        let open = cursors.entry(label.clone()).or_default();
        Rc::clone(open)
    });
    Ok(Handle::new(label, grant, Sqlite(connection), cursors))
}

fn grants() -> Result<Rc<Grants>, Error> {
    if let Some(grants) = GRANTS.with_borrow(Clone::clone) {
        return Ok(grants);
    }
    let asked = alone(|| variables::get(VARIABLE)).ok_or_else(|| Error::invalid(BUSY_SAID))?;
    let grants = match asked {
        Ok(text) => Rc::new(Grants::parse(&text)?),
        Err(variables::Error::Undefined(_)) => {
            return Err(Error::no_grants(format!(
                "the component has no variable `{VARIABLE}`, which says what `tool.stoa.grants.sql` does; let the \
                 adapter inherit `variables`"
            )));
        }
        Err(error) => {
            eprintln!("the variable `{VARIABLE}` cannot be read: {error}");
            return Err(Error::Unavailable);
        }
    };
    GRANTS.set(Some(Rc::clone(&grants)));
    Ok(grants)
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

/// Whoever has just run a statement goes on before anybody else comes in.
const FREE: &str = "the host was asked for a statement, and has answered";
/// What is told where the host is being asked already.
const BUSY_SAID: &str = "a call that blocks cannot be made while one that waits is under way";

/// An open connection.
pub(crate) struct Sqlite(Connection);

impl Source for Sqlite {
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Answer, Failure> {
        let parameters: Vec<_> = parameters.into_iter().map(sqlite::Value::from).collect();
        let result = alone(|| self.0.execute(statement, &parameters));
        let result =
            result.ok_or_else(|| Failure::Said(format!("statement rejected: {BUSY_SAID}")))??;
        let rows = result.rows.into_iter();
        Ok(Answer {
            columns: result.columns,
            rows: rows
                .map(|row| row.values.into_iter().map(Value::from).collect())
                .collect(),
        })
    }

    fn changes(&self) -> u64 {
        alone(|| self.0.changes()).expect(FREE)
    }

    fn last_insert_id(&self) -> i64 {
        alone(|| self.0.last_insert_rowid()).expect(FREE)
    }
}

impl From<sqlite::Error> for Failure {
    fn from(error: sqlite::Error) -> Self {
        match error {
            sqlite::Error::NoSuchDatabase | sqlite::Error::AccessDenied => Self::Denied,
            sqlite::Error::DatabaseFull => Self::Full,
            sqlite::Error::InvalidConnection => Self::Said("invalid connection".to_owned()),
            sqlite::Error::Io(said) => Self::Said(said),
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
