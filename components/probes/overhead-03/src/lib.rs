//! `GET /?op=N&calls=C` makes C calls of a noun and answers how long the one in the middle took, in nanoseconds, its own
//! look at the clock included. N is `keyvalue`, `documents`, `sql`, `blobs`, `identity`, `variables`, or `nothing`.
#![cfg(target_family = "wasm")]

use probe_kit_03::{Call, Refusal, text};
use stoa_sdk::http::{Request, Response};
use stoa_sdk::sql::{Database, sql};
use stoa_sdk::{blobs, documents, identity, keyvalue, variables};
use wasip3::clocks::monotonic_clock;

stoa_sdk::service!(handle);

const LABEL: &str = "default";

async fn handle(request: Request) -> Response {
    let call = Call::of(&request);
    measure(&call)
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn measure(call: &Call) -> Result<Response, Refusal> {
    let calls = call.number("calls")?.unwrap_or(1) as usize;
    let middle = match call.op()? {
        "nothing" => times(calls, async || Ok(())).await,
        "keyvalue" => {
            let store = keyvalue::Store::open(LABEL).map_err(failed)?;
            times(calls, async || {
                store.get("a").await.map(drop).map_err(failed)
            })
            .await
        }
        "documents" => {
            let things = documents::Store::open(LABEL)
                .map_err(failed)?
                .collection("things");
            let get = async || things.get::<serde_json::Value>("a").await;
            times(calls, async || get().await.map(drop).map_err(failed)).await
        }
        "sql" => {
            let database = Database::open(LABEL).map_err(failed)?;
            let query = || sql("SELECT name FROM things WHERE id = $1").bind("a");
            times(calls, async || {
                database.query(query()).await.map(drop).map_err(failed)
            })
            .await
        }
        "blobs" => {
            let container = blobs::Store::open(LABEL)
                .map_err(failed)?
                .container("images");
            times(calls, async || {
                container.head("a").await.map(drop).map_err(failed)
            })
            .await
        }
        "identity" => {
            let identity = identity::Identity::open(LABEL).map_err(failed)?;
            times(calls, async || {
                identity.public_keys().map(drop).map_err(failed)
            })
            .await
        }
        "variables" => {
            times(calls, async || {
                variables::get("a").await.map(drop).map_err(failed)
            })
            .await
        }
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    };
    Ok(text(middle?))
}

/// The median, after a tenth of the calls that nobody counts.
async fn times(calls: usize, call: impl AsyncFn() -> Result<(), Refusal>) -> Result<u64, Refusal> {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls / 10 {
        call().await?;
    }
    for _ in 0..calls {
        let start = monotonic_clock::now();
        call().await?;
        times.push(monotonic_clock::now() - start);
    }
    times.sort_unstable();
    Ok(times.get(calls / 2).copied().unwrap_or(0))
}

fn failed(error: impl std::fmt::Display) -> Refusal {
    Refusal::failed("call", &error.to_string())
}
