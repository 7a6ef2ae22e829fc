//! What a column can hold, as the widest of the contracts has it.

/// A row: as many values as there are columns.
pub type Row = Vec<Value>;

/// Year (0 is 1 BC), month, day.
pub type Date = (i32, u8, u8);

/// Hour, minute, second, nanosecond.
pub type Time = (u8, u8, u8, u32);

/// Year, month, day, hour, minute, second, nanosecond, in UTC.
pub type Datetime = (i32, u8, u8, u8, u8, u8, u32);

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, which need not be unique.
    pub name: String,
    /// What it holds.
    pub data_type: DataType,
}

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataType {
    /// `boolean`
    Boolean,
    /// `smallint`
    Int16,
    /// `integer`
    Int32,
    /// `bigint`
    Int64,
    /// `real`
    Floating32,
    /// `double precision`
    Floating64,
    /// `text`, `varchar`, `char(n)`
    Str,
    /// `bytea`
    Binary,
    /// `date`
    Date,
    /// `time`
    Time,
    /// `timestamp`, `timestamptz`
    Datetime,
    /// `uuid`
    Uuid,
    /// `jsonb`
    Jsonb,
    /// `numeric`
    Decimal,
    /// `int4range`
    RangeInt32,
    /// `int8range`
    RangeInt64,
    /// `numrange`
    RangeDecimal,
    /// `integer[]`
    ArrayInt32,
    /// `bigint[]`
    ArrayInt64,
    /// `numeric[]`
    ArrayDecimal,
    /// `text[]`, `varchar[]`, `char(n)[]`
    ArrayStr,
    /// `interval`
    Interval,
    /// Any other, by its name.
    Other(String),
}

/// A value of a column or of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `NULL` of any type.
    Null,
    /// Of a `boolean`.
    Boolean(bool),
    /// A parameter for `"char"`.
    Int8(i8),
    /// Of a `smallint`.
    Int16(i16),
    /// Of an `integer`.
    Int32(i32),
    /// Of a `bigint`.
    Int64(i64),
    /// Of a `real`.
    Floating32(f32),
    /// Of a `double precision`.
    Floating64(f64),
    /// Of a text of any kind.
    Str(String),
    /// Of a `bytea`.
    Binary(Vec<u8>),
    /// Of a `date`.
    Date(Date),
    /// Of a `time`.
    Time(Time),
    /// Of a `timestamp` or, in results, a `timestamptz`.
    Datetime(Datetime),
    /// A parameter for `timestamptz`: seconds since 1970.
    Timestamp(i64),
    /// Of a `uuid`, with hyphens.
    Uuid(String),
    /// Of a `jsonb`, as text.
    Jsonb(Vec<u8>),
    /// Of a `numeric`, in digits.
    Decimal(String),
    /// Of an `int4range`.
    RangeInt32(Range<i32>),
    /// Of an `int8range`.
    RangeInt64(Range<i64>),
    /// Of a `numrange`.
    RangeDecimal(Range<String>),
    /// Of an `integer[]`.
    ArrayInt32(Vec<Option<i32>>),
    /// Of a `bigint[]`.
    ArrayInt64(Vec<Option<i64>>),
    /// Of a `numeric[]`.
    ArrayDecimal(Vec<Option<String>>),
    /// Of a `text[]`.
    ArrayStr(Vec<Option<String>>),
    /// Of an `interval`.
    Interval(Interval),
    /// Of a type that the contract has no case for: the bytes as the server sent them. Only in results.
    Unsupported(Vec<u8>),
}

/// A range. Without a bound it is open on that side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range<T> {
    /// Where it begins.
    pub lower: Option<Bound<T>>,
    /// Where it ends.
    pub upper: Option<Bound<T>>,
}

/// An end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound<T> {
    /// Where.
    pub value: T,
    /// Whether the value itself belongs to the range.
    pub inclusive: bool,
}

/// A span of time. Days and months have no fixed length, so they are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Microseconds.
    pub micros: i64,
    /// Days.
    pub days: i32,
    /// Months.
    pub months: i32,
}

/// What a row holds in memory, in bytes: what limits count.
pub fn row_bytes(row: &[Value]) -> usize {
    size_of::<Row>() + row.iter().map(bytes).sum::<usize>()
}

fn bytes(value: &Value) -> usize {
    let heap = match value {
        Value::Str(text) | Value::Uuid(text) | Value::Decimal(text) => text.len(),
        Value::Binary(bytes) | Value::Jsonb(bytes) | Value::Unsupported(bytes) => bytes.len(),
        Value::RangeDecimal(range) => bound(range.lower.as_ref()) + bound(range.upper.as_ref()),
        Value::ArrayInt32(items) => size_of_val(items.as_slice()),
        Value::ArrayInt64(items) => size_of_val(items.as_slice()),
        Value::ArrayDecimal(items) | Value::ArrayStr(items) => texts(items),
        Value::Null
        | Value::Boolean(_)
        | Value::Int8(_)
        | Value::Int16(_)
        | Value::Int32(_)
        | Value::Int64(_)
        | Value::Floating32(_)
        | Value::Floating64(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Datetime(_)
        | Value::Timestamp(_)
        | Value::RangeInt32(_)
        | Value::RangeInt64(_)
        | Value::Interval(_) => 0,
    };
    size_of::<Value>() + heap
}

fn bound(bound: Option<&Bound<String>>) -> usize {
    bound.map_or(0, |bound| bound.value.len())
}

fn texts(items: &[Option<String>]) -> usize {
    let text = items.iter().flatten().map(String::len).sum::<usize>();
    size_of_val(items) + text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_with_what_they_hold() {
        let empty = row_bytes(&[Value::Null]);
        let held = |value| row_bytes(&[value]) - empty;
        assert_eq!(held(Value::Int64(1)), 0);
        assert_eq!(held(Value::Str("x".repeat(100))), 100);
        assert_eq!(held(Value::Jsonb(vec![0; 7])), 7);
        assert!(held(Value::ArrayStr(vec![Some("x".repeat(10)), None])) > 2 * 10);
        let bound = |text: &str| {
            Some(Bound {
                value: text.to_owned(),
                inclusive: true,
            })
        };
        let range = Range {
            lower: bound("12"),
            upper: bound("345"),
        };
        assert_eq!(held(Value::RangeDecimal(range)), 5);
    }
}
