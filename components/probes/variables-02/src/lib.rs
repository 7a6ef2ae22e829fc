//! Answers HTTP requests with its variables, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?api=A&op=O…`, where A is `fermyon` (`fermyon:spin@2`), or `draft` or `rc` (of `wasi:config`), and O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `get` | `name` | 200 and the value; 404 where `wasi:config` has none |
//! | `all` | | not `fermyon`: 200 and all variables, one per line as `name=value` |
//!
//! An error of the interface is answered as `<variant>: <message>`: 403 if it says that the component has no such
//! variable, 500 otherwise. A request that the probe itself does not understand is answered with 400.
//! `spin:variables@3` is not among the interfaces: a guest that blocks cannot call an `async func`.
#![cfg(target_family = "wasm")]

mod bindings;
mod config;
mod fermyon;

use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match (call.wanted("api")?, call.op()?) {
        ("fermyon", "get") => fermyon::get(call.wanted("name")?),
        ("draft", "get") => config::draft::get(call.wanted("name")?),
        ("draft", "all") => config::draft::all(),
        ("rc", "get") => config::candidate::get(call.wanted("name")?),
        ("rc", "all") => config::candidate::all(),
        (api, op) => Err(Answer::bad(format!("no such api or op: {api} {op}"))),
    }
}
