//! Answers HTTP requests out of a key-value store, for the host's tests: a WASI 0.3 guest that waits without blocking.
//!
//! `GET /?api=A&op=O&label=L…`, where A is `stoa` or `spin` and O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `get` | `key` | 200 and the value, or 404 |
//! | `set` | `key`, `value`, `ttl` (`stoa` only, in milliseconds) | 204 |
//! | `expire` | `key`, `ttl` | `stoa` only: 204; without a `ttl`, the value does not end |
//! | `ttl` | `key` | `stoa` only: 200 and the milliseconds that are left, or `none`; 404 if the key has no value |
//! | `delete` | `key` | 204 |
//! | `exists` | `key` | 200 and `true` or `false` |
//! | `list` | `prefix` | 200 and the keys, one per line |
//! | `increment` | `key`, `delta` | `stoa` only: 200 and the sum |
//! | `many` | `key`, repeated | `stoa` only: 200 and for each key a line, `key=value`, or `key` if it has none |
//! | `cas` | `key`, `value`, `between` | `stoa` only: 204; `between` is written between reading and swapping |
//!
//! An error of the interface is answered as `<variant>: <message>`: 403 if it says that there is no right to this, 500
//! otherwise. A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod spin;
mod stoa;

use probe_kit_03::{Call, Refusal};
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
        "stoa" => stoa::answer(call).await,
        "spin" => spin::answer(call).await,
        api => Err(Refusal::bad(format!("no such api: {api}"))),
    }
}
