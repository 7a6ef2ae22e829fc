//! Answers HTTP requests out of a PostgreSQL server, for the host's tests: a WASI 0.3 guest of `spin:postgres@4.2`.
//!
//! The calls are those of `postgres-02`, where A is `async` (the functions that wait) or `blocking` (the others); with
//! `ca`, the connection is built. With `async`, O may also be `head`, which reads the first row of a stream, drops the
//! rest, and answers the row and, from the same connection, how `sql2` was answered.
#![cfg(target_family = "wasm")]

mod bindings;

use crate::bindings::spin::postgres::postgres::RangeBoundKind::{Exclusive, Inclusive};
use crate::bindings::spin::postgres::postgres::{
    Column, Connection, ConnectionBuilder, DbValue, Error, Interval, ParameterValue, QueryError,
};
use probe_kit_03::{Call, Refusal, lines, text};
use probe_kit_sql::{errors, parameters, table};
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
    lines(table(columns, rows))
}

parameters!(rich for Refusal);
errors!(Error of QueryError for Refusal);
