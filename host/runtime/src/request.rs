//! One request's ties to the instance that serves it: who waits, who gave up, who shares.
//!
//! A request belongs to two sides that end at different times: the side of the client (the handler, then the response
//! body) and the side of the instance (the queue, then the worker). They meet in [`Request`] and [`Tenants`], which are
//! counters and wakers and hold no data of either.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::AtomicWaker;
use stoa_capabilities::telemetry::Context as Trace;
use tokio::time::Instant;

use crate::admission::Place;
use crate::host::outbound::siblings::{Company, Kin};
use crate::life::{Reached, Stage};

/// The client waits, for the response or its body.
const WAITING: u8 = 0;
/// The body is complete.
const FINISHED: u8 = 1;
/// The client left or the deadline passed.
const CANCELLED: u8 = 2;

/// One request. Its place among the requests in flight is given back when neither side holds it any more: a client that
/// leaves while its request is queued does not make room for the next one to queue.
pub(crate) struct Request {
    state: AtomicU8,
    deadline: Instant,
    /// The worker no longer looks whether it was cancelled: it noticed, or the head of the answer is out.
    unwatched: AtomicBool,
    /// Wakes the worker's wait for this request's response.
    waker: AtomicWaker,
    begun: AtomicBool,
    tenants: OnceLock<Arc<Tenants>>,
    /// Its release, until an instance knows it: a client that is slow to take its answer must not hold that.
    kin: Option<Mutex<Option<Kin>>>,
    /// Where its client says that it stands in a trace.
    trace: Option<Box<Trace>>,
    _place: Place,
}

impl Request {
    /// `kin` is for components that may call others of their release, `trace` for those that ask for it.
    pub(crate) fn new(
        place: Place,
        deadline: Instant,
        kin: Option<Kin>,
        trace: Option<Trace>,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: AtomicU8::new(WAITING),
            deadline,
            unwatched: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            begun: AtomicBool::new(false),
            tenants: OnceLock::new(),
            kin: kin.map(|kin| Mutex::new(Some(kin))),
            trace: trace.map(Box::new),
            _place: place,
        })
    }

    fn take_kin(&self) -> Option<Kin> {
        let mut kin = self.kin.as_ref()?.lock().expect("taking does not panic");
        kin.take()
    }

    /// Called by the worker that took the request; the future resolves when nobody waits for the response any more.
    pub(crate) fn attach(self: Arc<Self>, tenants: &Arc<Tenants>) -> Cancelled {
        if self.tenants.set(Arc::clone(tenants)).is_ok() {
            tenants.arrive(self.deadline);
            if let Some(kin) = self.take_kin() {
                tenants.introduce(kin);
            }
            // It may have ended while it was queued: then the leaving was not counted yet.
            if self.state.load(Ordering::Acquire) != WAITING {
                tenants.leave(Leave::Cancelled { noticed: false });
            }
        }
        Cancelled(self)
    }

    /// The answer is complete.
    pub(crate) fn finish(&self) {
        self.end(FINISHED, Leave::Finished);
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn cancel(&self) {
        let noticed = self.unwatched.load(Ordering::Acquire);
        self.end(CANCELLED, Leave::Cancelled { noticed });
        self.waker.wake();
    }

    fn end(&self, state: u8, leave: Leave) {
        let ended =
            self.state
                .compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire);
        if let (Ok(_), Some(tenants)) = (ended, self.tenants.get()) {
            tenants.leave(leave);
        }
        // One that was never taken may stay in a queue for a while.
        drop(self.take_kin());
    }

    /// From here nobody looks whether it is cancelled; what was cancelled before counts as noticed.
    fn unwatch(&self) {
        let first = !self.unwatched.swap(true, Ordering::AcqRel);
        if let (true, CANCELLED, Some(tenants)) = (
            first,
            self.state.load(Ordering::Acquire),
            self.tenants.get(),
        ) {
            tenants.notice();
        }
    }

    /// Where its client says that it stands in a trace.
    pub(crate) fn trace(&self) -> Option<&Trace> {
        self.trace.as_deref()
    }

    /// Whether anybody waits for the answer.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.state.load(Ordering::Acquire) == WAITING
    }

    /// An instance is being made for it.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Whether an instance has it, or is being made for it.
    pub(crate) fn begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed) || self.tenants.get().is_some()
    }

    /// What became of the instance, where one took the request.
    pub(crate) fn tenants(&self) -> Option<&Tenants> {
        self.tenants.get().map(Arc::as_ref)
    }
}

