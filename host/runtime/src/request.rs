//! One request's ties to the instance that serves it: who waits, who gave up, who shares.
//!
//! A request belongs to two sides that end at different times: the side of the client (the handler, then the response
//! body) and the side of the instance (the worker). They meet in [`Request`] and [`Tenants`], which are counters and
//! wakers and hold no data of either.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;

/// The client waits, for the response or its body.
const WAITING: u8 = 0;
/// The body is complete.
const FINISHED: u8 = 1;
/// The client left or the deadline passed.
const CANCELLED: u8 = 2;

/// One request.
#[derive(Default)]
pub(crate) struct Request {
    state: AtomicU8,
    /// Wakes the worker's wait for this request's response.
    waker: AtomicWaker,
    tenants: OnceLock<Arc<Tenants>>,
}

impl Request {
    /// Called by the worker that took the request.
    pub(crate) fn attach(&self, tenants: &Arc<Tenants>) {
        if self.tenants.set(Arc::clone(tenants)).is_err() {
            return;
        }
        tenants.live.fetch_add(1, Ordering::AcqRel);
        // It may have ended while it was queued: then the leaving was not counted yet.
        if self.state.load(Ordering::Acquire) != WAITING {
            tenants.leave(Leave::Cancelled);
        }
    }

    /// The answer is complete.
    pub(crate) fn finish(&self) {
        self.end(FINISHED, Leave::Finished);
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn cancel(&self) {
        self.end(CANCELLED, Leave::Cancelled);
        self.waker.wake();
    }

    fn end(&self, state: u8, leave: Leave) {
        let first = self
            .state
            .compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if let (true, Some(tenants)) = (first, self.tenants.get()) {
            tenants.leave(leave);
        }
    }

    /// Resolves when nobody waits any more. Polled by the worker, from inside the instance's event loop; that it was
    /// polled shows that the loop is not stuck.
    pub(crate) fn poll_cancelled(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.state.load(Ordering::Acquire) != CANCELLED {
            return Poll::Pending;
        }
        if let Some(tenants) = self.tenants.get() {
            tenants.unseen.fetch_sub(1, Ordering::AcqRel);
        }
        Poll::Ready(())
    }

    /// What became of the instance, where one took the request.
    pub(crate) fn tenants(&self) -> Option<&Tenants> {
        self.tenants.get().map(Arc::as_ref)
    }
}

enum Leave {
    Finished,
    Cancelled,
}

/// The requests of one instance.
#[derive(Default)]
pub(crate) struct Tenants {
    /// Requests whose clients still wait, for a response or the rest of its body.
    live: AtomicUsize,
    /// Cancelled requests that the instance's event loop has not noticed.
    unseen: AtomicUsize,
    /// Set by the first cancelled request: isolation is per instance, so this one takes no more.
    retired: AtomicBool,
    /// Requests that were waiting when the instance died; 0 while it lives or when it ended in order.
    died_with: AtomicUsize,
    waker: AtomicWaker,
}

impl Tenants {
    fn leave(&self, leave: Leave) {
        if let Leave::Cancelled = leave {
            self.retired.store(true, Ordering::Release);
            self.unseen.fetch_add(1, Ordering::AcqRel);
        }
        self.live.fetch_sub(1, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Registers whom to wake when a request leaves.
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

    /// Called when the instance is gone and did not end in order.
    pub(crate) fn die(&self) {
        self.died_with.store(self.live().max(1), Ordering::Release);
    }

    /// Requests that the instance took with it; none where it ended in order.
    pub(crate) fn died_with(&self) -> Option<usize> {
        Some(self.died_with.load(Ordering::Acquire)).filter(|requests| *requests > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_cancelled_before_it_was_taken_retires_the_instance_that_takes_it() {
        let (request, tenants) = (Request::default(), Arc::new(Tenants::default()));
        request.cancel();
        request.attach(&tenants);
        assert_eq!(
            (tenants.live(), tenants.unseen(), tenants.retired()),
            (0, 1, true)
        );
    }

    #[test]
    fn a_finished_request_leaves_its_instance_in_service() {
        let (request, tenants) = (Request::default(), Arc::new(Tenants::default()));
        request.attach(&tenants);
        request.finish();
        request.cancel();
        assert_eq!(
            (tenants.live(), tenants.unseen(), tenants.retired()),
            (0, 0, false)
        );
    }
}
