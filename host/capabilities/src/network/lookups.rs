//! How many names are looked up at once: by a component, and on the host.
//!
//! A look-up holds a thread for as long as the resolver takes, which nobody can cut short: for half a minute where nobody
//! answers. So who gave up waiting for it still has its turn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use stoa_manifest::ComponentId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Look-ups of one component at once, of all its revisions together; more wait.
pub(super) const PER_COMPONENT_MAX: usize = 8;
/// Look-ups of all components at once; more wait.
pub(super) const PER_HOST_MAX: usize = 64;

/// The look-ups of a host.
pub(super) struct Lookups {
    host: Arc<Semaphore>,
    /// Kept by those who have them.
    components: Mutex<BTreeMap<ComponentId, Weak<Semaphore>>>,
}

/// The look-ups that one component may have at once.
pub(super) struct Turns {
    component: Arc<Semaphore>,
    host: Arc<Semaphore>,
}

/// The right to look one name up: free again when it is dropped.
pub(super) struct Turn {
    _permits: [OwnedSemaphorePermit; 2],
}

// === impl Lookups ===

impl Lookups {
    pub(super) fn new() -> Self {
        Self {
            host: Arc::new(Semaphore::new(PER_HOST_MAX)),
            components: Mutex::default(),
        }
    }

    /// Those of a component: the same for all its revisions, or each deploy would give it more.
    pub(super) fn of(&self, component: Option<&ComponentId>) -> Turns {
        let component = component.map_or_else(fresh, |component| self.shared(component));
        Turns {
            component,
            host: Arc::clone(&self.host),
        }
    }

    fn shared(&self, component: &ComponentId) -> Arc<Semaphore> {
        // Nothing under the lock leaves it half done.
        let components = self.components.lock();
        let mut components = components.unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = components.get(component).and_then(Weak::upgrade) {
            return known;
        }
        components.retain(|_, known| known.strong_count() > 0);
        let turns = fresh();
        components.insert(component.clone(), Arc::downgrade(&turns));
        turns
    }
}

fn fresh() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PER_COMPONENT_MAX))
}

// === impl Turns ===

impl Turns {
    /// Waits for as long as the caller does. That of the component comes first, so that no more than its own wait for one of
    /// all, where turns come in the order of asking.
    pub(super) async fn turn(&self) -> Turn {
        Turn {
            _permits: [acquired(&self.component).await, acquired(&self.host).await],
        }
    }
}

async fn acquired(turns: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let permit = Arc::clone(turns).acquire_owned().await;
    permit.expect("the semaphore is never closed")
}
