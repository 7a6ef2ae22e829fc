//! Answers HTTP requests out of a MySQL server, for the host's tests: a WASI 0.3 guest of `spin:mysql@3`.
//!
//! The calls are those of `mysql-02`, without `api`. O may also be `head`, which reads the first row of a stream, drops the
//! rest, and answers the row and, from the same connection, how `sql2` was answered.
#![cfg(target_family = "wasm")]

mod bindings;
mod written;

use crate::bindings::spin::mysql::mysql::{Column, Connection, DbValue, Error, ParameterValue};
use crate::written::{number, split, table, unknown};
use probe_kit_03::{Call, Refusal, done, lines};
use stoa_sdk::http::{Request, Response};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    let connection = Connection::open(call.wanted("address")?.to_owned()).await?;
    let sql = call.wanted("sql")?.to_owned();
    match call.op()? {
        "query" => {
            let (columns, rows, ended) = connection.query(sql, parameters(call)?).await?;
            let rows = rows.collect().await;
            ended.await?;
            Ok(found(columns, rows))
        }
        "head" => {
            let (columns, mut rows, ended) = connection.query(sql, parameters(call)?).await?;
            let first = rows.next().await;
            drop(rows);
            drop(ended);
            let next = call.wanted("sql2")?.to_owned();
            let (_, more, ended) = connection.query(next, Vec::new()).await?;
            let more = more.collect().await;
            ended.await?;
            Ok(found(columns, first.into_iter().chain(more).collect()))
        }
        "execute" => {
            connection.execute(sql, parameters(call)?).await?;
            Ok(done())
        }
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
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
            "u8" => ParameterValue::Uint8(number(rest)?),
            "u16" => ParameterValue::Uint16(number(rest)?),
            "u32" => ParameterValue::Uint32(number(rest)?),
            "u64" => ParameterValue::Uint64(number(rest)?),
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
            Error::QueryFailed(what) => Self::failed("query-failed", &what),
            Error::ValueConversionFailed(what) => Self::failed("value-conversion-failed", &what),
            Error::Other(what) => Self::failed("other", &what),
        }
    }
}
