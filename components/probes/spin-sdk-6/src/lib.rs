//! Calls what spin-sdk 6 offers, for the host's tests, as the probe `spin-sdk-3` does with 3.1: the nouns and functions are
//! its, without `pg3`; `sqlite` has `insert` too, which answers the row's number and how many rows changed. All but
//! `mysql` and `llm` wait here, and rows and keys come as streams.
#![cfg(target_family = "wasm")]
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: the exports of the component"
)]

#[path = "../../spin-sdk-3/src/call.rs"]
mod call;
mod database;
mod key_value;
#[path = "../../spin-sdk-3/src/llm.rs"]
mod llm;
mod mqtt;
mod mysql;
mod outbound;
mod redis;
mod sqlite;

use call::{Call, Refusal};
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;

database::of!(pg);

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let uri = request.uri();
    let call = Call::of(uri.path(), uri.query().unwrap_or_default());
    let (status, text) = call::answer(outcome(&call).await);
    let status = StatusCode::from_u16(status).expect("it is one");
    (status, text)
}

async fn outcome(call: &Call) -> Result<String, Refusal> {
    match call.noun() {
        "key-value" => key_value::value(call).await,
        "sqlite" => sqlite::value(call).await,
        "variables" => Ok(spin_sdk::variables::get(call.wanted("name")?).await?),
        "http" => outbound::value(call).await,
        "redis" => redis::value(call).await,
        "pg" => pg(call).await,
        "mysql" => mysql::value(call),
        "mqtt" => mqtt::value(call).await,
        "llm" => llm::value(call),
        _ => Err(call.unknown()),
    }
}
