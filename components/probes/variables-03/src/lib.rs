//! Answers HTTP requests with its variables, for the host's tests: a WASI 0.3 guest that waits without blocking.
//!
//! `GET /?api=A&op=O…`, where A is `spin` (`spin:variables@3`, through the SDK) or `rc` (of `wasi:config`), and O is one
//! of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `get` | `name` | 200 and the value; 404 where `wasi:config` has none |
//! | `all` | | `rc` only: 200 and all variables, one per line as `name=value` |
//!
//! An error of the interface is answered as `<variant>: <message>`: 403 if it says that the component has no such
//! variable, 500 otherwise. A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod config;

use probe_kit_03::{Call, Refusal, text};
use stoa_sdk::http::{Request, Response};
use stoa_sdk::variables::{self, Error};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    match (call.wanted("api")?, call.op()?) {
        ("spin", "get") => {
            let value = variables::get(call.wanted("name")?).await;
            Ok(text(value.map_err(failed)?))
        }
        ("rc", "get") => config::get(call.wanted("name")?),
        ("rc", "all") => config::all(),
        (api, op) => Err(Refusal::bad(format!("no such api or op: {api} {op}"))),
    }
}

fn failed(error: Error) -> Refusal {
    match error {
        Error::InvalidName(why) => Refusal::failed("invalid-name", &why),
        Error::Undefined(why) => Refusal::forbidden("undefined", &why),
        Error::Provider(why) => Refusal::failed("provider", &why),
        Error::Other(why) => Refusal::failed("other", &why),
    }
}
