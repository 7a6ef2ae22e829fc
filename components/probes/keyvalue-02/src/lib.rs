//! Answers HTTP requests out of a key-value store, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?api=A&op=O&label=L…`, where A is `stoa`, `draft` or `draft2` (of `wasi:keyvalue`) and O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `get` | `key` | 200 and the value, or 404 |
//! | `set` | `key`, `value` | 204 |
//! | `delete` | `key` | 204 |
//! | `exists` | `key` | 200 and `true` or `false` |
//! | `list` | `prefix` | 200 and the keys, one per line |
//! | `increment` | `key`, `delta` | 200 and the sum |
//! | `many` | `key`, repeated | 200 and for each key a line, `key=value`, or `key` if it has none |
//! | `cas` | `key`, `value`, `between` | 204; with `between`, that is written between reading and swapping |
//!
//! An error of the interface is answered as `<variant>: <message>`: 403 if it says that there is no right to this, 500
//! otherwise. A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod answer;
mod bindings;
mod call;
mod draft;
mod draft2;
mod stoa;

use answer::Answer;
use call::Call;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

struct Probe;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip2::http::proxy::export!(Probe);
};

impl Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let call = Call::of(&request.path_with_query().unwrap_or_default());
        // Both sides of the result are answers: a refusal is one too.
        answer(&call).unwrap_or_else(|refusal| refusal).send(out);
    }
}

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.wanted("api")? {
        "stoa" => stoa::answer(call),
        "draft" => draft::answer(call),
        "draft2" => draft2::answer(call),
        api => Err(Answer::bad(format!("no such api: {api}"))),
    }
}
