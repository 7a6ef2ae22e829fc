//! Values, columns and errors between the contract and the capability.

use stoa_capabilities::postgres::{self, Bound, Range};

use super::bindings::spin::postgres::postgres::{
    Column, DbDataType, DbError, DbValue, Error, Interval, ParameterValue, QueryError,
    RangeBoundKind,
};

/// A range as the contract has it.
type Bounds<T> = (Option<(T, RangeBoundKind)>, Option<(T, RangeBoundKind)>);

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        match error {
            postgres::Error::ConnectionFailed(what) => Self::ConnectionFailed(what),
            postgres::Error::BadParameter(what) => Self::BadParameter(what),
            postgres::Error::QueryFailed(what) => Self::QueryFailed(QueryError::Text(what)),
            postgres::Error::Refused(refusal) => {
                Self::QueryFailed(QueryError::DbError((*refusal).into()))
            }
            postgres::Error::TooLarge(_) => Self::QueryFailed(QueryError::Text(error.to_string())),
            postgres::Error::ValueConversionFailed(what) => Self::ValueConversionFailed(what),
            postgres::Error::Other(what) => Self::Other(what),
        }
    }
}

impl From<postgres::Refusal> for DbError {
    fn from(refusal: postgres::Refusal) -> Self {
        let as_text = refusal.text();
        Self {
            as_text,
            severity: refusal.severity,
            code: refusal.code,
            message: refusal.message,
            detail: refusal.detail,
            extras: refusal.extras,
        }
    }
}

impl From<postgres::Column> for Column {
    fn from(column: postgres::Column) -> Self {
        Self {
            name: column.name,
            data_type: column.data_type.into(),
        }
    }
}

impl From<postgres::DataType> for DbDataType {
    fn from(ty: postgres::DataType) -> Self {
        match ty {
            postgres::DataType::Boolean => Self::Boolean,
            postgres::DataType::Int16 => Self::Int16,
            postgres::DataType::Int32 => Self::Int32,
            postgres::DataType::Int64 => Self::Int64,
            postgres::DataType::Floating32 => Self::Floating32,
            postgres::DataType::Floating64 => Self::Floating64,
            postgres::DataType::Str => Self::Str,
            postgres::DataType::Binary => Self::Binary,
            postgres::DataType::Date => Self::Date,
            postgres::DataType::Time => Self::Time,
            postgres::DataType::Datetime => Self::Datetime,
            postgres::DataType::Uuid => Self::Uuid,
            postgres::DataType::Jsonb => Self::Jsonb,
            postgres::DataType::Decimal => Self::Decimal,
            postgres::DataType::RangeInt32 => Self::RangeInt32,
            postgres::DataType::RangeInt64 => Self::RangeInt64,
            postgres::DataType::RangeDecimal => Self::RangeDecimal,
            postgres::DataType::ArrayInt32 => Self::ArrayInt32,
            postgres::DataType::ArrayInt64 => Self::ArrayInt64,
            postgres::DataType::ArrayDecimal => Self::ArrayDecimal,
            postgres::DataType::ArrayStr => Self::ArrayStr,
            postgres::DataType::Interval => Self::Interval,
            postgres::DataType::Other(name) => Self::Other(name),
        }
    }
}

