//! How many bytes the calls of a handle hold in this host at once.
//!
//! The number of calls bounds nothing: an instance that serves many requests starts thousands without waiting for one.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::documents::key::TEXT_BYTES_MAX;
use crate::documents::{
    CALL_BYTES_MAX, DOCUMENT_BYTES_MAX, Error, Facet, HELD_BYTES_MAX, PAGE_BYTES_MAX,
};

/// What a page holds at most: the document that fills it is still part of it.
pub(super) const OF_PAGE: usize = PAGE_BYTES_MAX + DOCUMENT_BYTES_MAX;

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

/// What so many documents hold at most.
pub(super) fn of_ids(count: usize) -> usize {
    CALL_BYTES_MAX.min(count * DOCUMENT_BYTES_MAX)
}

/// What the buckets of facets hold at most.
pub(super) fn of_facets(facets: &[Facet]) -> usize {
    let buckets: usize = facets.iter().map(|facet| facet.limit).sum();
    buckets * TEXT_BYTES_MAX
}
