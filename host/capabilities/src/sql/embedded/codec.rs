//! Values on their way into SQLite and out of it.
//!
//! SQLite has no booleans, decimals and moments. They are stored as 0 and 1, as numbers of at most 15 digits, and as
//! text that sorts; the type that a column was declared with tells them apart again.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement, ToSql};

use super::failure::Failure;
use crate::sql::value::decimal_of;
use crate::sql::{
    Column, Error, RESULT_BYTES_MAX, ROWS_MAX, Rows, Value, canonical_decimal, canonical_timestamp,
};

/// Binds the parameters by the number in their names: `$2` is the second value, wherever it comes first.
pub(super) fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<(), Failure> {
    let mut highest = 0;
    for index in 1..=statement.parameter_count() {
        let number = number(statement.parameter_name(index), index);
        highest = highest.max(number);
        let value = number.checked_sub(1).and_then(|place| values.get(place));
        let value = value.ok_or_else(|| {
            let given = values.len();
            Error::Invalid(format!(
                "there is no parameter ${number}, {given} are given"
            ))
        })?;
        statement.raw_bind_parameter(index, Stored(value))?;
    }
    match values.len() == highest {
        true => Ok(()),
        false => Err(Failure::Own(Error::Invalid(format!(
            "the statement has {highest} parameters, {} are given",
            values.len()
        )))),
    }
}

/// `$2` is 2. SQLite's own forms count as it counts them, which is what applications of Spin expect.
fn number(name: Option<&str>, index: usize) -> usize {
    let number = name.and_then(|name| name.strip_prefix('$')?.parse().ok());
    number.unwrap_or(index)
}

struct Stored<'a>(&'a Value);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Boolean(truth) => ValueRef::Integer(i64::from(*truth)),
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Decimal(text) | Value::Text(text) | Value::Timestamp(text) => {
                ValueRef::Text(text.as_bytes())
            }
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// How much of a result there is room for.
pub(super) struct Room {
    rows: usize,
    bytes: usize,
}

impl Room {
    pub(super) fn whole() -> Self {
        Self {
            rows: ROWS_MAX,
            bytes: RESULT_BYTES_MAX,
        }
    }

    fn take(&mut self, row: &[Value]) -> Result<(), Error> {
        let too_large = |limit| Error::TooLarge { limit };
        self.rows = self.rows.checked_sub(1).ok_or(too_large(ROWS_MAX))?;
        let left = self.bytes.checked_sub(bytes(row));
        self.bytes = left.ok_or(too_large(RESULT_BYTES_MAX))?;
        Ok(())
    }
}

/// What a row holds in memory, about.
pub(super) fn bytes(row: &[Value]) -> usize {
    row.iter().map(Value::bytes).sum()
}

/// Runs a statement and collects what it answers.
pub(super) fn collect(statement: &mut Statement<'_>, room: &mut Room) -> Result<Rows, Failure> {
    let mut shape = Shape::of(statement);
    let mut answer = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = answer.next()? {
        if rows.is_empty() {
            // The first step compiles it again where the schema was changed since.
            shape = Shape::of(row.as_ref());
        }
        let values = shape.read(row)?;
        room.take(&values)?;
        rows.push(values);
    }
    Ok(Rows {
        columns: shape.columns,
        rows,
    })
}

/// The columns of a result and how their values are read.
pub(super) struct Shape {
    pub(super) columns: Vec<Column>,
    kinds: Vec<Kind>,
}

impl Shape {
    pub(super) fn of(statement: &Statement<'_>) -> Self {
        let columns: Vec<_> = statement
            .columns()
            .iter()
            .map(|column| Column {
                name: column.name().to_owned(),
                declared: column.decl_type().map(str::to_owned),
            })
            .collect();
        let kinds = columns.iter().map(Kind::of).collect();
        Self { columns, kinds }
    }

    /// A row, which may have many large columns: it is measured while it is copied.
    pub(super) fn read(&self, row: &Row<'_>) -> Result<Vec<Value>, Failure> {
        let mut values = Vec::with_capacity(self.kinds.len());
        let mut held = 0;
        for (index, kind) in self.kinds.iter().enumerate() {
            let value = kind.read(row.get_ref(index)?)?;
            held += value.bytes();
            if held > RESULT_BYTES_MAX {
                return Err(Failure::Own(Error::TooLarge {
                    limit: RESULT_BYTES_MAX,
                }));
            }
            values.push(value);
        }
        Ok(values)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Boolean,
    Decimal,
    Timestamp,
}

impl Kind {
    fn of(column: &Column) -> Self {
        let declared = column.declared.as_deref().unwrap_or_default();
        let declared = declared.to_ascii_uppercase();
        match declared.as_str() {
            name if name.starts_with("BOOL") => Self::Boolean,
            name if name.starts_with("DEC") || name.starts_with("NUMERIC") => Self::Decimal,
            name if name.starts_with("TIMESTAMP") => Self::Timestamp,
            _ => Self::Plain,
        }
    }

    /// A value that is not of its column's type, which SQLite permits, is answered as what it is.
    fn read(self, stored: ValueRef<'_>) -> Result<Value, Error> {
        let plain = plain(stored)?;
        Ok(match (self, plain) {
            (Self::Boolean, Value::Integer(truth @ 0..=1)) => Value::Boolean(truth == 1),
            (Self::Decimal, Value::Integer(integer)) => Value::Decimal(integer.to_string()),
            (Self::Decimal, Value::Real(real)) => {
                decimal_of(real).map_or(Value::Real(real), Value::Decimal)
            }
            (Self::Decimal, Value::Text(text)) => match canonical_decimal(&text) {
                Some(decimal) => Value::Decimal(decimal),
                None => Value::Text(text),
            },
            (Self::Timestamp, Value::Text(text)) => match moment(&text) {
                Some(moment) => Value::Timestamp(moment),
                None => Value::Text(text),
            },
            (_, plain) => plain,
        })
    }
}

/// Also in the form of `CURRENT_TIMESTAMP`: `2026-03-01 12:00:00`.
fn moment(text: &str) -> Option<String> {
    match text.split_once(' ') {
        Some((date, time)) => canonical_timestamp(&format!("{date}T{time}Z")),
        None => canonical_timestamp(text),
    }
}

fn plain(stored: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes);
            Value::Text(text.map_err(|_| not_text())?.to_owned())
        }
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}

fn not_text() -> Error {
    Error::Invalid("the result has a text that is not UTF-8".into())
}
