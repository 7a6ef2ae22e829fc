//! Calls what spin-sdk 5.2 offers, for the host's tests, as the probe `spin-sdk-3` does with 3.1: the same source, compiled
//! against this SDK, which adds
//!
//! | noun | functions | parameters |
//! |---|---|---|
//! | `sqlite3` | those of `sqlite`, and `insert`: the row's number and how many rows changed | `label`, `sql`, `p` repeated |
//! | `pg4` | those of `pg3` | `address`, `sql`, `p` repeated |
#![cfg(target_family = "wasm")]
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: the exports of the component"
)]

#[path = "../../spin-sdk-3/src/call.rs"]
mod call;
#[path = "../../spin-sdk-3/src/database.rs"]
mod database;
#[path = "../../spin-sdk-3/src/key_value.rs"]
mod key_value;
#[path = "../../spin-sdk-3/src/llm.rs"]
mod llm;
#[path = "../../spin-sdk-3/src/mqtt.rs"]
mod mqtt;
#[path = "../../spin-sdk-3/src/outbound.rs"]
mod outbound;
#[path = "../../spin-sdk-3/src/redis.rs"]
mod redis;
#[path = "../../spin-sdk-3/src/sqlite.rs"]
mod sqlite;

use call::{Call, Refusal};
use spin_sdk::http::{Request, Response};
use spin_sdk::http_component;

database::of!(pg);
database::of!(pg3);
database::of!(pg4);
database::of!(mysql);
sqlite::of!(sqlite);
sqlite::of!(sqlite3);

#[http_component]
async fn handle(request: Request) -> Response {
    let call = Call::of(request.path(), request.query());
    let (status, text) = call::answer(outcome(&call).await);
    Response::builder()
        .status(status)
        .header("content-type", "text/plain")
        .body(text)
        .build()
}

async fn outcome(call: &Call) -> Result<String, Refusal> {
    match call.noun() {
        "key-value" => key_value::value(call),
        "sqlite" => sqlite(call),
        "sqlite3" if call.function() == "insert" => insert(call),
        "sqlite3" => sqlite3(call),
        "variables" => Ok(spin_sdk::variables::get(call.wanted("name")?)?),
        "http" => outbound::value(call).await,
        "redis" => redis::value(call),
        "pg" => pg(call),
        "pg3" => pg3(call),
        "pg4" => pg4(call),
        "mysql" => mysql(call),
        "mqtt" => mqtt::value(call),
        "llm" => llm::value(call),
        _ => Err(call.unknown()),
    }
}

/// What a statement left behind on its connection.
fn insert(call: &Call) -> Result<String, Refusal> {
    let connection = spin_sdk::sqlite3::Connection::open(call.wanted("label")?)?;
    connection.execute(call.wanted("sql")?, &[])?;
    let (row, changes) = (connection.last_insert_rowid(), connection.changes());
    Ok(format!("{row} {changes}"))
}
