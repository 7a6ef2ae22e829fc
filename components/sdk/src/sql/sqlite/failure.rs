//! What SQLite says, as what a service can act on.

use super::super::{ConstraintKind, Error};
use rusqlite::{ErrorCode, ffi};

/// As on a host.
const ROW_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(super) fn translate(error: rusqlite::Error) -> Error {
    let (code, message) = match &error {
        rusqlite::Error::SqliteFailure(code, message) => (code, message.as_deref()),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, Some(msg.as_str())),
        rusqlite::Error::MultipleStatement => {
            return Error::Invalid("one call runs one statement".to_owned());
        }
        other => return broken(other),
    };
    let message = message.unwrap_or("no reason given");
    match code.code {
        ErrorCode::Unknown | ErrorCode::TypeMismatch | ErrorCode::ParameterOutOfRange => {
            Error::Invalid(message.to_owned())
        }
        ErrorCode::ConstraintViolation => constraint(code.extended_code, message),
        ErrorCode::AuthorizationForStatementDenied => {
            Error::Denied("no component may do this".to_owned())
        }
        // On a host it would wait, and here nobody could end the other transaction meanwhile.
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Deadline,
        ErrorCode::SchemaChanged => Error::Conflict,
        ErrorCode::TooBig => Error::TooLarge {
            limit: ROW_BYTES_MAX,
        },
        _ => broken(&error),
    }
}

/// The test cannot go on.
pub(super) fn broken(error: &dyn std::error::Error) -> Error {
    Error::Other {
        code: "sql-testing".to_owned(),
        message: error.to_string(),
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
        _ => return Error::Invalid(message.to_owned()),
    };
    let name = message.split_once("constraint failed: ");
    Error::Constraint {
        kind,
        name: name.map_or("", |(_, name)| name).to_owned(),
    }
}
