//! What every grant may bound: how often and how much.

use crate::text::{Table, Value};

/// Bounds of one component on one label. They hold per host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// `calls_per_second_max`: calls a second, averaged over a second; 1 to 10 million. Default: as many as it can.
    pub calls_per_second_max: Option<u64>,
    /// `bytes_max`: bytes stored within the grant; 1 to 2^50. Default: as many as there is room for.
    pub bytes_max: Option<u64>,
}

pub(super) fn read(table: &mut Table<'_>) -> Option<Quota> {
    let calls = read_calls(table);
    let bytes = table.optional("bytes_max", |value| value.integer(1..=1 << 50));
    Some(Quota {
        calls_per_second_max: calls?,
        bytes_max: bytes?,
    })
}

/// For a noun that stores nothing.
pub(super) fn read_calls(table: &mut Table<'_>) -> Option<Option<u64>> {
    table.optional("calls_per_second_max", |value: Value<'_>| {
        value.integer(1..=10_000_000)
    })
}