impl From<postgres::Value> for DbValue {
    fn from(value: postgres::Value) -> Self {
        match value {
            postgres::Value::Null => Self::DbNull,
            postgres::Value::Boolean(truth) => Self::Boolean(truth),
            postgres::Value::Int8(number) => Self::Int8(number),
            postgres::Value::Int16(number) => Self::Int16(number),
            postgres::Value::Int32(number) => Self::Int32(number),
            postgres::Value::Int64(number) => Self::Int64(number),
            postgres::Value::Floating32(number) => Self::Floating32(number),
            postgres::Value::Floating64(number) => Self::Floating64(number),
            postgres::Value::Str(text) => Self::Str(text),
            postgres::Value::Binary(bytes) => Self::Binary(bytes),
            postgres::Value::Date(date) => Self::Date(date),
            postgres::Value::Time(time) => Self::Time(time),
            postgres::Value::Datetime(moment) => Self::Datetime(moment),
            postgres::Value::Timestamp(seconds) => Self::Timestamp(seconds),
            postgres::Value::Uuid(text) => Self::Uuid(text),
            postgres::Value::Jsonb(text) => Self::Jsonb(text),
            postgres::Value::Decimal(text) => Self::Decimal(text),
            postgres::Value::RangeInt32(range) => Self::RangeInt32(bounds(range)),
            postgres::Value::RangeInt64(range) => Self::RangeInt64(bounds(range)),
            postgres::Value::RangeDecimal(range) => Self::RangeDecimal(bounds(range)),
            postgres::Value::ArrayInt32(items) => Self::ArrayInt32(items),
            postgres::Value::ArrayInt64(items) => Self::ArrayInt64(items),
            postgres::Value::ArrayDecimal(items) => Self::ArrayDecimal(items),
            postgres::Value::ArrayStr(items) => Self::ArrayStr(items),
            postgres::Value::Interval(span) => Self::Interval(Interval {
                micros: span.micros,
                days: span.days,
                months: span.months,
            }),
            postgres::Value::Unsupported(bytes) => Self::Unsupported(bytes),
        }
    }
}

impl From<ParameterValue> for postgres::Value {
    fn from(value: ParameterValue) -> Self {
        match value {
            ParameterValue::Boolean(truth) => Self::Boolean(truth),
            ParameterValue::Int8(number) => Self::Int8(number),
            ParameterValue::Int16(number) => Self::Int16(number),
            ParameterValue::Int32(number) => Self::Int32(number),
            ParameterValue::Int64(number) => Self::Int64(number),
            ParameterValue::Floating32(number) => Self::Floating32(number),
            ParameterValue::Floating64(number) => Self::Floating64(number),
            ParameterValue::Str(text) => Self::Str(text),
            ParameterValue::Binary(bytes) => Self::Binary(bytes),
            ParameterValue::Date(date) => Self::Date(date),
            ParameterValue::Time(time) => Self::Time(time),
            ParameterValue::Datetime(moment) => Self::Datetime(moment),
            ParameterValue::Timestamp(seconds) => Self::Timestamp(seconds),
            ParameterValue::Uuid(text) => Self::Uuid(text),
            ParameterValue::Jsonb(text) => Self::Jsonb(text),
            ParameterValue::Decimal(text) => Self::Decimal(text),
            ParameterValue::RangeInt32(bounds) => Self::RangeInt32(range(bounds)),
            ParameterValue::RangeInt64(bounds) => Self::RangeInt64(range(bounds)),
            ParameterValue::RangeDecimal(bounds) => Self::RangeDecimal(range(bounds)),
            ParameterValue::ArrayInt32(items) => Self::ArrayInt32(items),
            ParameterValue::ArrayInt64(items) => Self::ArrayInt64(items),
            ParameterValue::ArrayDecimal(items) => Self::ArrayDecimal(items),
            ParameterValue::ArrayStr(items) => Self::ArrayStr(items),
            ParameterValue::Interval(span) => Self::Interval(postgres::Interval {
                micros: span.micros,
                days: span.days,
                months: span.months,
            }),
            ParameterValue::DbNull => Self::Null,
        }
    }
}

fn bounds<T>(range: Range<T>) -> Bounds<T> {
    let bound = |bound: Bound<T>| {
        let kind = match bound.inclusive {
            true => RangeBoundKind::Inclusive,
            false => RangeBoundKind::Exclusive,
        };
        (bound.value, kind)
    };
    (range.lower.map(bound), range.upper.map(bound))
}

fn range<T>((lower, upper): Bounds<T>) -> Range<T> {
    let bound = |(value, kind): (T, RangeBoundKind)| Bound {
        value,
        inclusive: kind == RangeBoundKind::Inclusive,
    };
    Range {
        lower: lower.map(bound),
        upper: upper.map(bound),
    }
}
