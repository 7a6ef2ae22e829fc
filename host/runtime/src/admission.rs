//! Who is served now, who waits, who is refused: one per revision and core.
//!
//! What waits here has cost nothing but its connection, and can be refused or forgotten without an instance having seen it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::Error;
use crate::life::Branch;
use crate::metrics::{RUNTIME_QUEUE_MS, RUNTIME_REQUESTS_IN_FLIGHT, RUNTIME_REQUESTS_QUEUED};
use crate::revision::Revision;

/// The places of one core.
pub(crate) struct Admission {
    revision: Arc<Revision>,
    branch: Arc<Branch>,
    places: Arc<Semaphore>,
    in_flight: metrics::Gauge,
    queued: metrics::Gauge,
    waited: metrics::Histogram,
}

impl Admission {
    /// At most `places` requests are served at once.
    pub(crate) fn new(revision: &Arc<Revision>, branch: &Arc<Branch>, places: usize) -> Self {
        let component = revision.component.to_string();
        Self {
            revision: Arc::clone(revision),
            branch: Arc::clone(branch),
            places: Arc::new(Semaphore::new(places)),
            in_flight: metrics::gauge!(RUNTIME_REQUESTS_IN_FLIGHT, "component" => component.clone()),
            queued: metrics::gauge!(RUNTIME_REQUESTS_QUEUED, "component" => component.clone()),
            waited: metrics::histogram!(RUNTIME_QUEUE_MS, "component" => component),
        }
    }

    /// A place, at once or after a wait that ends at `until`.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too many wait already, or the wait was too long; [`Error::Retired`] when the revision
    /// was ended meanwhile.
    pub(crate) async fn enter(&self, until: Instant) -> Result<Place, Error> {
        // Nobody overtakes: a place that becomes free goes to who waits longest.
        let permit = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait(until).await?,
        };
        self.in_flight.increment(1.0);
        Ok(Place(Some((permit, self.in_flight.clone()))))
    }

    async fn wait(&self, until: Instant) -> Result<OwnedSemaphorePermit, Error> {
        let _waiting = Waiting::join(self)?;
        let since = Instant::now();
        let place = Arc::clone(&self.places).acquire_owned();
        let place = self.branch.ended().run_until_cancelled(place);
        let place = tokio::time::timeout_at(until, place).await;
        self.waited.record(since.elapsed().as_secs_f64() * 1_000.0);
        match place {
            Ok(Some(permit)) => Ok(permit.expect("the semaphore is never closed")),
            Ok(None) => Err(Error::Retired),
            Err(_) => Err(Error::Overloaded),
        }
    }
}

/// One of those who wait.
struct Waiting<'a>(&'a Admission);

impl<'a> Waiting<'a> {
    fn join(admission: &'a Admission) -> Result<Self, Error> {
        // Counted first and judged after: the guard gives back what was one too many.
        let before = admission.revision.queued.fetch_add(1, Ordering::Relaxed);
        admission.queued.increment(1.0);
        let waiting = Self(admission);
        match before < admission.revision.limits.requests_queued_max {
            true => Ok(waiting),
            false => Err(Error::Overloaded),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.revision.queued.fetch_sub(1, Ordering::Relaxed);
        self.0.queued.decrement(1.0);
    }
}

/// A place among the component's requests in flight, given back when it is dropped.
pub(crate) struct Place(Option<(OwnedSemaphorePermit, metrics::Gauge)>);

impl Place {
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((_, in_flight)) = &self.0 {
            in_flight.decrement(1.0);
        }
    }
}
