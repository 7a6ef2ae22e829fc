//! Parameters of a statement, written as the wire has them.
//!
//! Which types take which values is what Spin's driver takes, so that a component meets the same refusals here and there.

use std::error::Error as StdError;
use std::fmt;

use bytes::BytesMut;
use stoa_capabilities::postgres::{Bound, Error, Range, Value};
use tokio_postgres::types::{IsNull, Kind, ToSql, Type};

use super::{calendar, numeric};

/// Where an array says what its elements are.
const ELEMENT_TYPE: std::ops::Range<usize> = 8..12;

// Flags of a range.
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

/// The version of `jsonb` on the wire.
const JSONB_VERSION: u8 = 1;

/// A value that is well-formed by itself. Whether it fits the statement is known when the server has read that.
pub(super) enum Parameter {
    Null,
    Plain { accepts: Accepts, bytes: Vec<u8> },
    Json(Vec<u8>),
    Array { accepts: Accepts, bytes: Vec<u8> },
}

type Accepts = fn(&Type) -> bool;

/// A value is not shown: the driver may log it.
impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parameter")
    }
}

// === impl Parameter ===

impl Parameter {
    pub(super) fn new(value: Value) -> Result<Self, Error> {
        let plain = |accepts: Accepts, bytes: &[u8]| {
            let bytes = bytes.to_vec();
            Ok(Self::Plain { accepts, bytes })
        };
        match value {
            Value::Null => Ok(Self::Null),
            Value::Boolean(truth) => plain(|ty| *ty == Type::BOOL, &[truth.into()]),
            Value::Int8(number) => plain(|ty| *ty == Type::CHAR, &number.to_be_bytes()),
            Value::Int16(number) => plain(|ty| *ty == Type::INT2, &number.to_be_bytes()),
            Value::Int32(number) => plain(|ty| *ty == Type::INT4, &number.to_be_bytes()),
            Value::Int64(number) => plain(|ty| *ty == Type::INT8, &number.to_be_bytes()),
            Value::Floating32(number) => plain(|ty| *ty == Type::FLOAT4, &number.to_be_bytes()),
            Value::Floating64(number) => plain(|ty| *ty == Type::FLOAT8, &number.to_be_bytes()),
            Value::Str(text) => Ok(Self::Plain {
                accepts: is_text,
                bytes: text.into_bytes(),
            }),
            Value::Binary(bytes) => Ok(Self::Plain {
                accepts: |ty| *ty == Type::BYTEA,
                bytes,
            }),
            Value::Date(date) => {
                let days = calendar::days(date).ok_or_else(|| bad("date", &date))?;
                plain(|ty| *ty == Type::DATE, &days.to_be_bytes())
            }
            Value::Time(time) => {
                let micros = calendar::micros(time).ok_or_else(|| bad("time", &time))?;
                plain(|ty| *ty == Type::TIME, &micros.to_be_bytes())
            }
            Value::Datetime(moment) => {
                let micros = calendar::moment(moment).ok_or_else(|| bad("date-time", &moment))?;
                plain(|ty| *ty == Type::TIMESTAMP, &micros.to_be_bytes())
            }
            Value::Timestamp(seconds) => {
                let micros =
                    calendar::timestamp(seconds).ok_or_else(|| bad("timestamp", &seconds))?;
                plain(|ty| *ty == Type::TIMESTAMPTZ, &micros.to_be_bytes())
            }
            Value::Uuid(text) => {
                let bytes = uuid(&text).ok_or_else(|| bad("UUID", &text))?;
                plain(|ty| *ty == Type::UUID, &bytes)
            }
            Value::Jsonb(text) => json(text),
            Value::Decimal(text) => Ok(Self::Plain {
                accepts: |ty| *ty == Type::NUMERIC,
                bytes: decimal(&text)?,
            }),
            Value::Interval(interval) => {
                let mut bytes = interval.micros.to_be_bytes().to_vec();
                bytes.extend(interval.days.to_be_bytes());
                bytes.extend(interval.months.to_be_bytes());
                plain(|ty| *ty == Type::INTERVAL, &bytes)
            }
            Value::RangeInt32(bounds) => range(
                |ty| *ty == Type::INT4_RANGE,
                bounds,
                |number| Ok(number.to_be_bytes().to_vec()),
            ),
            Value::RangeInt64(bounds) => range(
                |ty| *ty == Type::INT8_RANGE,
                bounds,
                |number| Ok(number.to_be_bytes().to_vec()),
            ),
            Value::RangeDecimal(bounds) => {
                range(|ty| *ty == Type::NUM_RANGE, bounds, |text| decimal(&text))
            }
            Value::ArrayInt32(items) => array(
                |ty| *ty == Type::INT4,
                items,
                |number| Ok(number.to_be_bytes().to_vec()),
            ),
            Value::ArrayInt64(items) => array(
                |ty| *ty == Type::INT8,
                items,
                |number| Ok(number.to_be_bytes().to_vec()),
            ),
            Value::ArrayDecimal(items) => {
                array(|ty| *ty == Type::NUMERIC, items, |text| decimal(&text))
            }
            Value::ArrayStr(items) => array(is_text, items, |text| Ok(text.into_bytes())),
            Value::Unsupported(_) => Err(Error::BadParameter(
                "a value of an unsupported type cannot be sent back".into(),
            )),
        }
    }
}

