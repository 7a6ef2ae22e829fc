//! What SQLite says, as what a guest can act on.

use rusqlite::{ErrorCode, ffi};
use tracing::error;

use super::guard::{HIDDEN, READS_ONLY};
use crate::sql::{ConstraintKind, Error, ROW_BYTES_MAX, Rules};

/// Why a statement did not run: something that was found here, or something that SQLite said.
#[derive(Debug)]
pub(super) enum Failure {
    Own(Error),
    Sqlite(rusqlite::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    /// What the guest is told. `refusal` is what the guard said to the statement.
    pub(super) fn explain(self, rules: &Rules, refusal: Option<&'static str>) -> Error {
        match (self, refusal) {
            (Self::Own(error), _) => error,
            (Self::Sqlite(_), Some(reason)) => Error::Denied(reason.into()),
            (Self::Sqlite(error), None) => translate(&error, rules),
        }
    }
}

fn translate(error: &rusqlite::Error, rules: &Rules) -> Error {
    let (code, message) = match error {
        rusqlite::Error::SqliteFailure(code, message) => (code, message.as_deref()),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, Some(msg.as_str())),
        _ => return unavailable(error),
    };
    let message = message.unwrap_or("no reason given");
    match code.code {
        ErrorCode::Unknown => rejected(message, rules),
        ErrorCode::TypeMismatch | ErrorCode::ParameterOutOfRange => Error::Invalid(message.into()),
        ErrorCode::ConstraintViolation => constraint(code.extended_code, message),
        ErrorCode::AuthorizationForStatementDenied => Error::Denied(HIDDEN.into()),
        ErrorCode::ReadOnly => Error::Denied(READS_ONLY.into()),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::SchemaChanged => {
            Error::Conflict
        }
        // The file may be as large as the grant says; without such a bound, the disk is full.
        ErrorCode::DiskFull if rules.bytes_max.is_some() => Error::Quota("bytes_max"),
        ErrorCode::TooBig => Error::TooLarge {
            limit: ROW_BYTES_MAX,
        },
        // Nobody waits any more, or the transaction was open for too long.
        ErrorCode::OperationInterrupted => Error::TransactionOver,
        _ => unavailable(error),
    }
}

/// A statement that is wrong. Where only some tables were granted, what is missing and what was not granted is the same.
fn rejected(message: &str, rules: &Rules) -> Error {
    let names = message.starts_with("no such table")
        || message.starts_with("no such column")
        || message.contains("has no column named")
        // Said of views before SQLite asks whether they may be changed.
        || message.ends_with("because it is a view");
    if names && rules.tables.is_some() {
        return Error::Denied(HIDDEN.into());
    }
    // How SQLite protects its catalog, and what it says before it asks whether a file may be made.
    let forbidden =
        message.ends_with("may not be modified") || message.starts_with("cannot VACUUM");
    match forbidden {
        true => Error::Denied(message.into()),
        false => Error::Invalid(message.into()),
    }
}

fn constraint(extended: i32, message: &str) -> Error {
    let kind = match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => ConstraintKind::Unique,
        ffi::SQLITE_CONSTRAINT_NOTNULL => ConstraintKind::NotNull,
        ffi::SQLITE_CONSTRAINT_CHECK => ConstraintKind::Check,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ConstraintKind::ForeignKey,
        // Raised by a trigger, or a strict table's type.
        _ => return Error::Invalid(message.into()),
    };
    let name = message
        .split_once("constraint failed: ")
        .map_or("", |(_, name)| name);
    Error::Constraint {
        kind,
        name: name.into(),
    }
}

/// What SQLite said stays in the log; the guest learns that the database is unavailable.
fn unavailable(source: &rusqlite::Error) -> Error {
    error!(error = %source, "embedded database failed");
    Error::Unavailable
}
