//! JSON documents in collections, as a component is given them: the store that the host brings along, and the handle that
//! puts it behind a grant.
//!
//! What requests and answers are, what filters and operators mean and what a backend implements is in `stoa-documents`,
//! which this module shows as its own: the adapter for Spin shares that meaning, but not this host's stores.

pub mod config;
pub mod embedded;
mod handle;

pub use config::Config;
pub use handle::Handle;
pub use stoa_documents::*;

use crate::quota::Exceeded;

/// The calls of one component on one store hold at most so many bytes in this host at once.
pub const HELD_BYTES_MAX: usize = 256 * 1024 * 1024;

impl From<Exceeded> for Error {
    fn from(exceeded: Exceeded) -> Self {
        Self::Quota(exceeded.0)
    }
}