impl ToSql for Parameter {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let refused = || Err(format!("the value is not of type {ty}").into());
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Plain { accepts, bytes } if accepts(ty) => out.extend_from_slice(bytes),
            Self::Json(text) if *ty == Type::JSON => out.extend_from_slice(text),
            Self::Json(text) if *ty == Type::JSONB => {
                out.extend_from_slice(&[JSONB_VERSION]);
                out.extend_from_slice(text);
            }
            Self::Array { accepts, bytes } => match ty.kind() {
                Kind::Array(element) if accepts(element) => {
                    out.extend_from_slice(&bytes[..ELEMENT_TYPE.start]);
                    out.extend_from_slice(&element.oid().to_be_bytes());
                    out.extend_from_slice(&bytes[ELEMENT_TYPE.end..]);
                }
                _ => return refused(),
            },
            Self::Plain { .. } | Self::Json(_) => return refused(),
        }
        Ok(IsNull::No)
    }

    /// It is told with the type's name by [`ToSql::to_sql`].
    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

fn is_text(ty: &Type) -> bool {
    let known = [
        Type::VARCHAR,
        Type::TEXT,
        Type::BPCHAR,
        Type::NAME,
        Type::UNKNOWN,
    ];
    known.contains(ty) || ty.name() == "citext"
}

fn bad(what: &str, value: &impl fmt::Debug) -> Error {
    Error::BadParameter(format!("invalid {what} {value:?}"))
}

fn decimal(text: &str) -> Result<Vec<u8>, Error> {
    numeric::encode(text).ok_or_else(|| bad("decimal", &text))
}

fn json(text: Vec<u8>) -> Result<Parameter, Error> {
    match serde_json::from_slice::<serde_json::Value>(&text) {
        Ok(_) => Ok(Parameter::Json(text)),
        Err(error) => Err(Error::BadParameter(format!("invalid JSON: {error}"))),
    }
}

/// 32 digits, in groups or not, as PostgreSQL and others write them.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let braced = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    let text = braced.unwrap_or(text).as_bytes();
    let hyphens = [8, 13, 18, 23];
    let digits: Vec<u8> = match text.len() {
        32 => text.to_vec(),
        36 if hyphens.iter().all(|at| text[*at] == b'-') => {
            let digits = (0..36).filter(|at| !hyphens.contains(at));
            digits.map(|at| text[at]).collect()
        }
        _ => return None,
    };
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

/// What has a length on the wire. One that is too long for that fails on the way, as no message holds it.
fn sized(bytes: &mut Vec<u8>, item: &[u8]) -> Result<(), Error> {
    let length = i32::try_from(item.len());
    let length = length.map_err(|_| Error::BadParameter("a value is too long".into()))?;
    bytes.extend(length.to_be_bytes());
    bytes.extend(item);
    Ok(())
}

fn range<T>(
    accepts: Accepts,
    range: Range<T>,
    encode: fn(T) -> Result<Vec<u8>, Error>,
) -> Result<Parameter, Error> {
    let flags = |bound: Option<&Bound<T>>, inclusive: u8, infinite: u8| match bound {
        None => infinite,
        Some(bound) if bound.inclusive => inclusive,
        Some(_) => 0,
    };
    let lower = flags(range.lower.as_ref(), LOWER_INCLUSIVE, LOWER_INFINITE);
    let upper = flags(range.upper.as_ref(), UPPER_INCLUSIVE, UPPER_INFINITE);
    let mut bytes = vec![lower | upper];
    for bound in [range.lower, range.upper].into_iter().flatten() {
        sized(&mut bytes, &encode(bound.value)?)?;
    }
    Ok(Parameter::Plain { accepts, bytes })
}

