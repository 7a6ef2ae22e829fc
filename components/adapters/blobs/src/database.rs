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

/// A row of a result, with as many values as there are columns.
pub(crate) type Row = Vec<Value>;

/// Where the blobs lie.
pub(crate) trait Database {
    /// Runs one statement; `?1` stands for the first parameter. What the database says where it fails goes to the log.
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Vec<Row>, Error>;

    /// 64 bits that nobody can foresee.
    fn random(&self) -> u64;

    /// In milliseconds since 1970.
    fn now_ms(&self) -> u64;
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

    pub(crate) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Blob(bytes) => Some(bytes),
            Self::Null | Self::Integer(_) | Self::Real(_) | Self::Text(_) => None,
        }
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            Self::Null | Self::Real(_) | Self::Text(_) | Self::Blob(_) => None,
        }
    }
}

/// A text that SQLite need not order.
pub(crate) fn of_text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A name as it is stored: bytes, because SQLite compares those as the interface says, and next to nothing else does.
pub(crate) fn of_name(name: &str) -> Value {
    Value::Blob(name.as_bytes().to_vec())
}

/// A number of bytes, a time, or a place in a sequence.
pub(crate) fn of_number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// What a row should have had.
pub(crate) fn malformed() -> Error {
    eprintln!("the database of the blobs answered rows of another shape than was asked for");
    Error::Unavailable
}
