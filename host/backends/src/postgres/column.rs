//! Values of a result, read from the wire.

use std::error::Error as StdError;

use stoa_capabilities::postgres::{Bound, DataType, Error, Interval, Range, Row, Value};
use tokio_postgres::Row as WireRow;
use tokio_postgres::types::{FromSql, Type};

use super::{calendar, numeric};

// Flags of a range.
const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

/// The version of `jsonb` on the wire.
const JSONB_VERSION: u8 = 1;

/// The contract's word for a type.
pub(super) fn data_type(ty: &Type) -> DataType {
    match *ty {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 => DataType::Int64,
        Type::FLOAT4 => DataType::Floating32,
        Type::FLOAT8 => DataType::Floating64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DataType::Str,
        Type::BYTEA => DataType::Binary,
        Type::DATE => DataType::Date,
        Type::TIME => DataType::Time,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DataType::Datetime,
        Type::UUID => DataType::Uuid,
        Type::JSONB => DataType::Jsonb,
        Type::NUMERIC => DataType::Decimal,
        Type::INT4_RANGE => DataType::RangeInt32,
        Type::INT8_RANGE => DataType::RangeInt64,
        Type::NUM_RANGE => DataType::RangeDecimal,
        Type::INT4_ARRAY => DataType::ArrayInt32,
        Type::INT8_ARRAY => DataType::ArrayInt64,
        Type::NUMERIC_ARRAY => DataType::ArrayDecimal,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => DataType::ArrayStr,
        Type::INTERVAL => DataType::Interval,
        _ => DataType::Other(ty.name().to_owned()),
    }
}

/// What the values of a result may still hold. Numbers and lists hold many times their bytes on the wire, so they are
/// counted before they are made.
pub(super) struct Room {
    left: usize,
    limit: usize,
    is_full: bool,
}

impl Room {
    /// What is left where so many bytes of the limit are used up.
    pub(super) fn beside(used: usize, limit: usize) -> Self {
        Self {
            left: limit.saturating_sub(used),
            limit,
            is_full: false,
        }
    }

    fn take(&mut self, bytes: usize) -> Option<()> {
        let left = self.left.checked_sub(bytes);
        self.is_full |= left.is_none();
        self.left = left?;
        Some(())
    }

    /// Why a value could not be read.
    fn error(&self, column: &str) -> Error {
        match self.is_full {
            true => Error::TooLarge(self.limit),
            false => damaged(column),
        }
    }
}

/// All values of a row, as far as there is room for them.
pub(super) fn row(row: &WireRow, mut room: Room) -> Result<Row, Error> {
    let value = |(index, column): (usize, &tokio_postgres::Column)| {
        let raw: Option<Raw<'_>> = row.try_get(index).map_err(|_| damaged(column.name()))?;
        match raw {
            None => Ok(Value::Null),
            Some(Raw(bytes)) => {
                let read = read(&data_type(column.type_()), bytes, &mut room);
                read.ok_or_else(|| room.error(column.name()))
            }
        }
    };
    row.columns().iter().enumerate().map(value).collect()
}

fn damaged(column: &str) -> Error {
    Error::ValueConversionFailed(format!("column {column} holds what has no value here"))
}

/// The bytes of a value, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Reads a value; `None` if there is no such value in the contract, or no room for it.
fn read(ty: &DataType, raw: &[u8], room: &mut Room) -> Option<Value> {
    Some(match ty {
        DataType::Boolean => Value::Boolean(*exactly::<1>(raw)?.first()? != 0),
        DataType::Int16 => Value::Int16(i16::from_be_bytes(exactly(raw)?)),
        DataType::Int32 => Value::Int32(int4(raw)?),
        DataType::Int64 => Value::Int64(int8(raw)?),
        DataType::Floating32 => Value::Floating32(f32::from_be_bytes(exactly(raw)?)),
        DataType::Floating64 => Value::Floating64(f64::from_be_bytes(exactly(raw)?)),
        DataType::Str => Value::Str(text(raw)?),
        DataType::Binary => Value::Binary(raw.to_vec()),
        DataType::Date => Value::Date(calendar::date(int4(raw)?)?),
        DataType::Time => Value::Time(calendar::time(int8(raw)?)?),
        DataType::Datetime => Value::Datetime(calendar::datetime(int8(raw)?)?),
        DataType::Uuid => Value::Uuid(uuid(exactly(raw)?)),
        DataType::Jsonb => Value::Jsonb(raw.strip_prefix(&[JSONB_VERSION])?.to_vec()),
        DataType::Decimal => Value::Decimal(decimal(raw, room)?),
        DataType::RangeInt32 => Value::RangeInt32(range(raw, int4, || 0)?),
        DataType::RangeInt64 => Value::RangeInt64(range(raw, int8, || 0)?),
        DataType::RangeDecimal => {
            let bound = |raw: &[u8]| decimal(raw, room);
            Value::RangeDecimal(range(raw, bound, || "0".to_owned())?)
        }
        DataType::ArrayInt32 => Value::ArrayInt32(array(raw, room, |raw, _| int4(raw))?),
        DataType::ArrayInt64 => Value::ArrayInt64(array(raw, room, |raw, _| int8(raw))?),
        DataType::ArrayDecimal => Value::ArrayDecimal(array(raw, room, decimal)?),
        DataType::ArrayStr => Value::ArrayStr(array(raw, room, |raw, _| text(raw))?),
        DataType::Interval => Value::Interval(interval(exactly(raw)?)),
        DataType::Other(_) => Value::Unsupported(raw.to_vec()),
    })
}

