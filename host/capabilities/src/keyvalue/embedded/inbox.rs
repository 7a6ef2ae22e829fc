//! The calls that wait for a thread, which does not wait for them for ever.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// The receiving end of a channel, for the thread that made this.
pub(super) struct Inbox<T> {
    calls: mpsc::Receiver<T>,
    waker: Waker,
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<T> Inbox<T> {
    /// Belongs to the thread that calls it: this is the one that is woken.
    pub(super) fn new(calls: mpsc::Receiver<T>) -> Self {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        Self { calls, waker }
    }

    /// The next call, or `None` after the last. Pending when none came in this time.
    pub(super) fn next(&mut self, limit: Duration) -> Poll<Option<T>> {
        let end = Instant::now() + limit;
        let mut context = Context::from_waker(&self.waker);
        loop {
            if let Poll::Ready(call) = self.calls.poll_recv(&mut context) {
                return Poll::Ready(call);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Poll::Pending;
            }
            // It may return early for no reason; then the queue is looked at once more.
            thread::park_timeout(left);
        }
    }

    /// A call that waits already.
    pub(super) fn waiting(&mut self) -> Option<T> {
        self.calls.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_empty_queue_is_not_waited_for_any_longer() {
        let (_sender, calls) = mpsc::channel::<u8>(1);
        let mut inbox = Inbox::new(calls);
        assert_eq!(inbox.next(Duration::from_millis(1)), Poll::Pending);
        assert_eq!(inbox.next(Duration::ZERO), Poll::Pending);
    }

    #[test]
    fn what_waits_comes_at_once_and_then_the_end() {
        let (sender, calls) = mpsc::channel(1);
        let mut inbox = Inbox::new(calls);
        sender.try_send(7).expect("there is room");
        assert_eq!(inbox.next(Duration::ZERO), Poll::Ready(Some(7)));
        assert_eq!(inbox.waiting(), None);
        drop(sender);
        assert_eq!(inbox.next(LONG), Poll::Ready(None));
    }

    #[test]
    fn a_call_wakes_the_thread() {
        let (sender, calls) = mpsc::channel(1);
        let waiting = thread::spawn(move || Inbox::new(calls).next(LONG));
        sender.blocking_send(7).expect("the thread is there");
        let woken = waiting.join().expect("it does not panic");
        assert_eq!(woken, Poll::Ready(Some(7)));
    }
}
