//! The descriptors that a host has open when it idles.

use std::thread;
use std::time::{Duration, Instant};

use crate::host::{self, Host};

/// How many there may be more or fewer after the same work.
pub(super) const MARGIN: usize = 2;
/// When all that was taken for requests must be given back: instances that idle live for 10 s.
const SETTLE_MAX: Duration = Duration::from_secs(30);
const SETTLE_POLL: Duration = Duration::from_millis(200);

/// How many descriptors the host has when it idles: as many as were expected, or what is left when time is up.
pub(super) fn settled(host: &Host, expected: Option<usize>) -> anyhow::Result<usize> {
    let until = Instant::now() + SETTLE_MAX;
    let mut last = host::descriptors(host.id())?;
    loop {
        thread::sleep(SETTLE_POLL);
        let now = host::descriptors(host.id())?;
        let is_settled = match expected {
            Some(expected) => now.abs_diff(expected) <= MARGIN,
            None => now == last,
        };
        if is_settled || Instant::now() >= until {
            return Ok(now);
        }
        last = now;
    }
}
