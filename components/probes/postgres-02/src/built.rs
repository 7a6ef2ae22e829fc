//! `spin:postgres@4.1`, whose connections are built.

use crate::bindings::built::spin::postgres::postgres::RangeBoundKind::{Exclusive, Inclusive};
use crate::bindings::built::spin::postgres::postgres::{
    Connection, ConnectionBuilder, Error, Interval, ParameterValue, QueryError, RowSet,
};
use crate::written::{bounds, items, number, parts, split, table, unknown};
use probe_kit_02::{Answer, Call};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    let connection = open(call)?;
    // Those before the last one are run for what they do to the connection.
    for before in call.all("before") {
        connection.execute(&before, &[])?;
    }
    let sql = call.wanted("sql")?;
    match call.op()? {
        "query" => Ok(rows(connection.query(sql, &parameters(call)?)?)),
        "execute" => Ok(Answer::text(connection.execute(sql, &parameters(call)?)?)),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn open(call: &Call) -> Result<Connection, Answer> {
    let builder = ConnectionBuilder::new(call.wanted("address")?);
    if let Some(certificate) = call.optional("ca") {
        builder.set_ca_root(certificate)?;
    }
    Ok(builder.build()?)
}

fn rows(found: RowSet) -> Answer {
    let columns = found.columns.into_iter();
    let columns = columns.map(|column| (column.name, column.data_type));
    Answer::lines(
        table(columns, found.rows)
            .into_iter()
            .map(String::into_bytes),
    )
}

fn parameters(call: &Call) -> Result<Vec<ParameterValue>, Answer> {
    let parameter = |written: &String| {
        let (kind, rest) = split(written);
        Ok(match kind {
            "null" => ParameterValue::DbNull,
            "b" => ParameterValue::Boolean(number(rest)?),
            "i8" => ParameterValue::Int8(number(rest)?),
            "i16" => ParameterValue::Int16(number(rest)?),
            "i32" => ParameterValue::Int32(number(rest)?),
            "i64" => ParameterValue::Int64(number(rest)?),
            "f32" => ParameterValue::Floating32(number(rest)?),
            "f64" => ParameterValue::Floating64(number(rest)?),
            "t" => ParameterValue::Str(rest.to_owned()),
            "x" => ParameterValue::Binary(rest.as_bytes().to_vec()),
            "date" => {
                let [y, m, d] = parts(rest)?;
                ParameterValue::Date((number(y)?, number(m)?, number(d)?))
            }
            "time" => {
                let [h, m, s, n] = parts(rest)?;
                ParameterValue::Time((number(h)?, number(m)?, number(s)?, number(n)?))
            }
            "datetime" => {
                let [y, mo, d, h, m, s, n] = parts(rest)?;
                ParameterValue::Datetime((
                    number(y)?,
                    number(mo)?,
                    number(d)?,
                    number(h)?,
                    number(m)?,
                    number(s)?,
                    number(n)?,
                ))
            }
            "ts" => ParameterValue::Timestamp(number(rest)?),
            "uuid" => ParameterValue::Uuid(rest.to_owned()),
            "jsonb" => ParameterValue::Jsonb(rest.as_bytes().to_vec()),
            "dec" => ParameterValue::Decimal(rest.to_owned()),
            "r32" => ParameterValue::RangeInt32(bounds(rest, Inclusive, Exclusive)?),
            "r64" => ParameterValue::RangeInt64(bounds(rest, Inclusive, Exclusive)?),
            "rdec" => ParameterValue::RangeDecimal(bounds(rest, Inclusive, Exclusive)?),
            "a32" => ParameterValue::ArrayInt32(items(rest)?),
            "a64" => ParameterValue::ArrayInt64(items(rest)?),
            "adec" => ParameterValue::ArrayDecimal(items(rest)?),
            "astr" => ParameterValue::ArrayStr(items(rest)?),
            "interval" => {
                let [micros, days, months] = parts(rest)?;
                ParameterValue::Interval(Interval {
                    micros: number(micros)?,
                    days: number(days)?,
                    months: number(months)?,
                })
            }
            _ => return Err(unknown(written)),
        })
    };
    call.all("p").iter().map(parameter).collect()
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::ConnectionFailed(what) => Self::failed("connection-failed", &what),
            Error::BadParameter(what) => Self::failed("bad-parameter", &what),
            Error::QueryFailed(QueryError::Text(what)) => Self::failed("query-failed", &what),
            Error::QueryFailed(QueryError::DbError(error)) => {
                Self::failed("query-failed", &format!("{error:?}"))
            }
            Error::ValueConversionFailed(what) => Self::failed("value-conversion-failed", &what),
            Error::Other(what) => Self::failed("other", &what),
        }
    }
}
