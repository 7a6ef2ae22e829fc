//! The most memory that a host has while something goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::anyhow;

use crate::host;

pub(super) const KIB: u64 = 1024;
pub(super) const MIB: u64 = 1024 * KIB;

const SAMPLE: Duration = Duration::from_millis(50);

/// Does the work and tells how much memory the process occupied at most meanwhile, in bytes.
pub(super) fn peak_during<T>(
    process: u32,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, u64)> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let peak = scope.spawn(|| peak(process, &done));
        let outcome = work();
        done.store(true, Ordering::Relaxed);
        let peak = peak.join().map_err(|_| anyhow!("the sampler panicked"))?;
        Ok((outcome?, peak?))
    })
}

fn peak(process: u32, done: &AtomicBool) -> anyhow::Result<u64> {
    let mut peak = 0;
    loop {
        let is_last = done.load(Ordering::Relaxed);
        peak = host::resident_bytes(process)?.max(peak);
        if is_last {
            return Ok(peak);
        }
        thread::sleep(SAMPLE);
    }
}
