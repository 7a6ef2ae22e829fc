//! Answers HTTP requests out of a database, for the host's tests: a WASI 0.3 guest that waits without blocking. The calls
//! are those of `sql-02`, where A is `stoa` (through the SDK), `spin` (`spin:sqlite@3.1`, the functions that wait) or
//! `spin-blocking` (the others).
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
        "spin-blocking" => spin::answer_blocking(call),
        api => Err(Refusal::bad(format!("no such api: {api}"))),
    }
}

/// The kind of a written value and the rest; `null` is only a kind.
fn split(written: &str) -> (&str, &str) {
    written.split_once(':').unwrap_or((written, ""))
}

fn unknown(written: &str) -> Refusal {
    Refusal::bad(format!("no such value: {written}"))
}