/// Resolves when a request is cancelled. Polled from inside the instance's event loop: that it is polled, or dropped,
/// shows that the loop is not stuck.
pub(crate) struct Cancelled(Arc<Request>);

impl Future for Cancelled {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.waker.register(cx.waker());
        if self.0.state.load(Ordering::Acquire) != CANCELLED {
            return Poll::Pending;
        }
        self.0.unwatch();
        Poll::Ready(())
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.unwatch();
    }
}

enum Leave {
    Finished,
    Cancelled { noticed: bool },
}

/// The requests of one instance.
pub(crate) struct Tenants {
    /// Requests whose clients still wait, for a response or the rest of its body.
    live: AtomicUsize,
    /// Cancelled requests that the instance's event loop has not noticed.
    unseen: AtomicUsize,
    /// Set by the first cancelled request: isolation is per instance, so this one takes no more.
    retired: AtomicBool,
    /// Requests that were waiting when the instance died; 0 while it lives or when it ended in order.
    died_with: AtomicUsize,
    /// How often the event loop came round.
    turns: AtomicUsize,
    /// The last deadline of all requests it took.
    deadline: Mutex<Option<Instant>>,
    /// Processor time since it last had no request, in microseconds, and what its requests since then are allowed.
    used_us: AtomicU64,
    allowed_us: AtomicU64,
    /// What each request adds.
    cpu_max: Duration,
    overran: AtomicBool,
    /// What the instance was told of its revision's life.
    reached: Reached,
    /// Whom the instance may call, while it is there; nothing for most.
    company: OnceLock<Weak<Company>>,
    waker: AtomicWaker,
}

impl Tenants {
    /// Each request may use `cpu_max` of processor time; so may the start of the instance.
    pub(crate) fn new(cpu_max: Duration) -> Self {
        Self {
            live: AtomicUsize::new(0),
            unseen: AtomicUsize::new(0),
            retired: AtomicBool::new(false),
            died_with: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
            deadline: Mutex::new(None),
            used_us: AtomicU64::new(0),
            allowed_us: AtomicU64::new(micros(cpu_max)),
            cpu_max,
            overran: AtomicBool::new(false),
            reached: Reached::default(),
            company: OnceLock::new(),
            waker: AtomicWaker::new(),
        }
    }

    /// Called by an instance that may call others.
    pub(crate) fn accompany(&self, company: &Arc<Company>) {
        let first = self.company.set(Arc::downgrade(company));
        debug_assert!(first.is_ok(), "an instance has one store");
    }

    /// The release of the request that is started now: from here the instance calls that one's components.
    fn introduce(&self, kin: Kin) {
        if let Some(company) = self.company.get().and_then(Weak::upgrade) {
            // It is one of the live ones by now.
            company.join(kin, self.live() > 1);
        }
    }

    /// Tells the instance what its revision's life has come to.
    pub(crate) fn advance(&self, to: Stage) {
        if self.reached.advance(to) {
            self.waker.wake();
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.reached.stage()
    }

    fn arrive(&self, deadline: Instant) {
        let before = self.live.fetch_add(1, Ordering::AcqRel);
        self.allow(before);
        let mut last = self.deadline.lock().expect("comparing does not panic");
        *last = (*last).max(Some(deadline));
    }

    /// Requests beside one another share the sum of what they are allowed; one that finds the instance empty starts anew.
    fn allow(&self, beside: usize) {
        let more = micros(self.cpu_max);
        match beside {
            0 => {
                self.used_us.store(0, Ordering::Relaxed);
                self.allowed_us.store(more, Ordering::Relaxed);
            }
            _ => drop(self.allowed_us.fetch_add(more, Ordering::Relaxed)),
        }
    }

    /// Adds to the processor time that the instance used.
    ///
    /// # Errors
    /// What was allowed, when it is more than that.
    pub(crate) fn charge(&self, time: Duration) -> Result<(), Duration> {
        let used = self.used_us.fetch_add(micros(time), Ordering::Relaxed) + micros(time);
        let allowed = self.allowed_us.load(Ordering::Relaxed);
        if used <= allowed {
            return Ok(());
        }
        self.overran.store(true, Ordering::Release);
        Err(Duration::from_micros(allowed))
    }

    /// Whether it ended because it used too much processor time.
    pub(crate) fn overran(&self) -> bool {
        self.overran.load(Ordering::Acquire)
    }

    fn leave(&self, leave: Leave) {
        if let Leave::Cancelled { noticed } = leave {
            self.retired.store(true, Ordering::Release);
            self.unseen
                .fetch_add(usize::from(!noticed), Ordering::AcqRel);
        }
        self.live.fetch_sub(1, Ordering::AcqRel);
        self.waker.wake();
    }

    fn notice(&self) {
        self.unseen.fetch_sub(1, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Registers whom to wake when a request leaves, or the revision's life goes on.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }

    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Acquire)
    }

    pub(crate) fn unseen(&self) -> usize {
        self.unseen.load(Ordering::Acquire)
    }

    pub(crate) fn retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// When no request of this instance may still be waiting.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().expect("comparing does not panic")
    }

