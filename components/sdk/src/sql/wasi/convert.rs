//! Between the generated types and ours, which exist without a host too.

use super::bindings::stoa::sql::types;
use crate::sql::{Access, Column, ConstraintKind, Error, Executed, Rows, Statement, Value};

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::NoSuchDatabase => Self::NoSuchDatabase,
            types::Error::Denied(what) => Self::Denied(what),
            types::Error::Invalid(what) => Self::Invalid(what),
            types::Error::Constraint(constraint) => Self::Constraint {
                kind: constraint.kind.into(),
                name: constraint.name,
            },
            types::Error::Conflict => Self::Conflict,
            types::Error::TooLarge(limit) => Self::TooLarge { limit },
            types::Error::Quota(what) => Self::Quota(what),
            types::Error::TransactionOver => Self::TransactionOver,
            types::Error::Deadline => Self::Deadline,
            types::Error::Unavailable => Self::Unavailable,
            types::Error::Other(failure) => Self::Other {
                code: failure.code,
                message: failure.message,
            },
        }
    }
}

impl From<types::ConstraintKind> for ConstraintKind {
    fn from(kind: types::ConstraintKind) -> Self {
        match kind {
            types::ConstraintKind::Unique => Self::Unique,
            types::ConstraintKind::NotNull => Self::NotNull,
            types::ConstraintKind::Check => Self::Check,
            types::ConstraintKind::ForeignKey => Self::ForeignKey,
        }
    }
}

impl From<Access> for types::Access {
    fn from(access: Access) -> Self {
        match access {
            Access::Read => Self::Read,
            Access::Write => Self::Write,
        }
    }
}

impl From<Statement> for types::Statement {
    fn from(statement: Statement) -> Self {
        let parameters = statement.parameters.into_iter();
        Self {
            text: statement.text,
            parameters: parameters.map(types::Value::from).collect(),
        }
    }
}

impl From<Value> for types::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(truth) => Self::Boolean(truth),
            Value::Integer(integer) => Self::Integer(integer),
            Value::Real(real) => Self::Real(real),
            Value::Decimal(decimal) => Self::Decimal(decimal),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
            Value::Timestamp(moment) => Self::Timestamp(moment),
        }
    }
}

impl From<types::Value> for Value {
    fn from(value: types::Value) -> Self {
        match value {
            types::Value::Null => Self::Null,
            types::Value::Boolean(truth) => Self::Boolean(truth),
            types::Value::Integer(integer) => Self::Integer(integer),
            types::Value::Real(real) => Self::Real(real),
            types::Value::Decimal(decimal) => Self::Decimal(decimal),
            types::Value::Text(text) => Self::Text(text),
            types::Value::Blob(bytes) => Self::Blob(bytes),
            types::Value::Timestamp(moment) => Self::Timestamp(moment),
        }
    }
}

impl From<types::Column> for Column {
    fn from(column: types::Column) -> Self {
        Self {
            name: column.name,
            declared: column.declared,
        }
    }
}

pub(super) fn row(row: types::Row) -> Vec<Value> {
    row.into_iter().map(Value::from).collect()
}

impl From<types::Rows> for Rows {
    fn from(rows: types::Rows) -> Self {
        let columns = rows.columns.into_iter().map(Column::from).collect();
        Self::new(columns, rows.rows.into_iter().map(row).collect())
    }
}

impl From<types::Executed> for Executed {
    fn from(executed: types::Executed) -> Self {
        Self {
            rows_affected: executed.rows_affected,
            last_insert_id: executed.last_insert_id,
            returned: executed.returned.into(),
        }
    }
}
