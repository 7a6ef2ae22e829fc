//! The adapter over SQLite itself, which stands in for Spin's.

use std::cell::Cell;
use std::rc::Rc;

use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::error::{ConstraintKind, Error};
use crate::grants::{Access, Grant};
use crate::handle::{Asked, Executed, Handle};
use crate::limits::{OPEN_MAX, ROWS_MAX, VALUE_BYTES_MAX};
use crate::source::{Answer, Failure, Source, Value};

const FULL: Grant = Grant {
    access: Access::ReadWrite,
    schema: true,
};
const THINGS: &str =
    "CREATE TABLE things (id TEXT PRIMARY KEY, count BIGINT NOT NULL CHECK (count >= 0))";
const NUMBERS: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT $1) SELECT x FROM n";

/// A connection as Spin has one for each that a component opens.
struct Sqlite {
    connection: Connection,
    statements: Cell<usize>,
}

impl Source for Sqlite {
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Answer, Failure> {
        self.statements.set(self.statements.get() + 1);
        self.run(statement, parameters)
            .map_err(|error| Failure::Said(error.to_string()))
    }

    fn changes(&self) -> u64 {
        self.connection.changes()
    }

    fn last_insert_id(&self) -> i64 {
        self.connection.last_insert_rowid()
    }
}

impl Sqlite {
    fn run(&self, statement: &str, parameters: Vec<Value>) -> rusqlite::Result<Answer> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let columns: Vec<_> = statement
            .column_names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let width = columns.len();
        let mut found = statement.query(params_from_iter(parameters.into_iter().map(bound)))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let values = (0..width).map(|at| row.get_ref(at).map(read));
            rows.push(values.collect::<rusqlite::Result<_>>()?);
        }
        Ok(Answer { columns, rows })
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

fn read(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

fn handle(grant: Grant) -> Handle<Sqlite> {
    holding(grant, &[THINGS])
}

/// A database with these tables.
fn holding(grant: Grant, tables: &[&str]) -> Handle<Sqlite> {
    let connection = Connection::open_in_memory().expect("it opens");
    for table in tables {
        connection.execute_batch(table).expect("it is made");
    }
    let source = Sqlite {
        connection,
        statements: Cell::new(0),
    };
    let handle = Handle::new("default".to_owned(), grant, source, Rc::default());
    assert_eq!(handle.label(), "default");
    handle
}

fn asked(text: &str) -> Asked {
    with(text, Vec::new())
}

fn with(text: &str, parameters: Vec<Value>) -> Asked {
    Asked {
        text: text.to_owned(),
        parameters,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn count(handle: &Handle<Sqlite>) -> Value {
    let answer = handle.query(asked("SELECT count(*) FROM things"));
    answer.expect("it can be counted").rows[0][0].clone()
}

fn denied<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Denied(_)))
}

#[track_caller]
fn not_portable<T>(outcome: Result<T, Error>) -> String {
    match outcome {
        Err(Error::Other {
            code: "not-portable",
            message,
        }) => message,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it was done"),
    }
}

#[test]
fn what_may_only_be_read_is_not_written() {
    let reading = Grant {
        access: Access::Read,
        schema: true,
    };
    let handle = handle(reading);
    let insert = || asked("INSERT INTO things VALUES ('a', 1)");
    assert!(denied(&handle.execute(insert())));
    assert!(denied(&handle.batch(vec![insert()])));
    assert!(denied(&handle.execute(asked("DROP TABLE things"))));
    assert!(denied(&handle.begin(Access::ReadWrite)));
    not_portable(handle.begin(Access::Read));
    assert_eq!(count(&handle), Value::Integer(0));
}

#[test]
fn a_call_that_reads_denies_to_write_whatever_the_grant() {
    let handle = handle(FULL);
    for change in [
        "INSERT INTO things VALUES ('a', 1) RETURNING id",
        "WITH a AS (SELECT 1) INSERT INTO things SELECT 'a', 1 FROM a RETURNING id",
        "CREATE TABLE mine (id TEXT)",
    ] {
        assert!(denied(&handle.query(asked(change))), "{change}");
        assert!(denied(&handle.cursor(asked(change)).map(drop)), "{change}");
    }
    assert_eq!(count(&handle), Value::Integer(0));
}

