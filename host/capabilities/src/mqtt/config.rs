//! `[outbound_mqtt]`, which is Spin's section.

use std::time::Duration;

use stoa_manifest::text::Table;

/// What a packet of MQTT can hold, less what its head may take.
const PAYLOAD_BYTES_CEILING: u64 = 268_435_455 - 2 - 65_535 - 2;

/// What all connections of a host's components to MQTT are held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `max_payload_size_bytes`: of one message. Default: 1 MiB.
    pub payload_bytes_max: usize,
    /// `max_connections`: open at once, of all components together. Default: no bound but that of the network.
    pub connections_max: Option<usize>,
    /// How long a connection waits for its place among those. Not in the section; 5 seconds.
    pub place_wait_max: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            payload_bytes_max: 1024 * 1024,
            connections_max: None,
            place_wait_max: Duration::from_secs(5),
        }
    }
}

impl Config {
    /// Reads the section. Mistakes are reported to the document.
    pub fn read(table: &mut Table<'_>) -> Option<Self> {
        let default = Self::default();
        let payload_bytes_max = table.or(
            "max_payload_size_bytes",
            default.payload_bytes_max as u64,
            |value| value.integer(0..=PAYLOAD_BYTES_CEILING),
        );
        let connections_max =
            table.optional("max_connections", |value| value.integer(1..=1_000_000));
        Some(Self {
            payload_bytes_max: payload_bytes_max? as usize,
            connections_max: connections_max?.map(|number| number as usize),
            ..default
        })
    }
}
