//! `[component.<id>.tool.stoa.limits]`: how much of the host one component may use.

use std::ops::RangeInclusive;

use crate::text::{Table, Value};

const KIB: u64 = 1_024;
const MIB: u64 = 1_024 * KIB;
const GIB: u64 = 1_024 * MIB;

/// The limits of one component. Each request over a limit waits, is refused or is ended; nothing of another component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory that one instance may have. 64 KiB to 4 GiB, default 128 MiB.
    pub memory_bytes_max: u64,
    /// Elements that all tables of one instance may have together. 0 to a million, default 200 000.
    pub table_elements_max: u64,
    /// Instances that may be alive at once, shared evenly among the cores and rounded up; never more than three quarters
    /// of what the host has room for. 1 to 100 000, default 1 000.
    pub instances_max: u64,
    /// Milliseconds that a request may take, waiting included; then 504. 1 to an hour, default half a minute.
    pub deadline_ms_max: u64,
    /// Milliseconds of processor time that a request may use, looked at every 10 ms; then 500, and its instance is retired.
    /// Requests that share an instance share the sum of theirs. 10 to an hour, default 10 s.
    pub cpu_ms_max: u64,
    /// Requests that the component may be serving at once, in all its instances; further ones queue. Shared evenly among
    /// the cores and rounded up. 1 to 100 000, default 1 024.
    pub requests_in_flight_max: u64,
    /// Requests that may wait to be served; further ones get 503. 0 to 100 000, default 1 024.
    pub requests_queued_max: u64,
    /// Milliseconds that a request may wait to be served; then 503. 1 to an hour, default 2 s.
    pub queue_ms_max: u64,
    /// Requests that one instance may serve in its life; 1 gives each request a fresh one. 1 to a thousand million. By
    /// default 100 000 for WASI 0.3, and 1 for WASI 0.2, whose guests were written for one request: more is theirs to ask
    /// for.
    pub requests_per_instance_max: Option<u64>,
    /// Requests that one instance may be serving at once. WASI 0.3 components only. 1 to 100 000, default 16.
    pub requests_concurrent_per_instance_max: u64,
    /// Bytes of one request body; then its stream breaks off. 0 to 1 TiB, by default what the gateway lets through.
    pub request_body_bytes_max: Option<u64>,
    /// Bytes of one response body; then its stream is reset, or 500 where the length was announced. 0 to 1 TiB, default
    /// 1 GiB.
    pub response_body_bytes_max: u64,
    /// Header fields of one response; more is 500. 1 to 10 000, default 100.
    pub response_headers_max: u64,
    /// Bytes that the component may write to its log in a second; what is over is dropped and counted. 0 to 1 GiB,
    /// default 1 MiB.
    pub log_bytes_per_second_max: u64,
    /// Outbound requests that the component may have open at once, from sending them to the end of their answers; further
    /// ones wait, and fail after the time they allow for connecting. 1 to 100 000, default 256.
    pub outbound_requests_max: u64,
    /// Connections that its outbound requests may hold at once, idle ones included; what would need a further one waits,
    /// and fails after the time it allows for connecting. 1 to 100 000, default 128.
    pub outbound_connections_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 128 * MIB,
            table_elements_max: 200_000,
            instances_max: 1_000,
            deadline_ms_max: 30_000,
            cpu_ms_max: 10_000,
            requests_in_flight_max: 1_024,
            requests_queued_max: 1_024,
            queue_ms_max: 2_000,
            requests_per_instance_max: None,
            requests_concurrent_per_instance_max: 16,
            request_body_bytes_max: None,
            response_body_bytes_max: GIB,
            response_headers_max: 100,
            log_bytes_per_second_max: MIB,
            outbound_requests_max: 256,
            outbound_connections_max: 128,
        }
    }
}

const COUNT: RangeInclusive<u64> = 1..=100_000;
const MILLISECONDS: RangeInclusive<u64> = 1..=3_600_000;
const BODY_BYTES: RangeInclusive<u64> = 0..=1_024 * GIB;

pub(crate) fn read(value: Value<'_>) -> Option<Limits> {
    value.table(read_table)
}

/// A limit that is out of range is reported, and stands at its default for the rest of the reading.
fn read_table(table: &mut Table<'_>) -> Option<Limits> {
    let mut limits = Limits::default();
    let bounded: [(&'static str, &mut u64, RangeInclusive<u64>); 14] = [
        (
            "memory_bytes_max",
            &mut limits.memory_bytes_max,
            64 * KIB..=4 * GIB,
        ),
        (
            "table_elements_max",
            &mut limits.table_elements_max,
            0..=1_000_000,
        ),
        ("instances_max", &mut limits.instances_max, COUNT),
        ("deadline_ms_max", &mut limits.deadline_ms_max, MILLISECONDS),
        ("cpu_ms_max", &mut limits.cpu_ms_max, 10..=3_600_000),
        (
            "requests_in_flight_max",
            &mut limits.requests_in_flight_max,
            COUNT,
        ),
        (
            "requests_queued_max",
            &mut limits.requests_queued_max,
            0..=100_000,
        ),
        ("queue_ms_max", &mut limits.queue_ms_max, MILLISECONDS),
        (
            "requests_concurrent_per_instance_max",
            &mut limits.requests_concurrent_per_instance_max,
            COUNT,
        ),
        (
            "response_body_bytes_max",
            &mut limits.response_body_bytes_max,
            BODY_BYTES,
        ),
        (
            "response_headers_max",
            &mut limits.response_headers_max,
            1..=10_000,
        ),
        (
            "log_bytes_per_second_max",
            &mut limits.log_bytes_per_second_max,
            0..=GIB,
        ),
        (
            "outbound_requests_max",
            &mut limits.outbound_requests_max,
            COUNT,
        ),
        (
            "outbound_connections_max",
            &mut limits.outbound_connections_max,
            COUNT,
        ),
    ];
    for (name, limit, range) in bounded {
        if let Some(value) = table.or(name, *limit, |value| value.integer(range)) {
            *limit = value;
        }
    }
    let optional: [(&'static str, &mut Option<u64>, RangeInclusive<u64>); 2] = [
        (
            "requests_per_instance_max",
            &mut limits.requests_per_instance_max,
            1..=1_000_000_000,
        ),
        (
            "request_body_bytes_max",
            &mut limits.request_body_bytes_max,
            BODY_BYTES,
        ),
    ];
    for (name, limit, range) in optional {
        if let Some(value) = table.optional(name, |value| value.integer(range)) {
            *limit = value;
        }
    }
    Some(limits)
}
