//! Why an operation did not happen.

use std::fmt;

/// Why an operation did not happen. Nothing was changed, unless `Deadline` or `Unavailable` says that it is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No database of this label was granted. A database that does not exist answers the same.
    #[error("no database of this label was granted")]
    NoSuchDatabase,
    /// The grant does not allow this, or no component may do it.
    #[error("denied: {0}")]
    Denied(String),
    /// The database rejects the statement, or the request itself is wrong. Says why.
    #[error("invalid: {0}")]
    Invalid(String),
    /// A row would break a constraint.
    #[error("breaks a constraint ({kind}): {name}")]
    Constraint {
        kind: ConstraintKind,
        /// What the database calls it: the columns (`orders.id`) or the name; empty where it does not say.
        name: String,
    },
    /// Another transaction was in the way. Try the whole transaction again.
    #[error("another transaction was in the way")]
    Conflict,
    /// In rows for a result of too many rows, in bytes otherwise. Large results are read through a cursor.
    #[error("larger than {limit}")]
    TooLarge { limit: u64 },
    /// What the grant allows is used up; says what.
    #[error("quota is used up: {0}")]
    Quota(String),
    /// The transaction or cursor is over. What was not committed is undone.
    #[error("the transaction is over")]
    TransactionOver,
    /// A write may have happened; a transaction that was not being committed is rolled back.
    #[error("no answer in time")]
    Deadline,
    /// The database cannot be reached or is overloaded. A write may have happened.
    #[error("database is unavailable")]
    Unavailable,
    /// A failure without a case of its own. `code` is stable and for programs, `message` is for people.
    #[error("{code}: {message}")]
    Other { code: String, message: String },
    /// The result is not what was asked for: another type, no such column, no row. Never from the database.
    #[error("{column}: {message}")]
    Malformed { column: String, message: String },
}

/// What a constraint demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// That no other row has the value: a primary key, a unique constraint or a unique index.
    Unique,
    NotNull,
    Check,
    ForeignKey,
}

impl fmt::Display for ConstraintKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unique => "unique",
            Self::NotNull => "not-null",
            Self::Check => "check",
            Self::ForeignKey => "foreign-key",
        })
    }
}
