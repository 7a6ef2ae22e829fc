//! The stages of a revision's life: it serves, drains, and is ended.
//!
//! Instances learn of a stage through their [`Tenants`], whose waker is registered anyway, so that a request pays for it
//! with one load. What waits without an instance (for a place, for room, for the next event) watches a token.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use stoa_manifest::ComponentId;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::metrics::RUNTIME_REVISIONS;
use crate::request::Tenants;

/// Where a revision is in its life. It only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serving,
    /// It finishes what it has; idle instances go, event streams end after a whole event.
    Draining,
    /// What it still had is cut off.
    Ended,
}

/// The stage that something was told of.
#[derive(Default)]
pub(crate) struct Reached(AtomicU8);

impl Reached {
    pub(crate) fn stage(&self) -> Stage {
        match self.0.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::Draining,
            _ => Stage::Ended,
        }
    }

    /// Whether that was news.
    pub(crate) fn advance(&self, to: Stage) -> bool {
        let to = to as u8;
        self.0.fetch_max(to, Ordering::AcqRel) < to
    }
}

/// A revision's own life: dropped with it, as its last part, so that nothing of it is left when that is told.
pub(crate) struct Life {
    component: ComponentId,
    reached: Reached,
    branches: Mutex<Vec<Weak<Branch>>>,
    gone: CancellationToken,
    alive: metrics::Gauge,
}

impl Life {
    pub(crate) fn new(component: &ComponentId) -> Self {
        let alive = metrics::gauge!(RUNTIME_REVISIONS, "component" => component.to_string());
        alive.increment(1.0);
        Self {
            component: component.clone(),
            reached: Reached::default(),
            branches: Mutex::default(),
            gone: CancellationToken::new(),
            alive,
        }
    }

    /// The revision's life on one more core.
    pub(crate) fn branch(&self) -> Arc<Branch> {
        let branch = Arc::new(Branch::new(&self.component));
        let mut branches = self.branches.lock().expect("listing does not panic");
        branches.retain(|known| known.strong_count() > 0);
        branches.push(Arc::downgrade(&branch));
        // With the list held: who advances either did so before, and is seen here, or finds the new one in it.
        branch.advance(self.reached.stage());
        branch
    }

    pub(crate) fn advance(&self, to: Stage) {
        if self.reached.advance(to) {
            let branches = self.upgraded();
            branches.iter().for_each(|branch| branch.advance(to));
        }
    }

    fn upgraded(&self) -> Vec<Arc<Branch>> {
        let branches = self.branches.lock().expect("listing does not panic");
        branches.iter().filter_map(Weak::upgrade).collect()
    }

    /// Cancelled when the revision is dropped.
    pub(crate) fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.alive.decrement(1.0);
        self.gone.cancel();
    }
}

/// A revision's life on one core. It does not hold the revision: a client that takes its time with an answer must not.
pub(crate) struct Branch {
    pub(crate) component: ComponentId,
    reached: Reached,
    draining: CancellationToken,
    ended: CancellationToken,
    /// The instances there are, by their numbers.
    instances: Mutex<HashMap<u64, Arc<Tenants>>>,
}

impl Branch {
    fn new(component: &ComponentId) -> Self {
        Self {
            component: component.clone(),
            reached: Reached::default(),
            draining: CancellationToken::new(),
            ended: CancellationToken::new(),
            instances: Mutex::default(),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.reached.stage()
    }

    /// Tells all that is of the revision on this core.
    pub(crate) fn advance(&self, to: Stage) {
        if !self.reached.advance(to) {
            return;
        }
        self.draining.cancel();
        if to == Stage::Ended {
            self.ended.cancel();
        }
        let instances: Vec<_> = self.instances().values().cloned().collect();
        instances.iter().for_each(|tenants| tenants.advance(to));
    }

    /// Cancelled when what waits has waited in vain.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Resolves when the stage is reached. For what is polled by hand.
    pub(crate) fn watch(&self, stage: Stage) -> Watch {
        let token = match stage {
            Stage::Ended => &self.ended,
            Stage::Serving | Stage::Draining => &self.draining,
        };
        Box::pin(token.clone().cancelled_owned())
    }

    /// Lists an instance from before it starts, so that it is told of every stage from then on.
    pub(crate) fn enter(self: &Arc<Self>, number: u64, tenants: &Arc<Tenants>) -> Entered {
        // Listed first and told after: whoever advances meanwhile finds it in the list.
        self.instances().insert(number, Arc::clone(tenants));
        tenants.advance(self.stage());
        Entered {
            branch: Arc::clone(self),
            number,
        }
    }

    fn instances(&self) -> MutexGuard<'_, HashMap<u64, Arc<Tenants>>> {
        self.instances.lock().expect("listing does not panic")
    }
}

/// The wait for a stage.
pub(crate) type Watch = Pin<Box<WaitForCancellationFutureOwned>>;

/// An instance's entry in the list.
pub(crate) struct Entered {
    branch: Arc<Branch>,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let left = self.branch.instances().remove(&self.number);
        // Its wakers go after the lock, whatever they do.
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    fn life() -> Life {
        Life::new(&ComponentId::new("guest").expect("it is an id"))
    }

    fn tenants() -> Arc<Tenants> {
        Arc::new(Tenants::new(Duration::from_secs(1)))
    }

    #[test]
    fn instances_learn_of_every_stage_whether_they_were_there_or_came_after() {
        let life = life();
        let (branch, early, late) = (life.branch(), tenants(), tenants());
        let _entered = branch.enter(1, &early);
        assert_eq!(early.stage(), Stage::Serving);
        life.advance(Stage::Draining);
        assert_eq!(early.stage(), Stage::Draining);
        let _entered_too = branch.enter(2, &late);
        assert_eq!(late.stage(), Stage::Draining);
        life.advance(Stage::Ended);
        assert_eq!((early.stage(), late.stage()), (Stage::Ended, Stage::Ended));
    }

    #[test]
    fn a_core_that_comes_late_is_where_the_others_are_and_nothing_goes_back() {
        let life = life();
        life.advance(Stage::Ended);
        life.advance(Stage::Draining);
        let branch = life.branch();
        assert_eq!(branch.stage(), Stage::Ended);
        assert!(branch.ended().is_cancelled());
        assert_eq!(branch.watch(Stage::Draining).now_or_never(), Some(()));
    }

    #[test]
    fn one_core_can_end_alone() {
        let life = life();
        let (one, other) = (life.branch(), life.branch());
        one.advance(Stage::Ended);
        assert_eq!((one.stage(), other.stage()), (Stage::Ended, Stage::Serving));
        assert!(!other.ended().is_cancelled());
    }

    #[test]
    fn an_instance_that_left_is_not_listed_and_a_core_does_not_hold_the_life() {
        let life = life();
        let (branch, gone) = (life.branch(), life.gone());
        drop(branch.enter(1, &tenants()));
        assert!(branch.instances().is_empty());
        assert!(!gone.is_cancelled());
        drop(life);
        assert!(gone.is_cancelled());
    }
}
