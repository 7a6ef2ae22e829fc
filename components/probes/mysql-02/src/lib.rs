//! Answers HTTP requests out of a MySQL server, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?api=A&op=O&address=…&sql=…&p=…`, where A is `first` (Spin 1) or `second` (`fermyon:spin@2`). O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `query` | `p` repeated | 200, a line of columns with their types, and a line for each row |
//! | `execute` | `p` repeated | 204 |
//!
//! `before`, repeated, is executed first, on the same connection; not with `first`, which has none. How values are written
//! stands in `probe-kits/sql`. An error of the interface is answered as `<variant>: <message>` with 500, a request that
//! the probe itself does not understand with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod first;
mod second;

use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.wanted("api")? {
        "first" => first::answer(call),
        "second" => second::answer(call),
        api => Err(Answer::bad(format!("no such api: {api}"))),
    }
}
