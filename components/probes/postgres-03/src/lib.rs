//! Answers HTTP requests out of a PostgreSQL server, for the host's tests: a WASI 0.3 guest of `spin:postgres@4.2`.
//!
//! The calls are those of `postgres-02`, where A is `async` (the functions that wait) or `blocking` (the others); with
//! `ca`, the connection is built. With `async`, O may also be `head`, which reads the first row of a stream, drops the
//! rest, and answers the row and, from the same connection, how `sql2` was answered.
#![cfg(target_family = "wasm")]

mod bindings;
mod written;

use crate::bindings::spin::postgres::postgres::RangeBoundKind::{Exclusive, Inclusive};
use crate::bindings::spin::postgres::postgres::{
    Column, Connection, ConnectionBuilder, DbValue, Error, Interval, ParameterValue, QueryError,
};
use crate::written::{bounds, items, number, parts, split, table, unknown};
use probe_kit_03::{Call, Refusal, lines, text};
use stoa_sdk::http::{Request, Response};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    match call.wanted("api")? {
        "async" => waiting(call).await,
        "blocking" => blocking(call),
        api => Err(Refusal::bad(format!("no such api: {api}"))),
    }
}

async fn waiting(call: &Call) -> Result<Response, Refusal> {
    let connection = match builder(call)? {
        Some(builder) => builder.build_async().await?,
        None => Connection::open_async(call.wanted("address")?.to_owned()).await?,
    };
    let sql = call.wanted("sql")?.to_owned();
    match call.op()? {
        "query" => {
            let (columns, rows, ended) = connection.query_async(sql, parameters(call)?).await?;
            let rows = rows.collect().await;
            ended.await?;
            Ok(found(columns, rows))
        }
        "head" => {
            let (columns, mut rows, ended) = connection.query_async(sql, parameters(call)?).await?;
            let first = rows.next().await;
            drop(rows);
            drop(ended);
            let next = call.wanted("sql2")?.to_owned();
            let (_, more, ended) = connection.query_async(next, Vec::new()).await?;
            let more = more.collect().await;
            ended.await?;
            Ok(found(columns, first.into_iter().chain(more).collect()))
        }
        "execute" => Ok(text(
            connection.execute_async(sql, parameters(call)?).await?,
        )),
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

fn blocking(call: &Call) -> Result<Response, Refusal> {
    let connection = match builder(call)? {
        Some(builder) => builder.build()?,
        None => Connection::open(call.wanted("address")?)?,
    };
    let sql = call.wanted("sql")?;
    match call.op()? {
        "query" => {
            let result = connection.query(sql, &parameters(call)?)?;
            Ok(found(result.columns, result.rows))
        }
        "execute" => Ok(text(connection.execute(sql, &parameters(call)?)?)),
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

fn builder(call: &Call) -> Result<Option<ConnectionBuilder>, Refusal> {
    let Some(certificate) = call.optional("ca") else {
        return Ok(None);
    };
    let builder = ConnectionBuilder::new(call.wanted("address")?);
    builder.set_ca_root(certificate)?;
    Ok(Some(builder))
}

fn found(columns: Vec<Column>, rows: Vec<Vec<DbValue>>) -> Response {
    let columns = columns.into_iter();
    let columns = columns.map(|column| (column.name, column.data_type));
    lines(table(columns, rows).into_iter().map(String::into_bytes))
}

fn parameters(call: &Call) -> Result<Vec<ParameterValue>, Refusal> {
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

impl From<Error> for Refusal {
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
