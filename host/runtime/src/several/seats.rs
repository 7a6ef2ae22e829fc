//! The place of one instance among those of its component: what it was given, what it runs, and whether it takes more.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::Instant;

use futures::task::AtomicWaker;
use tokio::sync::{Notify, oneshot};
use wasmtime_wasi_http::WasiBody;

use crate::lifetime::Status;
use crate::processor::Usage;
use crate::request::{Request, Tenants};
use crate::revision::Reuse;
use crate::worker::Worker;

/// Where requests wait for an instance that can take one.
#[derive(Default)]
pub(super) struct Free {
    waiting: AtomicUsize,
    pub(super) instance: Notify,
}

/// One of those who wait.
pub(super) struct Waiting<'a>(&'a Free);

/// How many requests an instance has and may have; what its event loop shares with those who bring them.
pub(super) struct Seats {
    given: Mutex<VecDeque<Given>>,
    /// Requests that it began and that have not ended; and all that it ever began.
    running: AtomicUsize,
    begun: AtomicUsize,
    running_max: usize,
    begun_max: usize,
    /// The guest wants no more for now.
    pub(super) refuses: AtomicBool,
    ended: AtomicBool,
    /// The event loop may begin with a request.
    may_begin: AtomicBool,
    pub(super) woken: Arc<Woken>,
    status: Mutex<(Status, Instant)>,
    pub(super) tenants: Arc<Tenants>,
    usage: Arc<Usage>,
    pub(super) room: Arc<Free>,
}

/// Wakes the task of an instance, and tells whether its requests have anything to do: the event loop turns for every step
/// of a guest, and few steps are one of theirs.
#[derive(Default)]
pub(super) struct Woken {
    is: AtomicBool,
    task: AtomicWaker,
}

/// A request that was given to an instance.
pub(super) struct Given {
    pub(super) ties: Arc<Request>,
    pub(super) request: http::Request<WasiBody>,
    pub(super) answer: oneshot::Sender<Told>,
}

/// What becomes of a request that was given to an instance; nothing, where that died.
pub(super) enum Told {
    Answered(wasmtime::Result<http::Response<WasiBody>>),
    /// The instance ended before it began this one.
    Again(http::Request<WasiBody>),
}

// === impl Free ===

impl Free {
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// Those who wait look at an instance that may take some of them.
    pub(super) fn announce(&self, seats: &Seats) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting > 0 {
            let all = waiting.min(seats.free());
            (0..all).for_each(|_| self.instance.notify_one());
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Woken ===

impl Woken {
    /// Whom it wakes from now on.
    pub(super) fn register(&self, task: &Waker) {
        self.task.register(task);
    }

    fn set(&self) {
        self.is.store(true, Ordering::Release);
    }

    /// Whether it was woken since this was asked last.
    pub(super) fn take(&self) -> bool {
        self.is.load(Ordering::Relaxed) && self.is.swap(false, Ordering::Acquire)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set();
        self.task.wake();
    }
}

// === impl Seats ===

impl Seats {
    /// Of a fresh instance.
    pub(super) fn new(worker: &Worker, reuse: &Reuse, room: Arc<Free>) -> Self {
        Self {
            given: Mutex::default(),
            running: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            running_max: reuse.requests_concurrent_max,
            begun_max: reuse.requests_max,
            refuses: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            may_begin: AtomicBool::new(false),
            woken: Arc::default(),
            status: Mutex::new((Status::Idle, Instant::now())),
            tenants: Arc::clone(worker.tenants()),
            usage: Arc::clone(worker.usage()),
            room,
        }
    }

    /// Gives it a request: one who saw that it can take one, without waiting in between.
    pub(super) fn give(&self, given: Given) {
        self.given().push_back(given);
        self.woken.wake_by_ref();
        if self.have_ended() {
            self.give_back();
        }
    }

    /// Requests that it can take now.
    pub(super) fn free(&self) -> usize {
        if self.tenants.retired()
            || self.refuses.load(Ordering::Relaxed)
            || self.have_ended()
            // One that computes would have them wait.
            || self.usage.computes()
        {
            return 0;
        }
        let given = self.given().len();
        let running = self.running.load(Ordering::Relaxed) + given;
        let begun = self.begun.load(Ordering::Relaxed) + given;
        let beside = self.running_max.saturating_sub(running);
        beside.min(self.begun_max.saturating_sub(begun))
    }

    /// The next request that somebody waits for still.
    pub(super) fn next(&self) -> Option<Given> {
        loop {
            let given = self.given().pop_front()?;
            if given.ties.is_waited_for() {
                self.running.fetch_add(1, Ordering::Relaxed);
                self.begun.fetch_add(1, Ordering::Relaxed);
                return Some(given);
            }
        }
    }

    /// A request that is not begun by now would wait for a guest that wants no more, for one that blocks in a call of the
    /// host, or for ever: it is for another instance. This one is asked again when its event loop comes round.
    pub(super) fn check_begun(&self) {
        if !self.given().is_empty() {
            self.refuses.store(true, Ordering::Relaxed);
            self.give_back();
        }
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.tenants.retired() || self.begun.load(Ordering::Relaxed) >= self.begun_max
    }

    /// The event loop may begin with a request, and with no other before this is called again.
    pub(super) fn let_begin(&self) {
        self.may_begin.store(true, Ordering::Relaxed);
        self.woken.set();
    }

    /// Whether it has begun with one since it was let, and another one is there.
    pub(super) fn would_begin(&self) -> bool {
        !self.may_begin.load(Ordering::Relaxed) && !self.given().is_empty()
    }

    /// Whether it may begin with a request, if there is one; then with no other.
    pub(super) fn begins(&self) -> bool {
        !self.given().is_empty() && self.may_begin.swap(false, Ordering::Relaxed)
    }

    pub(super) fn have_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    pub(super) fn finished(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn is_in(&self, status: Status) {
        let mut before = self.status();
        if before.0 != status {
            *before = (status, Instant::now());
        }
    }

    /// Whether it matters if the guest wants more.
    pub(super) fn is_asked(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
            || self.room.waiting.load(Ordering::Relaxed) > 0
            || !self.given().is_empty()
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.give_back();
    }

    fn give_back(&self) {
        let given = std::mem::take(&mut *self.given());
        for Given {
            request, answer, ..
        } in given
        {
            // Whoever brought it may have left.
            answer.send(Told::Again(request)).ok();
        }
    }

    fn have_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn given(&self) -> MutexGuard<'_, VecDeque<Given>> {
        // Requests are whole whatever happened to a thread that held the lock.
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> MutexGuard<'_, (Status, Instant)> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::task::noop_waker_ref;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whatever_wakes_an_instance_is_seen_once_and_wakes_its_task() {
        let (woken, task) = (Arc::new(Woken::default()), Arc::new(Task::default()));
        assert!(!woken.take());
        woken.register(&Waker::from(Arc::clone(&task)));
        let waker = Waker::from(Arc::clone(&woken));
        waker.wake_by_ref();
        assert_eq!(task.0.load(Ordering::Relaxed), 1);
        assert!(woken.take());
        assert!(!woken.take());
    }

    #[test]
    fn what_comes_before_the_task_waits_is_seen_all_the_same() {
        let woken = Arc::new(Woken::default());
        Waker::from(Arc::clone(&woken)).wake();
        woken.register(noop_waker_ref());
        assert!(woken.take());
    }
}
