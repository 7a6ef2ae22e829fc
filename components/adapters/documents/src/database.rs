//! A database as this adapter needs it: one statement at a time, each of which is atomic.

use crate::error::Error;

/// What SQLite stores.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// The rows of a result, each with as many values as there are columns.
pub(crate) type Rows = Vec<Vec<Value>>;

/// Where the documents lie.
pub(crate) trait Database {
    /// Runs one statement; `?` stands for the next parameter. What the database says where it fails goes to the log.
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Rows, Error>;

    /// 64 bits that nobody can foresee.
    fn random(&self) -> u64;
}

impl Value {
    /// A text or bytes as they were stored.
    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Blob(bytes) => String::from_utf8(bytes).ok(),
            Self::Null | Self::Integer(_) | Self::Real(_) => None,
        }
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            Self::Null | Self::Real(_) | Self::Text(_) | Self::Blob(_) => None,
        }
    }
}

/// An id as it is stored: bytes, because SQLite compares those as the interface says, whatever they are.
pub(crate) fn of_id(id: &str) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

/// A number of bytes or rows, in a statement.
pub(crate) fn of_count(count: usize) -> Value {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A version as it is stored: what never was one becomes a number that is none either.
pub(crate) fn of_version(version: u64) -> Value {
    Value::Integer(version.cast_signed())
}

/// So many places for parameters, parted by commas.
pub(crate) fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// What a row should have had.
pub(crate) fn malformed() -> Error {
    eprintln!("the database answered rows of another shape than was asked for");
    Error::unavailable()
}