fn exactly<const N: usize>(raw: &[u8]) -> Option<[u8; N]> {
    raw.try_into().ok()
}

fn int4(raw: &[u8]) -> Option<i32> {
    exactly(raw).map(i32::from_be_bytes)
}

fn int8(raw: &[u8]) -> Option<i64> {
    exactly(raw).map(i64::from_be_bytes)
}

fn text(raw: &[u8]) -> Option<String> {
    std::str::from_utf8(raw).ok().map(str::to_owned)
}

fn decimal(raw: &[u8], room: &mut Room) -> Option<String> {
    room.take(numeric::text_bytes(raw)?)?;
    numeric::decode(raw)
}

fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn interval(bytes: [u8; 16]) -> Interval {
    let [a, b, c, d, e, f, g, h, days @ .., m, n, o, p] = bytes;
    Interval {
        micros: i64::from_be_bytes([a, b, c, d, e, f, g, h]),
        days: i32::from_be_bytes(days),
        months: i32::from_be_bytes([m, n, o, p]),
    }
}

/// Takes what follows from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn word(&mut self) -> Option<i32> {
        int4(self.take(size_of::<i32>())?)
    }

    /// A length and as many bytes; nothing for a length of -1.
    fn sized(&mut self) -> Option<Option<&'a [u8]>> {
        match self.word()? {
            -1 => Some(None),
            length => self.take(usize::try_from(length).ok()?).map(Some),
        }
    }

    fn end<T>(&self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// The contract has no empty range, so one is told as PostgreSQL understands it: from zero to before zero.
fn range<T>(
    raw: &[u8],
    mut decode: impl FnMut(&[u8]) -> Option<T>,
    zero: fn() -> T,
) -> Option<Range<T>> {
    let mut reader = Reader(raw);
    let flags = *reader.take(1)?.first()?;
    let is = |flag: u8| flags & flag != 0;
    if is(EMPTY) {
        let bound = |inclusive| {
            Some(Bound {
                value: zero(),
                inclusive,
            })
        };
        return reader.end(Range {
            lower: bound(true),
            upper: bound(false),
        });
    }
    let mut bound = |infinite: bool, inclusive: bool| {
        if infinite {
            return Some(None);
        }
        let value = decode(reader.sized()??)?;
        Some(Some(Bound { value, inclusive }))
    };
    let lower = bound(is(LOWER_INFINITE), is(LOWER_INCLUSIVE))?;
    let upper = bound(is(UPPER_INFINITE), is(UPPER_INCLUSIVE))?;
    reader.end(Range { lower, upper })
}

/// Arrays of one dimension; the contract has no others.
fn array<T>(
    raw: &[u8],
    room: &mut Room,
    mut decode: impl FnMut(&[u8], &mut Room) -> Option<T>,
) -> Option<Vec<Option<T>>> {
    let mut reader = Reader(raw);
    let (dimensions, _nulls, _element) = (reader.word()?, reader.word()?, reader.word()?);
    if dimensions == 0 {
        return reader.end(Vec::new());
    }
    if dimensions != 1 {
        return None;
    }
    let (count, _first) = (reader.word()?, reader.word()?);
    // Each has a length at least, so that one that lies about its count ends before much is kept.
    let mut items = Vec::new();
    for _ in 0..usize::try_from(count).ok()? {
        room.take(size_of::<Option<T>>())?;
        items.push(match reader.sized()? {
            None => None,
            Some(item) => Some(decode(item, room)?),
        });
    }
    reader.end(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRAY: [u8; 32] = [
        0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7, 255,
        255, 255, 255,
    ];

    fn read(ty: &DataType, raw: &[u8]) -> Option<Value> {
        super::read(ty, raw, &mut Room::beside(0, usize::MAX))
    }

    /// An array of so many items, each of these bytes on the wire.
    fn array_of(count: usize, item: &[u8]) -> Vec<u8> {
        let length = u32::try_from(item.len()).expect("it is short");
        let count_bytes = u32::try_from(count).expect("there are few").to_be_bytes();
        let head = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut raw = [&head[..], &count_bytes, &[0, 0, 0, 1]].concat();
        for _ in 0..count {
            raw.extend(length.to_be_bytes());
            raw.extend(item);
        }
        raw
    }

    #[test]
    fn what_holds_more_than_there_is_room_for_is_refused_before_it_is_made() {
        // One group of digits, and 32,767 without any behind it.
        let long = [0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1];
        let (longs, texts) = (array_of(1000, &long), array_of(10_000, &[]));
        let bound = [&[0, 0, 0, 10][..], &long].concat();
        let range = [&[0x00][..], &bound, &bound].concat();
        for (ty, raw) in [
            (DataType::Decimal, &long[..]),
            (DataType::ArrayDecimal, &longs[..]),
            (DataType::RangeDecimal, &range[..]),
            (DataType::ArrayStr, &texts[..]),
        ] {
            let mut room = Room::beside(1, 100_001);
            assert_eq!(super::read(&ty, raw, &mut room), None, "{ty:?}");
            assert_eq!(room.error("a"), Error::TooLarge(100_001), "{ty:?}");
        }
        let mut room = Room::beside(0, 200_000);
        let read = super::read(&DataType::Decimal, &long, &mut room);
        assert!(matches!(read, Some(Value::Decimal(digits)) if digits.len() == 1 + 4 * 32_767));
        let mut room = Room::beside(0, 100);
        assert_eq!(super::read(&DataType::Int32, &[0; 3], &mut room), None);
        assert_eq!(room.error("a"), damaged("a"));
    }

    #[test]
    fn damaged_values_are_refused() {
        for end in 0..ARRAY.len() {
            assert_eq!(read(&DataType::ArrayInt32, &ARRAY[..end]), None, "{end}");
        }
        let mut many = ARRAY;
        many[12] = 0x7f;
        assert_eq!(read(&DataType::ArrayInt32, &many), None);
        let mut square = ARRAY;
        square[3] = 2;
        assert_eq!(read(&DataType::ArrayInt32, &square), None);
        assert_eq!(read(&DataType::Int32, &[0; 3]), None);
        assert_eq!(read(&DataType::Str, &[0xff]), None);
        assert_eq!(read(&DataType::Jsonb, b"{}"), None);
        assert_eq!(read(&DataType::Date, &i32::MAX.to_be_bytes()), None);
        assert_eq!(read(&DataType::RangeInt32, &[]), None);
        assert_eq!(read(&DataType::RangeInt32, &[0x02, 0, 0, 0, 4]), None);
    }

    #[test]
    fn arrays_keep_what_is_missing() {
        let expected = Value::ArrayInt32(vec![Some(7), None]);
        assert_eq!(read(&DataType::ArrayInt32, &ARRAY), Some(expected));
        let empty = [0; 12];
        assert_eq!(
            read(&DataType::ArrayStr, &empty),
            Some(Value::ArrayStr(Vec::new()))
        );
    }

    #[test]
    fn an_empty_range_is_told_as_one() {
        let bound = |inclusive| {
            Some(Bound {
                value: 0,
                inclusive,
            })
        };
        let expected = Value::RangeInt32(Range {
            lower: bound(true),
            upper: bound(false),
        });
        assert_eq!(read(&DataType::RangeInt32, &[EMPTY]), Some(expected));
    }

    #[test]
    fn types_without_a_case_keep_their_bytes_and_name() {
        assert_eq!(data_type(&Type::POINT), DataType::Other("point".into()));
        assert_eq!(
            read(&DataType::Other("point".into()), &[1, 2]),
            Some(Value::Unsupported(vec![1, 2]))
        );
    }

    #[test]
    fn a_uuid_has_its_hyphens() {
        assert_eq!(uuid([0x12; 16]), "12121212-1212-1212-1212-121212121212");
    }

    #[test]
    fn an_interval_has_its_parts() {
        let mut bytes = [0; 16];
        bytes[7] = 1;
        bytes[11] = 2;
        bytes[15] = 3;
        let expected = Interval {
            micros: 1,
            days: 2,
            months: 3,
        };
        assert_eq!(interval(bytes), expected);
    }
}
