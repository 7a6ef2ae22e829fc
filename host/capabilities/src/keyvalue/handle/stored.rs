//! What a handle has stored, against its quota.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::keyvalue::{Change, Error, Store};
use crate::quota;

/// What a number takes as text, at most.
pub(super) const NUMBER_BYTES_MAX: usize = 20;

/// Bytes of keys and values within the grant.
pub(super) struct Stored {
    quota: quota::Stored,
    /// Bytes that were admitted but are not in the store yet: measuring it does not find them.
    arriving: AtomicU64,
}

/// Bytes on their way into the store, until they are there or are known never to come.
pub(super) struct Arriving<'a> {
    stored: &'a Stored,
    bytes: u64,
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.stored
            .arriving
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Stored {
    pub(super) fn new(bytes_max: Option<u64>) -> Self {
        Self {
            quota: quota::Stored::new(bytes_max),
            arriving: AtomicU64::new(0),
        }
    }

    /// Makes room for bytes before they are written. What stores nothing is never refused: it may be what makes room.
    pub(super) async fn admit(
        &self,
        bytes: usize,
        store: &dyn Store,
        prefix: &str,
    ) -> Result<Arriving<'_>, Error> {
        let bytes = bytes as u64;
        if bytes > 0 {
            let measure = async {
                let stored = store.usage(prefix.to_owned()).await?;
                Ok::<_, Error>(stored.saturating_add(self.arriving.load(Ordering::Relaxed)))
            };
            self.quota.admit(bytes, measure).await?;
        }
        self.arriving.fetch_add(bytes, Ordering::Relaxed);
        Ok(Arriving {
            stored: self,
            bytes,
        })
    }
}

/// What a batch stores: as if nothing was there before, which only a measure would tell.
pub(super) fn of_changes(changes: &[Change]) -> usize {
    let of_change = |change: &Change| {
        let value = change.action.value();
        value.map_or(0, |value| change.key.len() + value.len())
    };
    changes.iter().map(of_change).sum()
}

/// What a sum stores at most.
pub(super) fn of_sum(key: &str) -> usize {
    key.len() + NUMBER_BYTES_MAX
}
