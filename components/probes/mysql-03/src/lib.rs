//! Answers HTTP requests out of a MySQL server, for the host's tests: a WASI 0.3 guest of `spin:mysql@3`.
//!
//! The calls are those of `mysql-02`, without `api`. O may also be `head`, which reads the first row of a stream, drops the
//! rest, and answers the row and, from the same connection, how `sql2` was answered.
#![cfg(target_family = "wasm")]

mod bindings;

use crate::bindings::spin::mysql::mysql::{Column, Connection, DbValue, Error, ParameterValue};
use probe_kit_03::{Call, Refusal, done, lines};
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
    lines(table(columns, rows))
}

parameters!(unsigned for Refusal);
errors!(Error for Refusal);