#[test]
fn the_schema_is_changed_only_where_it_may_be() {
    let rows = Grant {
        access: Access::ReadWrite,
        schema: false,
    };
    let closed = handle(rows);
    for change in [
        "CREATE TABLE mine (id TEXT)",
        "DROP TABLE things",
        "ALTER TABLE things ADD COLUMN mine TEXT",
        "CREATE INDEX mine ON things (count)",
    ] {
        assert!(denied(&closed.execute(asked(change))), "{change}");
    }
    let open = handle(FULL);
    let made = open.execute(asked("CREATE INDEX mine ON things (count)"));
    assert_eq!(made, Ok(Executed::default()));
}

#[test]
fn several_statements_are_refused_and_change_nothing() {
    let handle = handle(FULL);
    let insert = |id: &str| asked(&format!("INSERT INTO things VALUES ('{id}', 1)"));
    not_portable(handle.batch(vec![insert("a"), insert("b")]));
    not_portable(handle.begin(Access::ReadWrite));
    assert!(matches!(handle.batch(Vec::new()), Err(Error::Invalid(_))));
    let many = (0..1001).map(|_| insert("a")).collect();
    assert!(matches!(handle.batch(many), Err(Error::Invalid(_))));
    assert_eq!(count(&handle), Value::Integer(0));
    let one = handle.batch(vec![insert("a")]).expect("one is a batch");
    assert_eq!((one.len(), one[0].rows_affected), (1, 1));
}

#[test]
fn types_that_would_not_be_told_are_refused() {
    for declared in [
        "BOOLEAN",
        "decimal(10,2)",
        "NUMERIC",
        "TIMESTAMPTZ",
        "timestamp",
    ] {
        let table = format!("CREATE TABLE typed (id TEXT, a {declared})");
        let handle = holding(FULL, &[THINGS, table.as_str()]);
        let message = not_portable(handle.query(asked("SELECT 1")));
        assert!(message.contains("`typed.a`"), "{message}");
        not_portable(handle.execute(asked("DELETE FROM things")));
        // What is refused can be mended.
        let dropped = handle.execute(asked("DROP TABLE typed"));
        assert!(dropped.is_ok(), "{dropped:?}");
        assert_eq!(count(&handle), Value::Integer(0));
        let back = handle.execute(asked(&table));
        assert!(back.is_ok(), "{back:?}");
        not_portable(handle.query(asked("SELECT 1")));
    }
}

#[test]
fn what_was_looked_at_is_not_looked_at_again() {
    let handle = handle(FULL);
    for statements in [2, 3, 4] {
        count(&handle);
        assert_eq!(handle.source().statements.get(), statements);
    }
}

#[test]
fn values_come_back_as_sqlite_has_them() {
    let kinds = "CREATE TABLE kinds (n BIGINT, r DOUBLE PRECISION, t TEXT, x BYTEA)";
    let handle = holding(FULL, &[kinds]);
    let values = vec![
        Value::Integer(9_007_199_254_740_993),
        Value::Real(1.5),
        text("ä"),
        Value::Blob(b"abc".to_vec()),
    ];
    let insert = "INSERT INTO kinds VALUES ($1, $2, $3, $4) RETURNING *";
    let executed = handle.execute(with(insert, values.clone()));
    let executed = executed.expect("it is inserted");
    assert_eq!(
        (executed.rows_affected, executed.last_insert_id),
        (1, Some(1))
    );
    assert_eq!(executed.returned.rows, std::slice::from_ref(&values));
    let answer = handle.query(asked("SELECT * FROM kinds"));
    let answer = answer.expect("it can be read");
    assert_eq!(answer.columns, ["n", "r", "t", "x"]);
    assert_eq!(answer.rows, [values]);
    let null = handle.query(with("SELECT $1, $1", vec![Value::Null]));
    let null = null.expect("it can be read");
    assert_eq!(null.rows, [[Value::Null, Value::Null]]);
    let nan = handle.query(with("SELECT $1", vec![Value::Real(f64::NAN)]));
    assert!(matches!(nan, Err(Error::Invalid(_))));
}

#[test]
fn what_a_statement_did_is_told() {
    let handle = handle(FULL);
    let executed = |text: &str| {
        let executed = handle.execute(asked(text)).expect("it is done");
        (executed.rows_affected, executed.last_insert_id)
    };
    let insert = "INSERT INTO things VALUES ('a', 1), ('b', 2)";
    assert_eq!(executed(insert), (2, Some(2)));
    assert_eq!(executed("UPDATE things SET count = count + 1"), (2, None));
    // None of these leaves the numbers of the one before.
    assert_eq!(executed("CREATE TABLE more (id TEXT)"), (0, None));
    assert_eq!(executed("SELECT 1"), (0, None));
    assert_eq!(executed("DELETE FROM things WHERE id = 'z'"), (0, None));
    let nothing = "INSERT INTO things VALUES ('a', 1) ON CONFLICT (id) DO NOTHING";
    assert_eq!(executed(nothing), (0, None));
}

