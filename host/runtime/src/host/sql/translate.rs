//! Between the contract's types and the capability's.

use stoa_capabilities::sql;
use stoa_manifest::grants;

use super::bindings::stoa::sql::types;

impl From<sql::Error> for types::Error {
    fn from(error: sql::Error) -> Self {
        match error {
            sql::Error::Denied(why) => Self::Denied(why),
            sql::Error::Invalid(why) => Self::Invalid(why),
            sql::Error::Constraint { kind, name } => Self::Constraint(types::Constraint {
                kind: kind.into(),
                name,
            }),
            sql::Error::Conflict => Self::Conflict,
            sql::Error::TooLarge { limit } => Self::TooLarge(limit as u64),
            sql::Error::Quota(what) => Self::Quota(what.into()),
            sql::Error::TransactionOver => Self::TransactionOver,
            sql::Error::Deadline { .. } => Self::Deadline,
            sql::Error::Unavailable => Self::Unavailable,
        }
    }
}

impl From<sql::ConstraintKind> for types::ConstraintKind {
    fn from(kind: sql::ConstraintKind) -> Self {
        match kind {
            sql::ConstraintKind::Unique => Self::Unique,
            sql::ConstraintKind::NotNull => Self::NotNull,
            sql::ConstraintKind::Check => Self::Check,
            sql::ConstraintKind::ForeignKey => Self::ForeignKey,
        }
    }
}

impl From<types::Access> for grants::Access {
    fn from(access: types::Access) -> Self {
        match access {
            types::Access::Read => Self::Read,
            types::Access::Write => Self::ReadWrite,
        }
    }
}

impl From<types::Statement> for sql::Statement {
    fn from(statement: types::Statement) -> Self {
        Self {
            text: statement.text,
            parameters: statement
                .parameters
                .into_iter()
                .map(sql::Value::from)
                .collect(),
        }
    }
}

impl From<types::Value> for sql::Value {
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

impl From<sql::Value> for types::Value {
    fn from(value: sql::Value) -> Self {
        match value {
            sql::Value::Null => Self::Null,
            sql::Value::Boolean(truth) => Self::Boolean(truth),
            sql::Value::Integer(integer) => Self::Integer(integer),
            sql::Value::Real(real) => Self::Real(real),
            sql::Value::Decimal(decimal) => Self::Decimal(decimal),
            sql::Value::Text(text) => Self::Text(text),
            sql::Value::Blob(bytes) => Self::Blob(bytes),
            sql::Value::Timestamp(moment) => Self::Timestamp(moment),
        }
    }
}

impl From<sql::Column> for types::Column {
    fn from(column: sql::Column) -> Self {
        Self {
            name: column.name,
            declared: column.declared,
        }
    }
}

impl From<sql::Rows> for types::Rows {
    fn from(rows: sql::Rows) -> Self {
        Self {
            columns: rows.columns.into_iter().map(types::Column::from).collect(),
            rows: rows.rows.into_iter().map(row).collect(),
        }
    }
}

/// A row is a list on both sides, so it cannot have a `From` of its own.
pub(super) fn row(row: sql::Row) -> types::Row {
    row.into_iter().map(types::Value::from).collect()
}

impl From<sql::Executed> for types::Executed {
    fn from(executed: sql::Executed) -> Self {
        Self {
            rows_affected: executed.rows_affected,
            last_insert_id: executed.last_insert_id,
            returned: executed.returned.into(),
        }
    }
}
