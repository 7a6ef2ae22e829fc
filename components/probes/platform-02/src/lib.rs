//! Answers HTTP requests by interfaces of Spin 1 and 2, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?api=A&op=O…`, where A and O are:
//!
//! | api | op | further parameters | answer |
//! |---|---|---|---|
//! | `keyvalue2`, `keyvalue1` | `get` | `label`, `key` | 200 and the value; 404 if it has none |
//! | | `set` | `label`, `key`, `value` | 204 |
//! | | `delete` | `label`, `key` | 204 |
//! | | `exists` | `label`, `key` | 200 and `true` or `false` |
//! | | `list` | `label` | 200 and the keys, sorted, one per line |
//! | | `many` | `label`, `count` | 200 and how many stores could be opened, then what the next was refused with |
//! | `keyvalue1`, `sqlite1` | `closed` | `label` | what a store says after it was closed twice |
//! | | `forged` | `number` | what a store says that was never opened, after it was closed |
//! | `sqlite1` | `execute` | `label`, `sql`, `p` repeated | 200 and a line of columns, then the rows, with `\|` between values |
//! | | `rows` | `label`, `sql` | 200 and how many rows there are |
//! | `config1` | `get` | `name` | 200 and the value |
//! | `http1` | `send` | `method`, `url`, `header` repeated as `name:value`, `body` | 200 and the status, the header `x-told`, the body, one per line |
//! | | `length` | `url` | 200 and how long the body is |
//!
//! An error of an interface is answered as `<variant>: <message>`: 403 if it says that there is no right to this, 500
//! otherwise. A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod config;
mod http;
mod keyvalue;
mod sqlite;

use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.wanted("api")? {
        "keyvalue2" => keyvalue::second::answer(call),
        "keyvalue1" => keyvalue::first::answer(call),
        "sqlite1" => sqlite::answer(call),
        "config1" => config::answer(call),
        "http1" => http::answer(call),
        api => Err(Answer::bad(format!("no such api: {api}"))),
    }
}

fn unknown(op: &str) -> Answer {
    Answer::bad(format!("no such op: {op}"))
}

/// A number that a test made up.
fn forged(call: &Call) -> Result<u32, Answer> {
    let number = call.number("number")?.unwrap_or(0);
    u32::try_from(number).map_err(|_| Answer::bad("number is too large".to_owned()))
}
