//! Where requests that wait for an instance of their own find out that another one is free.
//!
//! wasmtime's `ProxyHandler` has a queue that its instances take requests from. While none of them can take one, it starts
//! an instance for the request and never gives it to another: behind a limit of instances that would be to wait for one
//! that goes, beside others that have nothing to do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use crate::request::Tenants;

/// Between the instances of one `ProxyHandler`, which take requests from its queue, and the requests that left it to have
/// an instance made for them.
#[derive(Default)]
pub(crate) struct Exchange {
    /// Instances that offered to take requests and compute instead: whatever is queued for them waits, so new requests must
    /// go elsewhere.
    stalled: AtomicUsize,
    /// New requests do go elsewhere: there is another one of these.
    replaced: AtomicBool,
    /// Those that live.
    instances: Mutex<Vec<Weak<Tenants>>>,
    /// Requests that wait for room.
    waiting: AtomicUsize,
    free: Notify,
}

/// One request that waits for room.
struct Waiting<'a>(&'a Exchange);

// === impl Exchange ===

impl Exchange {
    /// Counts an instance among those that compute, or no more.
    pub(crate) fn stall(&self, computes: bool) {
        match computes {
            true => self.stalled.fetch_add(1, Ordering::Relaxed),
            false => self.stalled.fetch_sub(1, Ordering::Relaxed),
        };
    }

    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed) > 0
    }

    /// New requests go elsewhere from here; so do those that wait.
    pub(crate) fn replace(&self) {
        self.replaced.store(true, Ordering::Relaxed);
        self.free.notify_waiters();
    }

    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Relaxed)
    }

    /// Another instance, which is told when somebody waits.
    pub(crate) fn add(&self, tenants: &Arc<Tenants>) {
        let mut instances = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        instances.retain(|known| known.strong_count() > 0);
        instances.push(Arc::downgrade(tenants));
    }

    /// Has each instance look whether it is free: it may wait, and not have been asked since.
    fn ask(&self) {
        let instances = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        instances
            .iter()
            .filter_map(Weak::upgrade)
            .for_each(|tenants| tenants.wake());
    }

    /// Resolves when an instance became free that was not. It may be taken again, or have become so before anybody asked:
    /// then the request comes back.
    pub(crate) async fn offer(&self) {
        let _waiting = Waiting::join(self);
        self.free.notified().await;
    }

    /// An instance became free, and takes so many.
    pub(crate) fn announce(&self, takes: usize) {
        // One more than wait now: a wait may be about to begin.
        let waiting = self.waiting.load(Ordering::Relaxed) + 1;
        for _ in 0..takes.min(waiting) {
            self.free.notify_one();
        }
    }
}

// === impl Waiting ===

impl<'a> Waiting<'a> {
    fn join(exchange: &'a Exchange) -> Self {
        exchange.waiting.fetch_add(1, Ordering::Relaxed);
        exchange.ask();
        Self(exchange)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