#[test]
fn constraints_and_mistakes_have_their_words() {
    let handle = handle(FULL);
    let failed = |text: &str| handle.execute(asked(text)).expect_err("it is refused");
    let constraint = |kind, name: &str| Error::Constraint {
        kind,
        name: name.to_owned(),
    };
    assert_eq!(
        failed("INSERT INTO things VALUES ('a', NULL)"),
        constraint(ConstraintKind::NotNull, "things.count")
    );
    assert_eq!(
        failed("INSERT INTO things VALUES ('a', -1)"),
        constraint(ConstraintKind::Check, "count >= 0")
    );
    assert_eq!(
        failed("INSERT INTO things VALUES ('a', 1), ('a', 2)"),
        constraint(ConstraintKind::Unique, "things.id")
    );
    assert_eq!(
        failed("SELECT missing FROM things"),
        Error::invalid("no such column: missing")
    );
    assert!(matches!(failed("SELECT (1"), Error::Invalid(_)));
    assert_eq!(count(&handle), Value::Integer(0));
}

#[test]
fn what_is_too_large_is_told_with_the_limit() {
    let handle = handle(FULL);
    let large = vec![text(&"x".repeat(VALUE_BYTES_MAX + 1))];
    let refused = handle.query(with("SELECT $1", large));
    assert_eq!(refused, Err(Error::TooLarge(VALUE_BYTES_MAX as u64)));
    let long = format!("SELECT '{}'", "x".repeat(256 * 1024));
    let refused = handle.query(asked(&long));
    assert_eq!(refused, Err(Error::TooLarge(256 * 1024)));
    let numbers = |count: usize| with(NUMBERS, vec![Value::Integer(count as i64)]);
    let most = handle.query(numbers(ROWS_MAX));
    assert_eq!(most.map(|answer| answer.rows.len()), Ok(ROWS_MAX));
    let refused = handle.query(numbers(ROWS_MAX + 1));
    assert_eq!(refused, Err(Error::TooLarge(ROWS_MAX as u64)));
    not_portable(handle.cursor(numbers(ROWS_MAX + 1)).map(drop));
}

#[test]
fn a_change_that_returned_too_much_is_not_told_as_undone() {
    let handle = handle(FULL);
    let insert = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT $1) \
         INSERT INTO things SELECT x, x FROM n RETURNING id";
    let rows = Value::Integer(ROWS_MAX as i64 + 1);
    let outcome = handle.execute(with(insert, vec![rows.clone()]));
    assert_eq!(outcome, Err(Error::Unavailable));
    assert_eq!(count(&handle), rows);
}

#[test]
fn a_cursor_hands_out_what_was_there() {
    let handle = handle(FULL);
    let cursor = handle.cursor(with(NUMBERS, vec![Value::Integer(250)]));
    let cursor = cursor.expect("it opens");
    assert_eq!(cursor.columns(), ["x"]);
    for max in [0, 10_001] {
        assert!(matches!(cursor.next(max), Err(Error::Invalid(_))));
    }
    let sizes: Vec<_> = (0..4)
        .map(|_| cursor.next(100).map(|rows| rows.len()))
        .collect();
    assert_eq!(sizes, [Ok(100), Ok(100), Ok(50), Ok(0)]);
    let large = "SELECT zeroblob(600000) FROM (VALUES (1), (2), (3))";
    let cursor = handle.cursor(asked(large)).expect("it opens");
    assert_eq!(cursor.next(100).map(|rows| rows.len()), Ok(2));
}

#[test]
fn cursors_that_are_open_at_once_are_bounded() {
    let handle = handle(FULL);
    let open = || handle.cursor(asked("SELECT 1"));
    let cursors: Vec<_> = (0..OPEN_MAX).map(|_| open()).collect();
    assert!(cursors.iter().all(Result::is_ok));
    assert_eq!(open().map(drop), Err(Error::Unavailable));
    drop(cursors);
    assert_eq!(open().map(drop), Ok(()));
}
