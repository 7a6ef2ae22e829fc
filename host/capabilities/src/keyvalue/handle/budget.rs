//! How many bytes the calls of a handle hold in this host at once.
//!
//! The number of calls bounds nothing: an instance that serves many requests starts thousands without waiting for one.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::keyvalue::{
    CALL_BYTES_MAX, Change, Error, HELD_BYTES_MAX, KEY_BYTES_MAX, PAGE_BYTES_MAX, Projection,
    Range, VALUE_BYTES_MAX,
};

/// The bytes that are left; a permit is one byte.
pub(super) struct Budget(Semaphore);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(HELD_BYTES_MAX))
    }

    /// For bytes that are here already. What does not fit is refused: to wait with them would be to hold them.
    pub(super) fn hold(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Error> {
        self.0
            .try_acquire_many(permits(bytes))
            .map_err(|_| Error::Unavailable)
    }

    /// For bytes that the store has yet to answer: waits until they fit, in the order of asking. The caller has a
    /// deadline.
    pub(super) async fn room(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Error> {
        self.0
            .acquire_many(permits(bytes))
            .await
            .map_err(|_| Error::Unavailable)
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a call was found to be within its limits")
}

/// What a batch holds.
pub(super) fn of_changes(changes: &[Change]) -> usize {
    let of_change =
        |change: &Change| change.key.len() + change.action.value().map_or(0, <[u8]>::len);
    changes.iter().map(of_change).sum()
}

/// What the values of `keys` hold at most.
pub(super) fn of_values(keys: &[String]) -> usize {
    CALL_BYTES_MAX.min(keys.len() * VALUE_BYTES_MAX)
}

/// What a page holds at most: the entry that fills it is still part of it.
pub(super) fn of_page(range: &Range) -> usize {
    let entry = match range.projection {
        Projection::Keys => KEY_BYTES_MAX,
        Projection::Values => KEY_BYTES_MAX + VALUE_BYTES_MAX,
    };
    (range.limit * entry).min(PAGE_BYTES_MAX + entry)
}
