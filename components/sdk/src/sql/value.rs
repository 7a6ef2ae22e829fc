//! Values of rows and parameters.

use crate::clock;

/// A value in a row or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// Any number but NaN.
    Real(f64),
    /// See [`Decimal`].
    Decimal(String),
    Text(String),
    Blob(Vec<u8>),
    /// See [`Timestamp`].
    Timestamp(String),
}

/// A decimal number as text: an optional `-`, digits, and where there is a fraction a `.` and digits. At most 15
/// significant digits, or an integer of 64 bits. Answered without zeros that say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal(pub String);

/// A moment as RFC 3339 text with at most microseconds. Answered in UTC with six digits of a second, so that moments
/// sort as text: `2026-03-01T12:00:00.000000Z`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub String);

impl Value {
    /// What it is called in errors.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Real(_) => "real",
            Self::Decimal(_) => "decimal",
            Self::Text(_) => "text",
            Self::Blob(_) => "blob",
            Self::Timestamp(_) => "timestamp",
        }
    }
}

impl From<clock::Timestamp> for Timestamp {
    fn from(moment: clock::Timestamp) -> Self {
        Self(moment.to_string())
    }
}

macro_rules! from {
    ($($from:ty: $value:ident => $made:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $made
            }
        }
    )*};
}

from! {
    bool: truth => Self::Boolean(truth);
    i64: integer => Self::Integer(integer);
    i32: integer => Self::Integer(integer.into());
    u32: integer => Self::Integer(integer.into());
    f64: real => Self::Real(real);
    &str: text => Self::Text(text.to_owned());
    &String: text => Self::Text(text.clone());
    String: text => Self::Text(text);
    &[u8]: bytes => Self::Blob(bytes.to_vec());
    Vec<u8>: bytes => Self::Blob(bytes);
    Decimal: decimal => Self::Decimal(decimal.0);
    Timestamp: moment => Self::Timestamp(moment.0);
    clock::Timestamp: moment => Self::Timestamp(moment.to_string());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
