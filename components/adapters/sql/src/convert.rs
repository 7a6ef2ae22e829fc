//! Between the generated types and ours.

use crate::bindings::exports::stoa::sql::types;
use crate::error::{ConstraintKind, Error};
use crate::grants::Access;
use crate::handle::{Asked, Executed};
use crate::source::{Answer, Value};

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchDatabase => Self::NoSuchDatabase,
            Error::Denied(what) => Self::Denied(what),
            Error::Invalid(what) => Self::Invalid(what),
            Error::Constraint { kind, name } => Self::Constraint(types::Constraint {
                kind: kind.into(),
                name,
            }),
            Error::Conflict => Self::Conflict,
            Error::TooLarge(limit) => Self::TooLarge(limit),
            Error::Quota(what) => Self::Quota(what.to_owned()),
            Error::Deadline => Self::Deadline,
            Error::Unavailable => Self::Unavailable,
            Error::Other { code, message } => Self::Other(types::Failure {
                code: code.to_owned(),
                message,
            }),
        }
    }
}

impl From<ConstraintKind> for types::ConstraintKind {
    fn from(kind: ConstraintKind) -> Self {
        match kind {
            ConstraintKind::Unique => Self::Unique,
            ConstraintKind::NotNull => Self::NotNull,
            ConstraintKind::Check => Self::Check,
            ConstraintKind::ForeignKey => Self::ForeignKey,
        }
    }
}

impl From<types::Access> for Access {
    fn from(access: types::Access) -> Self {
        match access {
            types::Access::Read => Self::Read,
            types::Access::Write => Self::ReadWrite,
        }
    }
}

impl TryFrom<types::Statement> for Asked {
    type Error = Error;

    fn try_from(statement: types::Statement) -> Result<Self, Error> {
        let parameters = statement.parameters.into_iter().map(Value::try_from);
        Ok(Self {
            text: statement.text,
            parameters: parameters.collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<types::Value> for Value {
    type Error = Error;

    /// What SQLite has no type for could not be told from what it is stored as.
    fn try_from(value: types::Value) -> Result<Self, Error> {
        Ok(match value {
            types::Value::Null => Self::Null,
            types::Value::Boolean(truth) => Self::Integer(truth.into()),
            types::Value::Integer(integer) => Self::Integer(integer),
            types::Value::Real(real) => Self::Real(real),
            types::Value::Text(text) => Self::Text(text),
            types::Value::Blob(bytes) => Self::Blob(bytes),
            types::Value::Decimal(_) => return Err(Error::not_portable("a decimal")),
            types::Value::Timestamp(_) => return Err(Error::not_portable("a timestamp")),
        })
    }
}

impl From<Value> for types::Value {
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

impl From<Answer> for types::Rows {
    fn from(answer: Answer) -> Self {
        Self {
            columns: columns(&answer.columns),
            rows: rows(answer.rows),
        }
    }
}

impl From<Executed> for types::Executed {
    fn from(executed: Executed) -> Self {
        Self {
            rows_affected: executed.rows_affected,
            last_insert_id: executed.last_insert_id,
            returned: executed.returned.into(),
        }
    }
}

/// Spin does not say what a column was declared as.
pub(crate) fn columns(names: &[String]) -> Vec<types::Column> {
    let column = |name: &String| types::Column {
        name: name.clone(),
        declared: None,
    };
    names.iter().map(column).collect()
}

pub(crate) fn rows(rows: Vec<Vec<Value>>) -> Vec<types::Row> {
    let row = |row: Vec<Value>| row.into_iter().map(types::Value::from).collect();
    rows.into_iter().map(row).collect()
}
