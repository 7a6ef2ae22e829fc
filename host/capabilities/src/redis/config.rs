//! `[outbound_redis]`, which is Spin's section.

use std::time::Duration;

use stoa_manifest::text::Table;

use crate::Bounds;

/// What all connections of a host's components to Redis are held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `max_connections`: open at once, of all components together. Default: no bound but that of the network.
    pub connections_max: Option<usize>,
    /// How long a connection waits for its place among those. Not in the section; 5 seconds.
    pub place_wait_max: Duration,
    /// What a reply may hold, in bytes of this host's memory: [`Bounds::result_bytes_max`](crate::Bounds). Not in the
    /// section.
    pub reply_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections_max: None,
            place_wait_max: Duration::from_secs(5),
            reply_bytes_max: Bounds::default().result_bytes_max,
        }
    }
}

impl Config {
    /// Reads the section. Mistakes are reported to the document.
    pub fn read(table: &mut Table<'_>) -> Option<Self> {
        let connections_max =
            table.optional("max_connections", |value| value.integer(1..=1_000_000));
        Some(Self {
            connections_max: connections_max?.map(|number| number as usize),
            ..Self::default()
        })
    }
}
