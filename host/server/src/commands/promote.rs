//! `stoa promote`: the candidate serves everybody.

use crate::admin::messages::{Move, Moved};
use crate::cli::remote::{Promote, Reason};
use crate::client::{self, Client, Error, show};
use crate::output;

pub(crate) fn promote(arguments: &Promote) -> anyhow::Result<()> {
    let client = Client::find(&arguments.remote).map_err(Error::told)?;
    let order = order(None, &arguments.reason);
    let moved = client::wait(client.promote(&order))?;
    output::line(told(&moved));
    Ok(())
}

pub(super) fn order(release: Option<u64>, reason: &Reason) -> Move {
    Move {
        release,
        expected: reason.expected,
        note: reason.note.clone(),
    }
}

/// What came of a promotion or a rollback.
pub(super) fn told(moved: &Moved) -> String {
    format!(
        "release {} serves, version {}\n{}",
        moved.stable,
        moved.version,
        show::timings(&moved.timings)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::messages::Timings;

    #[test]
    fn it_tells_what_serves_from_now_on() {
        let moved = Moved {
            version: 13,
            stable: 7,
            timings: Timings {
                prepare_ms: 0.0,
                record_ms: 2.5,
                swap_ms: 0.11,
            },
        };
        assert_eq!(
            told(&moved),
            "release 7 serves, version 13\nprepared in 0.0 ms, recorded in 2.5 ms, swapped in 0.1 ms"
        );
    }
}
