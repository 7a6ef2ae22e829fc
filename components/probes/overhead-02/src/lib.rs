//! `GET /?op=N&calls=C` makes C calls of a noun and answers how long the one in the middle took, in nanoseconds, its own
//! look at the clock included. N is `keyvalue`, `documents`, `sql`, `blobs`, `identity`, `variables`, or `nothing`.
#![cfg(target_family = "wasm")]

mod bindings;

use bindings::fermyon::spin::variables;
use bindings::stoa::{blobs, documents, identity, keyvalue, sql};
use probe_kit_02::{Answer, Call};
use wasip2::clocks::monotonic_clock;

probe_kit_02::probe!(measure);

const LABEL: &str = "default";

fn measure(call: &Call) -> Result<Answer, Answer> {
    let calls = call.number("calls")?.unwrap_or(1) as usize;
    let middle = match call.op()? {
        "nothing" => times(calls, || Ok(())),
        "keyvalue" => {
            let store = keyvalue::read::open(LABEL).map_err(failed)?;
            times(calls, || {
                keyvalue::read::get(&store, "a").map(drop).map_err(failed)
            })
        }
        "documents" => {
            let store = documents::read::open(LABEL).map_err(failed)?;
            let ids = ["a".to_owned()];
            times(calls, || {
                documents::read::get(&store, "things", &ids)
                    .map(drop)
                    .map_err(failed)
            })
        }
        "sql" => {
            let database = sql::read::open(LABEL).map_err(failed)?;
            let statement = sql::types::Statement {
                text: "SELECT name FROM things WHERE id = $1".into(),
                parameters: vec![sql::types::Value::Text("a".into())],
            };
            times(calls, || {
                sql::read::query(&database, &statement)
                    .map(drop)
                    .map_err(failed)
            })
        }
        "blobs" => {
            let store = blobs::read::open(LABEL).map_err(failed)?;
            times(calls, || {
                blobs::read::head(&store, "images", "a")
                    .map(drop)
                    .map_err(failed)
            })
        }
        "identity" => {
            let identity = identity::verify::open(LABEL).map_err(failed)?;
            times(calls, || {
                identity::verify::public_keys(&identity)
                    .map(drop)
                    .map_err(failed)
            })
        }
        "variables" => times(calls, || variables::get("a").map(drop).map_err(failed)),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    };
    Ok(Answer::text(middle?))
}

/// The median, after a tenth of the calls that nobody counts.
fn times(calls: usize, call: impl Fn() -> Result<(), Answer>) -> Result<u64, Answer> {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls / 10 {
        call()?;
    }
    for _ in 0..calls {
        let start = monotonic_clock::now();
        call()?;
        times.push(monotonic_clock::now() - start);
    }
    times.sort_unstable();
    Ok(times.get(calls / 2).copied().unwrap_or(0))
}

fn failed(error: impl std::fmt::Debug) -> Answer {
    Answer::failed("call", &format!("{error:?}"))
}