    /// Called by the event loop whenever it comes round.
    pub(crate) fn turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn turns(&self) -> usize {
        self.turns.load(Ordering::Relaxed)
    }

    /// Called when the instance is gone and did not end in order. A cancelled request counts among those it died with:
    /// what it did may be why.
    pub(crate) fn die(&self) {
        let with = self.live() + usize::from(self.retired());
        self.died_with.store(with.max(1), Ordering::Release);
    }

    /// Requests that the instance took with it; none where it ended in order.
    pub(crate) fn died_with(&self) -> Option<usize> {
        Some(self.died_with.load(Ordering::Acquire)).filter(|requests| *requests > 0)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU_MAX: Duration = Duration::from_millis(20);

    fn tenants() -> Arc<Tenants> {
        Arc::new(Tenants::new(CPU_MAX))
    }

    fn request() -> Arc<Request> {
        Request::new(Place::for_tests(), Instant::now(), None, None)
    }

    fn counts(tenants: &Tenants) -> (usize, usize, bool) {
        (tenants.live(), tenants.unseen(), tenants.retired())
    }

    #[tokio::test]
    async fn a_request_cancelled_before_it_was_taken_retires_the_instance_that_takes_it() {
        let (request, tenants) = (request(), tenants());
        request.cancel();
        let cancelled = request.attach(&tenants);
        assert_eq!(counts(&tenants), (0, 1, true));
        cancelled.await;
        assert_eq!(counts(&tenants), (0, 0, true));
    }

    #[test]
    fn a_finished_request_leaves_its_instance_in_service() {
        let (request, tenants) = (request(), tenants());
        let watched = Arc::clone(&request).attach(&tenants);
        request.finish();
        request.cancel();
        drop(watched);
        assert_eq!(counts(&tenants), (0, 0, false));
    }

    #[test]
    fn a_request_cancelled_after_its_head_is_not_taken_for_one_that_goes_unnoticed() {
        let (request, tenants) = (request(), tenants());
        let watched = Arc::clone(&request).attach(&tenants);
        drop(watched);
        request.cancel();
        assert_eq!(counts(&tenants), (0, 0, true));
    }

    #[test]
    fn a_cancelled_request_goes_unnoticed_until_the_worker_lets_it_go() {
        let (request, tenants) = (request(), tenants());
        let watched = Arc::clone(&request).attach(&tenants);
        request.cancel();
        assert_eq!(counts(&tenants), (0, 1, true));
        drop(watched);
        assert_eq!(counts(&tenants), (0, 0, true));
    }

    #[test]
    fn requests_beside_one_another_share_their_processor_time_and_the_next_alone_has_its_own() {
        let (one, other, tenants) = (request(), request(), tenants());
        let watched = (
            Arc::clone(&one).attach(&tenants),
            Arc::clone(&other).attach(&tenants),
        );
        assert_eq!(tenants.charge(CPU_MAX * 2), Ok(()));
        one.finish();
        other.finish();
        drop(watched);
        let _third = request().attach(&tenants);
        assert_eq!(tenants.charge(CPU_MAX), Ok(()));
        assert!(!tenants.overran());
        assert_eq!(tenants.charge(Duration::from_micros(1)), Err(CPU_MAX));
        assert!(tenants.overran());
    }
}
