//! Answers HTTP requests out of a database, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?api=A&op=O&label=L…`, where A is `stoa`, `spin` (`spin:sqlite@3.0`) or `fermyon` (`fermyon:spin@2`). With
//! `stoa`, O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `label` | | 200 and the label |
//! | `query` | `sql`, `p` repeated | 200 and the rows |
//! | `execute` | `sql`, `p` repeated | 200 and a line of how many rows and which id, then what was returned, if anything |
//! | `batch` | `sql` repeated | 200 and a line for each as `execute` has it |
//! | `cursor` | `sql`, `p` repeated, `max` | 200 and the columns, then how many rows each part had |
//! | `transaction` | `access`, `step` repeated | 200 and a line for each step: a step is `query:SQL`, `execute:SQL`, `commit` or `rollback`, and a failure is told by its variant |
//! | `fill` | `sql`, `bytes` | as `execute`, with a text of so many bytes for `$1` |
//!
//! With the others, O is `execute`, as `query` above; or `numbers` (not with `fermyon`), which runs every `sql` and answers
//! 200, how many rows the last one changed, and the last id.
//!
//! Rows are a line of columns (`name`, or `name declared` where that is known) and a line for each row, with `|` between
//! values. Values are `null`, `b:true`, `i:1`, `r:1.5`, `d:1.5` (decimal), `t:text`, `x:bytes` and `m:moment`.
//!
//! An error of the interface is answered as `<variant>: <message>`: 403 if it says that there is no right to this, 500
//! otherwise. A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod spin;
mod stoa;

use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.wanted("api")? {
        "stoa" => stoa::answer(call),
        "spin" => match call.op()? {
            "numbers" => spin::numbers(call),
            _ => spin::third::answer(call),
        },
        "fermyon" => spin::second::answer(call),
        api => Err(Answer::bad(format!("no such api: {api}"))),
    }
}

/// The kind of a written value and the rest; `null` is only a kind.
fn split(written: &str) -> (&str, &str) {
    written.split_once(':').unwrap_or((written, ""))
}

fn unknown(written: &str) -> Answer {
    Answer::bad(format!("no such value: {written}"))
}
