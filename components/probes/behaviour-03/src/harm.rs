//! What a host must survive.

use crate::answer::{streamed, text};
use std::hint::{black_box, spin_loop};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::types::Response;
use wasip3::spawn_local;

const YEAR_NS: u64 = 365 * 24 * 60 * 60 * 1_000_000_000;
/// Time for the host to pass on what it was given before the instance is gone.
const PAUSE_NS: u64 = 100_000_000;
const BLOCK_BYTES: usize = 1024 * 1024;

/// Promises 100 bytes and sends 10.
pub(crate) fn break_promise() -> Response {
    streamed(&[("content-length", "100")], |mut writer| async move {
        writer.write_all(b"0123456789".to_vec()).await;
        Ok(())
    })
}

/// Waits for a year. Other requests of this instance are served meanwhile.
pub(crate) async fn wait() -> Response {
    wait_for(YEAR_NS).await;
    text(200, "a year later")
}

/// Answers, and goes on waiting when its client is long gone.
pub(crate) fn linger() -> Response {
    spawn_local(async {
        wait().await;
    });
    text(200, "ok")
}

/// Answers, and then never gives way.
pub(crate) fn linger_in_a_loop() -> Response {
    spawn_local(async {
        wait_for(PAUSE_NS).await;
        spin();
    });
    text(200, "ok")
}

/// Sends a head and a line, then traps.
pub(crate) fn trap_midway() -> Response {
    streamed(&[("content-type", "text/plain")], |mut writer| async move {
        writer.write_all(b"first\n".to_vec()).await;
        wait_for(PAUSE_NS).await;
        std::process::abort()
    })
}

/// Never returns, and lets nothing else of this instance run.
pub(crate) fn spin() -> ! {
    loop {
        spin_loop();
    }
}

/// Takes and touches memory until there is none.
pub(crate) fn allocate() -> ! {
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
pub(crate) fn flood() -> ! {
    let line = "x".repeat(1_000);
    loop {
        println!("{line}");
    }
}