/// Of one dimension, whose first element is number 1. The type of the elements is put in when it is known.
fn array<T>(
    accepts: Accepts,
    items: Vec<Option<T>>,
    encode: fn(T) -> Result<Vec<u8>, Error>,
) -> Result<Parameter, Error> {
    let count = i32::try_from(items.len())
        .map_err(|_| Error::BadParameter("an array is too long".into()))?;
    let nulls = i32::from(items.iter().any(Option::is_none));
    let mut bytes = Vec::new();
    for word in [1, nulls, 0, count, 1] {
        bytes.extend(word.to_be_bytes());
    }
    for item in items {
        match item {
            None => bytes.extend((-1_i32).to_be_bytes()),
            Some(item) => sized(&mut bytes, &encode(item)?)?,
        }
    }
    Ok(Parameter::Array { accepts, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(value: Value) -> String {
        match Parameter::new(value) {
            Ok(_) => panic!("it was taken"),
            Err(error) => error.to_string(),
        }
    }

    fn encoded(value: Value, ty: &Type) -> Result<Vec<u8>, String> {
        let parameter = Parameter::new(value).expect("it is well-formed");
        let mut bytes = BytesMut::new();
        let written = parameter.to_sql_checked(ty, &mut bytes);
        written
            .map(|_| bytes.to_vec())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn values_that_are_none_are_refused_before_anything_is_sent() {
        for (value, told) in [
            (Value::Date((2023, 2, 29)), "invalid date"),
            (Value::Time((24, 1, 0, 0)), "invalid time"),
            (
                Value::Datetime((2023, 13, 1, 0, 0, 0, 0)),
                "invalid date-time",
            ),
            (Value::Timestamp(i64::MAX), "invalid timestamp"),
            (Value::Uuid("not-a-uuid".into()), "invalid UUID"),
            (Value::Jsonb(b"{".to_vec()), "invalid JSON"),
            (Value::Decimal("1e5".into()), "invalid decimal"),
            (
                Value::ArrayDecimal(vec![Some("x".into())]),
                "invalid decimal",
            ),
            (Value::Unsupported(Vec::new()), "unsupported"),
        ] {
            let refusal = refusal(value);
            assert!(refusal.starts_with("bad parameter: "), "{refusal}");
            assert!(refusal.contains(told), "{refusal}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        for (value, ty) in [
            (Value::Int32(1), Type::INT8),
            (Value::Str("1".into()), Type::INT4),
            (Value::Datetime((2024, 1, 1, 0, 0, 0, 0)), Type::DATE),
            (Value::ArrayInt32(vec![Some(1)]), Type::INT8_ARRAY),
            (Value::ArrayInt32(vec![Some(1)]), Type::INT4),
            (Value::Jsonb(b"1".to_vec()), Type::TEXT),
        ] {
            let told = format!("the value is not of type {ty}");
            assert_eq!(encoded(value, &ty), Err(told));
        }
    }

    #[test]
    fn nothing_fits_every_type() {
        for ty in [Type::INT4, Type::TEXT_ARRAY, Type::POINT] {
            let mut bytes = BytesMut::new();
            let written = Parameter::Null.to_sql_checked(&ty, &mut bytes);
            assert!(matches!(written, Ok(IsNull::Yes)));
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn arrays_name_the_type_of_their_elements() {
        let texts = || Value::ArrayStr(vec![Some("a".into()), None]);
        for (array, element) in [
            (Type::TEXT_ARRAY, Type::TEXT),
            (Type::VARCHAR_ARRAY, Type::VARCHAR),
        ] {
            let bytes = encoded(texts(), &array).expect("it fits");
            assert_eq!(bytes[ELEMENT_TYPE], element.oid().to_be_bytes());
            assert_eq!(bytes[4..8], [0, 0, 0, 1]);
        }
    }

    #[test]
    fn ranges_have_the_bounds_they_have() {
        let range = |lower, upper| Value::RangeInt32(Range { lower, upper });
        let bound = |value, inclusive| Some(Bound { value, inclusive });
        let bytes = |range| encoded(range, &Type::INT4_RANGE).expect("it fits");
        assert_eq!(bytes(range(None, None)), [0x18]);
        assert_eq!(
            bytes(range(bound(1, true), bound(2, false))),
            [0x02, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2]
        );
        assert_eq!(
            bytes(range(None, bound(2, true))),
            [0x0c, 0, 0, 0, 4, 0, 0, 0, 2]
        );
    }

    #[test]
    fn a_uuid_has_several_spellings() {
        let expected = Some([0x12; 16]);
        for text in [
            "12121212-1212-1212-1212-121212121212",
            "12121212121212121212121212121212",
            "{12121212-1212-1212-1212-121212121212}",
            "urn:uuid:12121212-1212-1212-1212-121212121212",
        ] {
            assert_eq!(uuid(text), expected, "{text}");
        }
        for text in [
            "",
            "1212",
            "121212121212-1212-1212-1212-12121212",
            "zz121212121212121212121212121212",
        ] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }

    #[test]
    fn values_are_not_shown() {
        let parameter = Parameter::new(Value::Str("hunter2".into())).expect("it is a text");
        assert_eq!(format!("{parameter:?}"), "Parameter");
    }
}
