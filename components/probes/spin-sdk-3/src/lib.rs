//! Calls what spin-sdk 3.1 offers, for the host's tests: `GET /<noun>/<function>?…`.
//!
//! | noun | functions | parameters |
//! |---|---|---|
//! | `key-value` | `open`, `get`, `set`, `delete`, `exists`, `get-keys` | `label`, `key`, `value` |
//! | `sqlite` | `open`, `execute` (rows of values), `values` (one of each kind) | `label`, `sql`, `p` repeated |
//! | `variables` | `get` | `name` |
//! | `http` | `get`, `post`, `put`, `patch`, `delete`: the status and the body | `url`, `body` |
//! | `redis` | `open`, `publish`, `get`, `set`, `incr`, `del`, `sadd`, `smembers`, `srem`, `execute` | `address`, `key`, `value`, … |
//! | `pg`, `pg3`, `mysql` | `open`, `query`, `execute` | `address`, `sql`, `p` repeated |
//! | `mqtt` | `open`, `publish` | `address`, `topic`, `value`, `qos` |
//! | `llm` | `infer`, `infer-with-options`, `generate-embeddings` | `model` |
//!
//! A value is answered with 200 as `ok <value>`, an error of the interface with 500 as the SDK shows it, and a request that
//! the probe does not understand with 400. What is not the SDK's own (`call.rs` and the nouns) also serves the probes of
//! later SDKs: the same source, compiled against them.
#![cfg(target_family = "wasm")]
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: the exports of the component"
)]

mod call;
mod database;
mod key_value;
mod llm;
mod mqtt;
mod outbound;
mod redis;
mod sqlite;

use call::{Call, Refusal};
use spin_sdk::http::{Request, Response};
use spin_sdk::http_component;

database::of!(pg);
database::of!(pg3);
database::of!(mysql);
sqlite::of!(sqlite);

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
        "variables" => Ok(spin_sdk::variables::get(call.wanted("name")?)?),
        "http" => outbound::value(call).await,
        "redis" => redis::value(call),
        "pg" => pg(call),
        "pg3" => pg3(call),
        "mysql" => mysql(call),
        "mqtt" => mqtt::value(call),
        "llm" => llm::value(call),
        _ => Err(call.unknown()),
    }
}
