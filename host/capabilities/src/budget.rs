//! How many bytes the calls of a handle hold in this host at once.
//!
//! The number of calls bounds nothing: an instance that serves many requests starts thousands without waiting for one.

use tokio::sync::{Semaphore, SemaphorePermit};

/// The bytes that are left; a permit is one byte.
pub(crate) struct Budget(Semaphore);

/// There is no room, and to wait for it would be to hold what needs it. Each noun says it as `Unavailable`.
pub(crate) struct Full;

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Semaphore::new(bytes_max))
    }

    /// For bytes that are here already. What does not fit is refused.
    pub(crate) fn hold(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Full> {
        self.0.try_acquire_many(permits(bytes)).map_err(|_| Full)
    }

    /// For bytes that the store has yet to answer: waits until they fit, in the order of asking. The caller has a
    /// deadline.
    pub(crate) async fn room(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Full> {
        self.0.acquire_many(permits(bytes)).await.map_err(|_| Full)
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a call was found to be within its limits")
}
