//! Calls what spin-sdk 7 offers, for the host's tests, as the probe `spin-sdk-6` does with 6: the same source, compiled
//! against this SDK, in which `mysql` waits too.
#![cfg(target_family = "wasm")]
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: the exports of the component"
)]

#[path = "../../spin-sdk-3/src/call.rs"]
mod call;
#[path = "../../spin-sdk-6/src/database.rs"]
mod database;
#[path = "../../spin-sdk-6/src/key_value.rs"]
mod key_value;
#[path = "../../spin-sdk-3/src/llm.rs"]
mod llm;
#[path = "../../spin-sdk-6/src/mqtt.rs"]
mod mqtt;
#[path = "../../spin-sdk-6/src/outbound.rs"]
mod outbound;
#[path = "../../spin-sdk-6/src/redis.rs"]
mod redis;
#[path = "../../spin-sdk-6/src/sqlite.rs"]
mod sqlite;

use call::{Call, Refusal};
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;

database::of!(pg);
database::of!(mysql);

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
        "mysql" => mysql(call).await,
        "mqtt" => mqtt::value(call).await,
        "llm" => llm::value(call),
        _ => Err(call.unknown()),
    }
}
