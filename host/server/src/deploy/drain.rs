//! Revisions on their way out: what is in flight finishes within a bound, then nothing of them is left, counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use stoa_runtime::Revision;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::prepared::Service;
use crate::admin::messages;

/// Swaps whose revisions drain at once. A further one waits, because each keeps instances and memory beside the new ones.
const DRAINS_MAX: usize = 3;
/// Swaps that were made all the same, and whose revisions wait for their place.
const EARLY_MAX: usize = 1;
/// How long a place is waited for at most, however long drains may take.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(60);
/// What was cut off is gone after this: an instance that does not notice is dropped by the runtime long before.
const GONE_MAX: Duration = Duration::from_secs(10);

/// Where old revisions go.
pub(super) struct Drains {
    places: Arc<Semaphore>,
    early: Arc<Semaphore>,
    drain_max: Duration,
    draining: Mutex<Vec<Draining>>,
    drained: AtomicU64,
    cut_off: AtomicU64,
}

/// The right to take revisions away.
pub(super) enum Place {
    /// They drain at once.
    Now(OwnedSemaphorePermit),
    /// They drain as soon as there is a place. Until then they go on with what they have; nothing new reaches them.
    Early(OwnedSemaphorePermit),
}

/// Revisions that were told to drain, and the wait for each to be gone.
struct Leaving {
    revisions: Vec<Weak<Revision>>,
    gone: JoinSet<()>,
}

/// One revision that is on its way out. It does not hold it.
struct Draining {
    component: String,
    id: String,
    revision: Weak<Revision>,
    since: Instant,
}

impl Drains {
    pub(super) fn new(drain_max: Duration) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(DRAINS_MAX)),
            early: Arc::new(Semaphore::new(EARLY_MAX)),
            drain_max,
            draining: Mutex::default(),
            drained: AtomicU64::new(0),
            cut_off: AtomicU64::new(0),
        })
    }

    /// Waits until one more may drain. `None` when that takes too long.
    pub(super) async fn place(&self) -> Option<Place> {
        self.within(&self.places).await.map(Place::Now)
    }

    /// For what must not wait until something has drained: the way back, and what a fleet serves already.
    pub(super) async fn place_early(&self) -> Option<Place> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Some(Place::Now(place)),
            Err(_) => self.within(&self.early).await.map(Place::Early),
        }
    }

    async fn within(&self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(places).acquire_owned();
        let place = tokio::time::timeout(wait_max(self.drain_max), place).await;
        place.ok()?.ok()
    }

    /// Begins the drain of services that no snapshot names any longer. It goes on by itself, within its bound, whether or
    /// not anybody waits for it; a host that stops has drained its connections before. Without a place, because nothing
    /// was expected to drain, it waits for one.
    pub(super) fn begin(self: &Arc<Self>, place: Option<Place>, services: Vec<Arc<Service>>) {
        if services.is_empty() {
            return;
        }
        match place {
            Some(Place::Now(place)) => {
                let (drains, leaving) = (Arc::clone(self), self.leave(services));
                tokio::spawn(async move {
                    drains.finish(leaving).await;
                    drop(place);
                });
            }
            Some(Place::Early(early)) => self.begin_later(Some(early), services),
            None => self.begin_later(None, services),
        }
    }

    fn begin_later(
        self: &Arc<Self>,
        early: Option<OwnedSemaphorePermit>,
        services: Vec<Arc<Service>>,
    ) {
        let drains = Arc::clone(self);
        tokio::spawn(async move {
            let place = Arc::clone(&drains.places).acquire_owned().await;
            drop(early);
            let leaving = drains.leave(services);
            drains.finish(leaving).await;
            drop(place);
        });
    }

    fn leave(&self, services: Vec<Arc<Service>>) -> Leaving {
        let (mut revisions, mut gone) = (Vec::new(), JoinSet::new());
        for service in services {
            let revision = service.revision();
            self.note(revision);
            revisions.push(Arc::downgrade(revision));
            gone.spawn(revision.gone());
            revision.drain();
        }
        Leaving { revisions, gone }
    }

    async fn finish(&self, leaving: Leaving) {
        let Leaving {
            revisions,
            mut gone,
        } = leaving;
        let all = async { while gone.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain_max, all).await.is_err() {
            self.cut(&revisions);
            let rest = async { while gone.join_next().await.is_some() {} };
            if tokio::time::timeout(GONE_MAX, rest).await.is_err() {
                warn!("something of a drained revision is still there");
            }
        }
        let mut draining = self.draining.lock().expect("listing does not panic");
        let before = draining.len();
        // Gone is what was dropped. What is still there stays in the list, and is looked for again with the next.
        draining.retain(|it| it.revision.strong_count() > 0);
        self.drained
            .fetch_add((before - draining.len()) as u64, Ordering::Relaxed);
    }

    fn cut(&self, revisions: &[Weak<Revision>]) {
        for revision in revisions.iter().filter_map(Weak::upgrade) {
            let (component, id) = (revision.component(), revision.id());
            warn!(%component, revision = %id, drain_max = ?self.drain_max, "still at work after the drain bound, cut off");
            self.cut_off.fetch_add(1, Ordering::Relaxed);
            revision.end();
        }
    }

    fn note(&self, revision: &Arc<Revision>) {
        let (component, id) = (revision.component(), revision.id());
        info!(%component, revision = %id, "draining");
        let draining = Draining {
            component: component.to_string(),
            id: id.to_owned(),
            revision: Arc::downgrade(revision),
            since: Instant::now(),
        };
        self.draining
            .lock()
            .expect("listing does not panic")
            .push(draining);
    }

    /// What drains now.
    pub(super) fn list(&self) -> Vec<messages::Draining> {
        let draining = self.draining.lock().expect("listing does not panic");
        let shown = |it: &Draining| messages::Draining {
            component: it.component.clone(),
            revision: it.id.clone(),
            seconds: it.since.elapsed().as_secs_f64(),
        };
        draining
            .iter()
            .filter(|it| it.revision.strong_count() > 0)
            .map(shown)
            .collect()
    }

    /// Revisions drained since the start, and how many of them were cut off.
    pub(super) fn counted(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.drained), count(&self.cut_off))
    }
}

