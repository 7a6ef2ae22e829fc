//! The adapter over SQLite itself, which stands in for Spin's.

mod conformance;
mod declarations;
mod limits;
mod meddling;
mod narrowing;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::Value as Json;
use stoa_documents::{
    DOCUMENT_BYTES_MAX, Direction, Filter, Moment, Operator, Order, Precondition, Query, Update,
    Write,
};
use stoa_manifest::grants::documents::{Collection, Grant, Index};

use crate::database::{Database, Rows, Value};
use crate::error::Error;
use crate::schema::Schema;
use crate::store::{Shared, Store};

/// The store that the tests open.
const LABEL: &str = "default";
const THINGS: &str = "things";

/// A database that several instances share, as under Spin.
#[derive(Clone)]
struct Sqlite(Arc<Mutex<Connection>>);

impl Sqlite {
    fn new() -> Self {
        let connection = Connection::open_in_memory().expect("it opens");
        Self(Arc::new(Mutex::new(connection)))
    }

    fn run(&self, statement: &str, parameters: Vec<Value>) -> rusqlite::Result<Rows> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection.prepare_cached(statement)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(parameters.into_iter().map(bound)))?;
        let mut read = Rows::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|at| row.get_ref(at).map(found));
            read.push(values.collect::<rusqlite::Result<_>>()?);
        }
        Ok(read)
    }
}

impl Database for Sqlite {
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Rows, Error> {
        self.run(statement, parameters).map_err(|error| {
            eprintln!("{statement}: {error}");
            Error::unavailable()
        })
    }

    fn random(&self) -> u64 {
        RandomState::new().hash_one(())
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
fn open<D: Database>(database: D, collections: BTreeMap<String, Collection>) -> Store<D> {
    let grant = Grant {
        collections,
        ..Grant::default()
    };
    granted(database, grant)
}

fn granted<D: Database>(database: D, grant: Grant) -> Store<D> {
    let schema = Schema::of(BTreeMap::from([(LABEL.to_owned(), grant)]));
    let shared = Rc::new(Shared::new(database, schema));
    let store = Store::open(shared, LABEL.to_owned()).expect("it is declared");
    assert_eq!(store.label(), LABEL);
    store
}

/// One collection with these indexes: a name, a path, and whether it is unique.
fn indexed(indexes: &[(&str, &str, bool)]) -> BTreeMap<String, Collection> {
    let indexes = indexes.iter().map(|(name, path, unique)| {
        let index = Index {
            paths: vec![(*path).to_owned()],
            unique: *unique,
            each: false,
        };
        ((*name).to_owned(), index)
    });
    let collection = Collection {
        indexes: indexes.collect(),
        ..Collection::default()
    };
    BTreeMap::from([(THINGS.to_owned(), collection)])
}

fn write(id: &str, body: &Json) -> Write {
    Write {
        id: id.to_owned(),
        body: body.to_string(),
        precondition: Precondition::Always,
    }
}

fn put<D: Database>(store: &Store<D>, id: &str, body: &Json) -> Result<u64, Error> {
    let mut written = store.put(THINGS, vec![write(id, body)])?;
    written.pop().expect("one write has one outcome")
}

fn query(filter: Filter) -> Query {
    Query {
        filter,
        search: None,
        sort: Vec::new(),
        fields: None,
        after: None,
        limit: 1000,
    }
}

/// Sets a path of the first document by another.
fn first_by(path: &str, set: &str) -> Update {
    Update {
        filter: Filter::default(),
        sort: vec![Order {
            path: path.to_owned(),
            direction: Direction::Ascending,
        }],
        operators: vec![Operator::Set {
            path: set.to_owned(),
            value: "true".to_owned(),
        }],
        answer: Moment::After,
        document_bytes_max: DOCUMENT_BYTES_MAX,
    }
}

/// The code of an error that only this adapter answers.
#[track_caller]
fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> &'static str {
    match outcome {
        Err(Error::Other { code, .. }) => code,
        outcome => panic!("{outcome:?}"),
    }
}
