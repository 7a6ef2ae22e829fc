//! What other probes leave out of the sockets in WASI's drafts of 2023, for the host's tests.
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `look-up` | `name` | October's: 200 and the addresses, one per line |
//! | `datagram` | `to` | November's: 200 and what comes back for `ping` |
//!
//! What was not allowed is answered with 403 and `access-denied`, any other error with 500 and its name. A request that
//! the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod november;
mod october;

use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "look-up" => october::look_up(call.wanted("name")?).map_err(|error| failed(error.name())),
        "datagram" => {
            let to = call.wanted("to")?.parse();
            let to = to.map_err(|_| Answer::bad("that is no address".to_owned()))?;
            november::answered(to).map_err(|error| failed(error.name()))
        }
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn failed(word: &str) -> Answer {
    match word {
        "access-denied" => Answer::forbidden(word, ""),
        word => Answer::failed(word, ""),
    }
}
