//! Every value, there and back.

use stoa_capabilities::postgres::{Bound, DataType, Interval, Range};

use super::*;

fn bound<T>(value: T, inclusive: bool) -> Option<Bound<T>> {
    Some(Bound { value, inclusive })
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// A type, a value of it, and the word for it.
fn all() -> Vec<(&'static str, Value, DataType)> {
    vec![
        ("bool", Value::Boolean(true), DataType::Boolean),
        ("int2", Value::Int16(i16::MIN), DataType::Int16),
        ("int4", Value::Int32(i32::MAX), DataType::Int32),
        ("int8", Value::Int64(i64::MIN), DataType::Int64),
        ("float4", Value::Floating32(1.5), DataType::Floating32),
        ("float8", Value::Floating64(-1e300), DataType::Floating64),
        ("text", Value::Str(text("grüße, 世界")), DataType::Str),
        ("varchar", Value::Str(text("")), DataType::Str),
        ("bytea", Value::Binary(vec![0, 255, 10]), DataType::Binary),
        ("date", Value::Date((2024, 2, 29)), DataType::Date),
        ("date", Value::Date((-44, 3, 15)), DataType::Date),
        (
            "time",
            Value::Time((23, 59, 59, 999_999_000)),
            DataType::Time,
        ),
        (
            "timestamp",
            Value::Datetime((1969, 7, 20, 20, 17, 40, 1_000)),
            DataType::Datetime,
        ),
        (
            "uuid",
            Value::Uuid(text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
            DataType::Uuid,
        ),
        (
            "jsonb",
            Value::Jsonb(b"{\"a\": [1, null]}".to_vec()),
            DataType::Jsonb,
        ),
        (
            "numeric",
            Value::Decimal(text("-1234567890.00012345000")),
            DataType::Decimal,
        ),
        ("numeric", Value::Decimal(text("NaN")), DataType::Decimal),
        ("numeric", Value::Decimal(text("0.00")), DataType::Decimal),
        (
            "int4range",
            Value::RangeInt32(Range {
                lower: bound(1, true),
                upper: bound(5, false),
            }),
            DataType::RangeInt32,
        ),
        (
            "int8range",
            Value::RangeInt64(Range {
                lower: None,
                upper: bound(5_000_000_000, false),
            }),
            DataType::RangeInt64,
        ),
        (
            "numrange",
            Value::RangeDecimal(Range {
                lower: bound(text("1.50"), false),
                upper: bound(text("2.5"), true),
            }),
            DataType::RangeDecimal,
        ),
        (
            "numrange",
            Value::RangeDecimal(Range {
                lower: None,
                upper: None,
            }),
            DataType::RangeDecimal,
        ),
        (
            "int4[]",
            Value::ArrayInt32(vec![Some(1), None, Some(-3)]),
            DataType::ArrayInt32,
        ),
        (
            "int8[]",
            Value::ArrayInt64(vec![Some(i64::MAX)]),
            DataType::ArrayInt64,
        ),
        (
            "numeric[]",
            Value::ArrayDecimal(vec![Some(text("1.5")), None]),
            DataType::ArrayDecimal,
        ),
        (
            "text[]",
            Value::ArrayStr(vec![Some(text("a,b")), None]),
            DataType::ArrayStr,
        ),
        ("varchar[]", Value::ArrayStr(Vec::new()), DataType::ArrayStr),
        (
            "interval",
            Value::Interval(Interval {
                micros: -5,
                days: 40,
                months: 14,
            }),
            DataType::Interval,
        ),
    ]
}

#[tokio::test]
async fn every_value_comes_back_as_it_was() {
    let connection = connection().await;
    for (ty, given, data_type) in all() {
        let sql = format!("SELECT $1::{ty} AS it");
        let found = query(&*connection, &sql, vec![given.clone()]).await;
        let (columns, rows) = found.unwrap_or_else(|error| panic!("{ty}: {error}"));
        assert_eq!(rows, [vec![given]], "{ty}");
        assert_eq!(columns[0].data_type, data_type, "{ty}");
        assert_eq!(columns[0].name, "it");
    }
}

#[tokio::test]
async fn the_server_understands_values_as_they_are_meant() {
    let connection = connection().await;
    for (given, ty, meant) in [
        (Value::Int8(65), "\"char\"", "A"),
        (Value::Timestamp(0), "timestamptz", "1970-01-01 00:00:00+00"),
        (
            Value::Datetime((2024, 2, 29, 1, 2, 3, 4_000)),
            "timestamp",
            "2024-02-29 01:02:03.000004",
        ),
        (Value::Decimal(text("+007.50")), "numeric", "7.50"),
        (Value::Date((-43, 3, 15)), "date", "0044-03-15 BC"),
        (
            Value::Interval(Interval {
                micros: 1_500_000,
                days: 2,
                months: 13,
            }),
            "interval",
            "1 year 1 mon 2 days 00:00:01.5",
        ),
        (
            Value::RangeInt32(Range {
                lower: bound(1, false),
                upper: bound(5, true),
            }),
            "int4range",
            "[2,6)",
        ),
        (
            Value::ArrayStr(vec![Some(text("a b")), None]),
            "text[]",
            "{\"a b\",NULL}",
        ),
        (Value::Jsonb(b"{\"b\":1}".to_vec()), "json", "{\"b\":1}"),
    ] {
        execute(&*connection, "SET TIME ZONE 'UTC'").await;
        let sql = format!("SELECT $1::{ty}::text");
        let found = query(&*connection, &sql, vec![given]).await;
        let (_, rows) = found.unwrap_or_else(|error| panic!("{ty}: {error}"));
        assert_eq!(rows, [vec![Value::Str(text(meant))]], "{ty}");
    }
}

#[tokio::test]
async fn nothing_comes_back_as_nothing() {
    let connection = connection().await;
    for ty in [
        "int4", "text", "jsonb", "numrange", "text[]", "interval", "point", "inet",
    ] {
        let sql = format!("SELECT $1::{ty}");
        let found = query(&*connection, &sql, vec![Value::Null]).await;
        let (_, rows) = found.unwrap_or_else(|error| panic!("{ty}: {error}"));
        assert_eq!(rows, [vec![Value::Null]], "{ty}");
    }
}

#[tokio::test]
async fn moments_with_a_zone_are_told_in_utc() {
    let connection = connection().await;
    let moment = value(&*connection, "SELECT '2024-02-29 03:00:00+02'::timestamptz").await;
    assert_eq!(moment, Value::Datetime((2024, 2, 29, 1, 0, 0, 0)));
}

#[tokio::test]
async fn an_empty_range_stays_empty() {
    let connection = connection().await;
    for ty in ["int4range", "int8range", "numrange"] {
        let empty = value(&*connection, &format!("SELECT 'empty'::{ty}")).await;
        let sql = format!("SELECT isempty($1::{ty})");
        let found = query(&*connection, &sql, vec![empty]).await;
        let (_, rows) = found.unwrap_or_else(|error| panic!("{ty}: {error}"));
        assert_eq!(rows, [vec![Value::Boolean(true)]], "{ty}");
    }
}

#[tokio::test]
async fn types_without_a_case_are_told_by_name_and_bytes() {
    let connection = connection().await;
    let found = query(&*connection, "SELECT '1.2.3.4'::inet AS it", Vec::new()).await;
    let (columns, rows) = found.expect("it is a query");
    assert_eq!(columns[0].data_type, DataType::Other(text("inet")));
    assert_eq!(
        rows,
        [vec![Value::Unsupported(vec![2, 32, 0, 4, 1, 2, 3, 4])]]
    );
}

#[tokio::test]
async fn values_of_types_of_ones_own_are_told_by_name() {
    let connection = connection().await;
    execute(&*connection, "CREATE TYPE pg_temp.mood AS ENUM ('good')").await;
    let found = query(&*connection, "SELECT 'good'::pg_temp.mood", Vec::new()).await;
    let (columns, rows) = found.expect("it is a query");
    assert_eq!(columns[0].data_type, DataType::Other(text("mood")));
    assert_eq!(rows, [vec![Value::Unsupported(b"good".to_vec())]]);
}