/// No longer than a drain and what follows it should take.
fn wait_max(drain_max: Duration) -> Duration {
    (drain_max + GONE_MAX).min(PLACE_WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// Long enough that nobody's wait is over during a test.
    fn drains() -> Arc<Drains> {
        Drains::new(Duration::from_secs(3_600))
    }

    async fn taken(drains: &Drains) -> Vec<Place> {
        let mut places = Vec::new();
        for _ in 0..DRAINS_MAX {
            places.push(drains.place().await.expect("there is a place"));
        }
        places
    }

    #[tokio::test]
    async fn a_deploy_waits_for_a_place_and_the_way_back_does_not() {
        let drains = drains();
        let mut places = taken(&drains).await;
        let mut deploy = Box::pin(drains.place());
        assert!((&mut deploy).now_or_never().is_none(), "it waits");
        let early = drains.place_early().await;
        assert!(matches!(early, Some(Place::Early(_))));
        // But not ever more of them.
        let mut further = Box::pin(drains.place_early());
        assert!((&mut further).now_or_never().is_none(), "it waits");
        drop(early);
        assert!(matches!(further.await, Some(Place::Early(_))));
        places.pop();
        assert!(matches!(deploy.await, Some(Place::Now(_))));
    }

    #[test]
    fn a_wait_for_a_place_ends_however_long_drains_may_take() {
        assert_eq!(wait_max(Duration::ZERO), GONE_MAX);
        assert_eq!(wait_max(Duration::from_secs(86_400)), PLACE_WAIT_MAX);
    }

    #[tokio::test]
    async fn a_place_for_nothing_is_given_back() {
        let drains = drains();
        for place in taken(&drains).await {
            drains.begin(Some(place), Vec::new());
        }
        assert!(matches!(drains.place_early().await, Some(Place::Now(_))));
        assert_eq!(drains.counted(), (0, 0));
    }
}
