//! Spin's SQLite in the versions that components are built against, over the same handles as `stoa:sql`.
//!
//! Spin has one `execute` for statements that read and that write, and no transactions: each statement is one of its own.

mod first;
mod second;
mod third;

use stoa_capabilities::sql::{Error, Executed, Handle, Statement, Value};
use wasmtime::component::Linker;

use crate::instance::State;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    second::add_to_linker(linker)?;
    first::add_to_linker(linker)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    third::add_to_linker(linker)
}

/// An open connection: a handle, and what SQLite remembers of the statements that were run through it.
struct Session {
    handle: Handle,
    last_insert_rowid: i64,
    changes: u64,
}

impl Session {
    fn new(handle: Handle) -> Self {
        Self {
            handle,
            last_insert_rowid: 0,
            changes: 0,
        }
    }

    fn remember(&mut self, executed: &Executed) {
        if let Some(id) = executed.last_insert_id {
            self.last_insert_rowid = id;
        }
        if changes(executed) {
            self.changes = executed.rows_affected;
        }
    }
}

/// Whether it was a statement that changes rows, even if none were there. One that only reads is told by its columns: what
/// `RETURNING` returns comes with rows that were changed.
fn changes(executed: &Executed) -> bool {
    executed.rows_affected > 0 || executed.returned.columns.is_empty()
}

async fn execute(handle: Handle, text: String, parameters: Vec<Value>) -> Result<Executed, Error> {
    handle.run(Statement { text, parameters }).await
}

/// What SQLite keeps in place of a real: it has no NaN.
fn real(real: f64) -> Value {
    match real.is_nan() {
        true => Value::Null,
        false => Value::Real(real),
    }
}

/// A value of the five kinds that SQLite stores, as this contract has no others.
enum Stored {
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    Null,
}

impl From<Value> for Stored {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(truth) => Self::Integer(truth.into()),
            Value::Integer(integer) => Self::Integer(integer),
            Value::Real(real) => Self::Real(real),
            Value::Decimal(decimal) => number(decimal),
            Value::Text(text) | Value::Timestamp(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

/// Columns of decimals hold integers where they can, and reals otherwise.
fn number(decimal: String) -> Stored {
    let integer = decimal.parse::<i64>().map(Stored::Integer);
    let number = integer.or_else(|_| decimal.parse::<f64>().map(Stored::Real));
    number.unwrap_or(Stored::Text(decimal))
}

/// The contracts have the same types under names of their own.
macro_rules! translations {
    () => {
        impl From<sql::Error> for Error {
            fn from(error: sql::Error) -> Self {
                match error {
                    sql::Error::Denied(_) => Self::AccessDenied,
                    sql::Error::Quota("bytes_max") => Self::DatabaseFull,
                    other => Self::Io(other.to_string()),
                }
            }
        }

        impl From<Value> for sql::Value {
            fn from(value: Value) -> Self {
                match value {
                    Value::Integer(integer) => Self::Integer(integer),
                    Value::Real(real) => super::real(real),
                    Value::Text(text) => Self::Text(text),
                    Value::Blob(bytes) => Self::Blob(bytes),
                    Value::Null => Self::Null,
                }
            }
        }

        impl From<sql::Value> for Value {
            fn from(value: sql::Value) -> Self {
                match super::Stored::from(value) {
                    super::Stored::Integer(integer) => Self::Integer(integer),
                    super::Stored::Real(real) => Self::Real(real),
                    super::Stored::Text(text) => Self::Text(text),
                    super::Stored::Blob(bytes) => Self::Blob(bytes),
                    super::Stored::Null => Self::Null,
                }
            }
        }

        impl From<sql::Rows> for QueryResult {
            fn from(rows: sql::Rows) -> Self {
                Self {
                    columns: rows.columns.into_iter().map(|column| column.name).collect(),
                    rows: rows.rows.into_iter().map(row).collect(),
                }
            }
        }

        fn row(row: sql::Row) -> RowResult {
            RowResult {
                values: row.into_iter().map(Value::from).collect(),
            }
        }

        fn parameters(values: Vec<Value>) -> Vec<sql::Value> {
            values.into_iter().map(sql::Value::from).collect()
        }

        /// A guest that never drops what it opens hits its own limit, and is told.
        fn full(_: ResourceTableError) -> Error {
            Error::Io("this instance holds too many resources, drop some first".into())
        }
    };
}
use translations;

#[cfg(test)]
mod tests {
    use stoa_capabilities::sql::Rows;

    use super::*;

    fn stored(value: Value) -> Stored {
        Stored::from(value)
    }

    #[test]
    fn decimals_are_the_numbers_that_sqlite_keeps() {
        let decimal = |text: &str| stored(Value::Decimal(text.into()));
        assert!(matches!(decimal("10"), Stored::Integer(10)));
        assert!(matches!(decimal("-0.5"), Stored::Real(-0.5)));
        assert!(matches!(
            decimal("1000000000000000000000"),
            Stored::Real(1e21)
        ));
    }

    #[test]
    fn truth_is_one() {
        assert!(matches!(stored(Value::Boolean(true)), Stored::Integer(1)));
        assert!(matches!(stored(Value::Boolean(false)), Stored::Integer(0)));
    }

    #[test]
    fn what_is_not_a_number_is_nothing() {
        assert_eq!(real(f64::NAN), Value::Null);
        assert_eq!(real(1.5), Value::Real(1.5));
    }

    #[test]
    fn columns_tell_a_statement_that_only_reads() {
        let columns = vec![stoa_capabilities::sql::Column {
            name: "id".into(),
            declared: None,
        }];
        let read = Executed {
            returned: Rows {
                columns,
                rows: Vec::new(),
            },
            ..Executed::default()
        };
        assert!(!changes(&read));
        assert!(changes(&Executed::default()));
        assert!(changes(&Executed {
            rows_affected: 1,
            ..read
        }));
    }
}
