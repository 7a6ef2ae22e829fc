//! What a host must survive.

use crate::answer::Answer;
use std::hint::{black_box, spin_loop};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::types::ResponseOutparam;

const YEAR_NS: u64 = 365 * 24 * 60 * 60 * 1_000_000_000;
/// Time for the host to pass on what it was given before the instance is gone.
const PAUSE_NS: u64 = 100_000_000;
const BLOCK_BYTES: usize = 1024 * 1024;

/// Promises 100 bytes and sends 10.
pub(crate) fn break_promise(out: ResponseOutparam) {
    let answer = Answer::start(out, 200, &[("content-length", "100")]);
    answer.write(b"0123456789");
    answer.finish();
}

/// Blocks for a year.
pub(crate) fn wait() {
    subscribe_duration(YEAR_NS).block();
}

/// Sends a head and a line, then traps.
pub(crate) fn trap_midway(out: ResponseOutparam) {
    let answer = Answer::start(out, 200, &[("content-type", "text/plain")]);
    answer.write(b"first\n");
    subscribe_duration(PAUSE_NS).block();
    std::process::abort();
}

/// Never returns.
pub(crate) fn spin() {
    loop {
        spin_loop();
    }
}

/// Takes and touches memory until there is none.
pub(crate) fn allocate() {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; BLOCK_BYTES]));
    }
}

/// Arithmetic that no compiler can leave out: each round needs the last.
pub(crate) fn compute(rounds: u64) -> u64 {
    (0..rounds).fold(1, |state, _| {
        black_box(state) ^ (state << 13) ^ (state >> 7)
    })
}

/// Prints without end.
pub(crate) fn flood() {
    let line = "x".repeat(1_000);
    loop {
        println!("{line}");
    }
}
