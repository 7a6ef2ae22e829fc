//! What one call may take of this host.

use std::ops::RangeInclusive;
use std::time::Duration;

use stoa_manifest::text::Table;

/// Bytes that the whole answer of a call may be allowed to hold: what an answer of our own contracts holds anyway, to what
/// all calls of a component on one store may hold together.
const RESULT_BYTES: RangeInclusive<u64> = 16 << 20..=256 << 20;

/// What a call on a granted store, or on a server outside, is held to. The same for all components of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How long it takes, waiting in queues included. Not in the configuration; 10 seconds.
    pub deadline: Duration,
    /// `result_bytes_max`: what its answer holds in this host's memory, where a contract knows neither pages nor parts, as
    /// Spin's do not. 16 to 256 MiB, default 128 MiB.
    pub result_bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            result_bytes_max: 128 << 20,
        }
    }
}

impl Bounds {
    #[cfg(test)]
    pub(crate) fn within(deadline: Duration) -> Self {
        Self {
            deadline,
            ..Self::default()
        }
    }

    /// Takes its key out of a runtime configuration. Mistakes are reported to the document.
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let default = Self::default();
        let bytes = table.or(
            "result_bytes_max",
            default.result_bytes_max as u64,
            |value| value.integer(RESULT_BYTES),
        );
        Some(Self {
            result_bytes_max: usize::try_from(bytes?).ok()?,
            ..default
        })
    }
}
