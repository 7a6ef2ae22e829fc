//! How much of this host's memory the rows hold that guests have asked for and not read yet.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stoa_manifest::ComponentId;

/// Those of all components hold at most so much, in KiB.
const KIB_MAX: usize = 256 * 1024;
/// Those of one component, in KiB: half, so that whoever asks and never reads leaves as much to the others. Half is what one
/// result may hold unless the runtime configuration says otherwise; with less, results would be refused that are allowed.
const PER_COMPONENT_KIB_MAX: usize = KIB_MAX / 2;

/// The rows of this host.
pub(super) static UNREAD: Unread = Unread::new();

/// What waits to be read, by component and in KiB. All databases and revisions of a component count together.
pub(super) struct Unread(Mutex<BTreeMap<ComponentId, usize>>);

/// The room of one result: free again when it is dropped.
pub(super) struct Held {
    of: &'static Unread,
    component: ComponentId,
    kib: usize,
}

// === impl Unread ===

impl Unread {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Room for a result, if there is some now. Nobody waits for it: the rows are here already, and who is to read others
    /// may be the same guest.
    pub(super) fn hold(&'static self, component: &ComponentId, kib: usize) -> Option<Held> {
        let mut unread = self.lock();
        let all: usize = unread.values().sum();
        let own = unread.get(component).copied().unwrap_or_default();
        if kib > PER_COMPONENT_KIB_MAX - own || kib > KIB_MAX - all {
            return None;
        }
        unread.insert(component.clone(), own + kib);
        Some(Held {
            of: self,
            component: component.clone(),
            kib,
        })
    }

    fn give_back(&self, component: &ComponentId, kib: usize) {
        let mut unread = self.lock();
        if let Some(own) = unread.get_mut(component) {
            *own -= kib;
        }
        unread.retain(|_, own| *own > 0);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ComponentId, usize>> {
        // Nothing under the lock leaves it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Held ===

impl Drop for Held {
    fn drop(&mut self) {
        self.of.give_back(&self.component, self.kib);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ComponentId {
        ComponentId::new(text).expect("it is an id")
    }

    #[test]
    fn whoever_does_not_read_is_refused_and_leaves_half_to_the_others() {
        static POOL: Unread = Unread::new();
        let (one, other) = (id("one"), id("other"));
        assert!(POOL.hold(&one, PER_COMPONENT_KIB_MAX + 1).is_none());
        let first = POOL.hold(&one, 1).expect("all is free");
        assert!(POOL.hold(&one, PER_COMPONENT_KIB_MAX).is_none());
        let rest = POOL.hold(&one, PER_COMPONENT_KIB_MAX - 1);
        let rest = rest.expect("its own is free");
        assert!(POOL.hold(&one, 1).is_none());
        assert!(POOL.hold(&one, 0).is_some(), "nothing needs no room");
        let others = POOL.hold(&other, KIB_MAX - PER_COMPONENT_KIB_MAX);
        assert!(others.is_some(), "it is left to the others");
        drop(first);
        assert!(POOL.hold(&one, 2).is_none());
        assert!(POOL.hold(&one, 1).is_some(), "it was given back");
        drop(rest);
        assert!(POOL.hold(&one, PER_COMPONENT_KIB_MAX).is_some());
    }

    #[test]
    fn what_all_have_not_read_is_bounded_too() {
        static POOL: Unread = Unread::new();
        let [one, other, third] = ["one", "other", "third"].map(id);
        let half = |of: &ComponentId| POOL.hold(of, PER_COMPONENT_KIB_MAX);
        let held = [half(&one), half(&other)];
        assert!(held.iter().all(Option::is_some));
        assert!(POOL.hold(&third, 1).is_none());
        drop(held);
        assert!(half(&third).is_some(), "it was given back");
        assert!(POOL.lock().is_empty());
    }
}
