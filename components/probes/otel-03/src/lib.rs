//! Tells of itself, for the host's tests: a WASI 0.3 guest that serves several requests at once.
//!
//! `GET /?op=O`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `outer` | | 200 and where the request stands in a trace, asked for before and after other requests had their turn, a line each |
//! | `span` | `name`, `trace` | 204, when a span was told |
//! | `metric` | `kind`, `points` | 204, when a metric was told; 500 with what it was refused with |
//! | `log` | `text`, `count` | 204, when so many log records were told |
//!
//! A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

use probe_kit_03::{Call, Refusal, done, lines};
use probe_kit_otel::tell;
use stoa_sdk::http::{Request, Response};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    match call.op()? {
        "outer" => {
            let before = tell::outer();
            wit_bindgen::yield_async().await;
            return Ok(lines([before, tell::outer()].map(String::into_bytes)));
        }
        "span" => tell::span(call.wanted("name")?, call.optional("trace")),
        "metric" => {
            let points = call.number("points")?.unwrap_or(1) as usize;
            let told = tell::metric(call.optional("kind").unwrap_or("sum"), points);
            told.map_err(|why| Refusal::failed("dropped", &why))?;
        }
        "log" => tell::log(call.wanted("text")?, call.number("count")?.unwrap_or(1)),
        op => return Err(Refusal::bad(format!("no such op: {op}"))),
    }
    Ok(done())
}
