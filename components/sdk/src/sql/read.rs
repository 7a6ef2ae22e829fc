//! Values as the types that a service asks for.

use super::{Decimal, Timestamp, Value};

/// What a value can be read as.
///
/// A computed column has no declared type, and a database may answer it in the form it keeps: booleans are read from 0
/// and 1 too, decimals from integers, moments from text.
pub trait FromValue: Sized {
    /// What was asked for, as errors say it.
    const KIND: &'static str;

    /// `None` where the value is something else.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty, $kind:literal: $($pattern:pat => $read:expr),+;)*) => {$(
        impl FromValue for $type {
            const KIND: &'static str = $kind;

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    $($pattern => Some($read),)+
                    _ => None,
                }
            }
        }
    )*};
}

from_value! {
    i64, "an integer": Value::Integer(integer) => *integer;
    f64, "a real": Value::Real(real) => *real;
    bool, "a boolean": Value::Boolean(truth) => *truth, Value::Integer(truth @ 0..=1) => *truth == 1;
    String, "a text": Value::Text(text) => text.clone();
    Vec<u8>, "a blob": Value::Blob(bytes) => bytes.clone();
    Decimal, "a decimal":
        Value::Decimal(decimal) => Decimal(decimal.clone()),
        Value::Integer(integer) => Decimal(integer.to_string());
    Timestamp, "a timestamp": Value::Timestamp(moment) | Value::Text(moment) => Timestamp(moment.clone());
}

/// Whatever it is.
impl FromValue for Value {
    const KIND: &'static str = "a value";

    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

/// Where there may be none.
impl<T: FromValue> FromValue for Option<T> {
    const KIND: &'static str = T::KIND;

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_nothing_but_an_option() {
        assert_eq!(i64::from_value(&Value::Null), None);
        assert_eq!(Option::<i64>::from_value(&Value::Null), Some(None));
        let seven = Value::Integer(7);
        assert_eq!(Option::<i64>::from_value(&seven), Some(Some(7)));
        assert_eq!(Option::<String>::from_value(&seven), None);
    }

    #[test]
    fn computed_columns_are_read_in_the_form_they_come_in() {
        assert_eq!(bool::from_value(&Value::Integer(1)), Some(true));
        assert_eq!(bool::from_value(&Value::Integer(2)), None);
        let ten = Decimal("10".to_owned());
        assert_eq!(Decimal::from_value(&Value::Integer(10)), Some(ten));
        let moment = "2026-03-01T12:00:00.000000Z".to_owned();
        let read = Timestamp::from_value(&Value::Text(moment.clone()));
        assert_eq!(read, Some(Timestamp(moment)));
    }
}
