//! Answers HTTP requests out of a PostgreSQL server, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?api=A&op=O&address=…&sql=…&p=…`, where A is `first` (Spin 1), `second` (`fermyon:spin@2`), `third` (3.0),
//! `fourth` (4.0) or `built` (4.1; `ca` is a certificate in PEM). O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `query` | `p` repeated | 200, a line of columns with their types, and a line for each row |
//! | `execute` | `p` repeated | 200 and how many rows there were |
//!
//! `before`, repeated, is executed first, on the same connection; not with `first`, which has none. How values are written
//! stands in `probe-kits/sql`. An error of the interface is answered as `<variant>: <message>` with 500, a request that
//! the probe itself does not understand with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod built;
mod first;
mod fourth;
mod second;
mod third;
mod version;

use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.wanted("api")? {
        "first" => first::answer(call),
        "second" => second::answer(call),
        "third" => third::answer(call),
        "fourth" => fourth::answer(call),
        "built" => built::answer(call),
        api => Err(Answer::bad(format!("no such api: {api}"))),
    }
}
