//! `[component.<id>.tool.stoa.limits]`: how much of the host one component may use.

use std::ops::RangeInclusive;

use crate::text::{Table, Value};

const KIB: u64 = 1_024;
const MIB: u64 = 1_024 * KIB;
const GIB: u64 = 1_024 * MIB;

/// Default of [`Limits::memory_bytes_max`]: 128 MiB.
pub const MEMORY_BYTES_MAX: u64 = 128 * MIB;
/// Default of [`Limits::deadline_ms_max`]: half a minute.
pub const DEADLINE_MS_MAX: u64 = 30_000;
/// Default of [`Limits::requests_in_flight_max`].
pub const REQUESTS_IN_FLIGHT_MAX: u64 = 1_024;
/// Default of [`Limits::requests_per_instance_max`].
pub const REQUESTS_PER_INSTANCE_MAX: u64 = 100_000;
/// Default of [`Limits::requests_concurrent_per_instance_max`].
pub const REQUESTS_CONCURRENT_PER_INSTANCE_MAX: u64 = 16;
/// Default of [`Limits::log_bytes_per_second_max`]: 1 MiB.
pub const LOG_BYTES_PER_SECOND_MAX: u64 = MIB;

/// The limits of one component. Each request over a limit is refused or ended; nothing of another component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory that one instance may have. 64 KiB to 4 GiB, default [`MEMORY_BYTES_MAX`].
    pub memory_bytes_max: u64,
    /// Milliseconds that a request may take, waiting included. 1 to an hour, default [`DEADLINE_MS_MAX`].
    pub deadline_ms_max: u64,
    /// Requests that the component may be serving at once, in all its instances. 1 to 100 000, default
    /// [`REQUESTS_IN_FLIGHT_MAX`].
    pub requests_in_flight_max: u64,
    /// Requests that one instance may serve in its life; 1 gives each request a fresh one. WASI 0.3 components only,
    /// those of 0.2 always get a fresh one. 1 to a thousand million, default [`REQUESTS_PER_INSTANCE_MAX`].
    pub requests_per_instance_max: u64,
    /// Requests that one instance may be serving at once. WASI 0.3 components only. 1 to 100 000, default
    /// [`REQUESTS_CONCURRENT_PER_INSTANCE_MAX`].
    pub requests_concurrent_per_instance_max: u64,
    /// Bytes that the component may write to its log in a second; what is over is dropped and counted. 0 to 1 GiB,
    /// default [`LOG_BYTES_PER_SECOND_MAX`].
    pub log_bytes_per_second_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: MEMORY_BYTES_MAX,
            deadline_ms_max: DEADLINE_MS_MAX,
            requests_in_flight_max: REQUESTS_IN_FLIGHT_MAX,
            requests_per_instance_max: REQUESTS_PER_INSTANCE_MAX,
            requests_concurrent_per_instance_max: REQUESTS_CONCURRENT_PER_INSTANCE_MAX,
            log_bytes_per_second_max: LOG_BYTES_PER_SECOND_MAX,
        }
    }
}

pub(crate) fn read(value: Value<'_>) -> Option<Limits> {
    value.table(read_table)
}

fn read_table(table: &mut Table<'_>) -> Option<Limits> {
    let mut limit = |name: &'static str, default: u64, range: RangeInclusive<u64>| {
        table.or(name, default, |value| value.integer(range))
    };
    let memory = limit("memory_bytes_max", MEMORY_BYTES_MAX, 64 * KIB..=4 * GIB);
    let deadline = limit("deadline_ms_max", DEADLINE_MS_MAX, 1..=3_600_000);
    let in_flight = limit(
        "requests_in_flight_max",
        REQUESTS_IN_FLIGHT_MAX,
        1..=100_000,
    );
    let per_instance = limit(
        "requests_per_instance_max",
        REQUESTS_PER_INSTANCE_MAX,
        1..=1_000_000_000,
    );
    let concurrent = limit(
        "requests_concurrent_per_instance_max",
        REQUESTS_CONCURRENT_PER_INSTANCE_MAX,
        1..=100_000,
    );
    let log = limit(
        "log_bytes_per_second_max",
        LOG_BYTES_PER_SECOND_MAX,
        0..=GIB,
    );
    Some(Limits {
        memory_bytes_max: memory?,
        deadline_ms_max: deadline?,
        requests_in_flight_max: in_flight?,
        requests_per_instance_max: per_instance?,
        requests_concurrent_per_instance_max: concurrent?,
        log_bytes_per_second_max: log?,
    })
}
