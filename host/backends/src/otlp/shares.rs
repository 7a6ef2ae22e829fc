//! How much of a queue the items of one component have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What waits in a queue, by component. All revisions of a component count together.
pub(super) struct Shares {
    items_max: usize,
    bytes_max: usize,
    waiting: Mutex<BTreeMap<Arc<str>, Amount>>,
}

#[derive(Clone, Copy, Default)]
struct Amount {
    items: usize,
    bytes: usize,
}

/// The part of one item: free again when it is dropped.
pub(super) struct Share {
    of: Arc<Shares>,
    component: Arc<str>,
    bytes: usize,
}

// === impl Shares ===

impl Shares {
    /// So much for each component.
    pub(super) fn new(items_max: usize, bytes_max: usize) -> Self {
        Self {
            items_max,
            bytes_max,
            waiting: Mutex::default(),
        }
    }

    /// A part for an item more, if the component has one left.
    pub(super) fn take(self: &Arc<Self>, component: &Arc<str>, bytes: usize) -> Option<Share> {
        let mut waiting = self.lock();
        let own = waiting.get(component).copied().unwrap_or_default();
        if own.items >= self.items_max || bytes > self.bytes_max - own.bytes {
            return None;
        }
        let own = Amount {
            items: own.items + 1,
            bytes: own.bytes + bytes,
        };
        waiting.insert(Arc::clone(component), own);
        Some(Share {
            of: Arc::clone(self),
            component: Arc::clone(component),
            bytes,
        })
    }

    fn give_back(&self, component: &Arc<str>, bytes: usize) {
        let mut waiting = self.lock();
        if let Some(own) = waiting.get_mut(component) {
            own.items -= 1;
            own.bytes -= bytes;
        }
        waiting.retain(|_, own| own.items > 0);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Amount>> {
        // Nothing under the lock leaves it half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Share ===

impl Drop for Share {
    fn drop(&mut self) {
        self.of.give_back(&self.component, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_refused_over_its_own_part_until_that_is_given_back() {
        let shares = Arc::new(Shares::new(2, 10));
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        assert!(shares.take(&one, 11).is_none(), "bytes");
        let first = shares.take(&one, 4).expect("all is free");
        assert!(shares.take(&one, 7).is_none(), "bytes");
        let second = shares.take(&one, 1).expect("it is free");
        assert!(shares.take(&one, 1).is_none(), "items");
        assert!(shares.take(&other, 10).is_some(), "it has its own");
        drop(first);
        assert!(shares.take(&one, 9).is_some(), "it was given back");
        drop(second);
        assert!(shares.lock().is_empty());
    }
}
