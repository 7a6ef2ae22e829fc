//! Tells of itself, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?op=O`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `outer` | | 200 and where the request stands in a trace, asked for twice, a line each |
//! | `span` | `name`, `trace` | 204, when a span was told |
//! | `metric` | `kind`, `points` | 204, when a metric was told; 500 with what it was refused with |
//! | `log` | `text`, `count` | 204, when so many log records were told |
//!
//! A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

use probe_kit_02::{Answer, Call};
use probe_kit_otel::tell;

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "outer" => {
            let lines = [tell::outer(), tell::outer()];
            return Ok(Answer::lines(lines.map(String::into_bytes)));
        }
        "span" => tell::span(call.wanted("name")?, call.optional("trace")),
        "metric" => {
            let points = call.number("points")?.unwrap_or(1) as usize;
            let told = tell::metric(call.optional("kind").unwrap_or("sum"), points);
            told.map_err(|why| Answer::failed("dropped", &why))?;
        }
        "log" => tell::log(call.wanted("text")?, call.number("count")?.unwrap_or(1)),
        op => return Err(Answer::bad(format!("no such op: {op}"))),
    }
    Ok(Answer::done())
}
