//! When an instance has to go.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::life::Stage;
use crate::processor::Usage;
use crate::request::Tenants;
use crate::room::Guest;
use crate::worker::Worker;

/// An instance without requests is given back after this.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(10);
/// An instance that does not notice a cancelled request within this is stuck, and goes with all its requests.
const UNSEEN_MAX: Duration = Duration::from_millis(100);
/// How much later than its last request's deadline an instance goes: the requests' own timers come first.
const DEADLINE_GRACE: Duration = Duration::from_millis(100);

/// What an instance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It waits for a request.
    Idle,
    /// It has one, at least, that is not answered.
    Requests,
    /// It has answered all, and is not done.
    PostReturn,
}

/// Runs an instance until it ends, or has to go: then there is no outcome. Watched from outside, so that it works on a guest
/// that computes. The status is what it does, and since when.
pub(crate) async fn watched<T>(
    mut running: Pin<&mut (impl Future<Output = T> + Send + ?Sized)>,
    worker: &Worker,
    mut status: impl FnMut() -> (Status, Instant) + Send,
) -> Option<T> {
    let usage = worker.usage();
    // Most calls never wait.
    let mut lifetime: Option<Pin<Box<Lifetime>>> = None;
    poll_fn(|cx| {
        usage.runs();
        if let Poll::Ready(ended) = running.as_mut().poll(cx) {
            usage.waits();
            return Poll::Ready(Some(ended));
        }
        let (status, since) = status();
        let lifetime = lifetime.get_or_insert_with(|| Box::pin(worker.lifetime()));
        lifetime.as_mut().poll(cx, status, since).map(|()| None)
    })
    .await
}

/// Decides when an instance has to go. Polled from outside its event loop, so that it works on a stuck one too.
pub(crate) struct Lifetime {
    tenants: Arc<Tenants>,
    usage: Arc<Usage>,
    deadline: Duration,
    guest: Guest,
    timer: Pin<Box<Sleep>>,
    /// Since when a cancelled request has gone unnoticed.
    unseen_since: Option<Instant>,
}

impl Lifetime {
    /// `deadline` is a request's.
    pub(crate) fn new(
        tenants: Arc<Tenants>,
        usage: Arc<Usage>,
        deadline: Duration,
        guest: Guest,
    ) -> Self {
        Self {
            tenants,
            usage,
            deadline,
            guest,
            timer: Box::pin(tokio::time::sleep(IDLE_MAX)),
            unseen_since: None,
        }
    }

    /// A timer that is set too early is set again when it fires: most requests end long before their limits, and
    /// setting it for each would cost more than the rare time it fires for nothing.
    fn poll_at(&mut self, cx: &mut Context<'_>, at: tokio::time::Instant) -> Poll<()> {
        if self.timer.deadline() > at {
            self.timer.as_mut().reset(at);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if tokio::time::Instant::now() >= at {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(at);
        }
        Poll::Pending
    }

    fn poll_after(&mut self, cx: &mut Context<'_>, start: Instant, wait: Duration) -> Poll<()> {
        self.poll_at(cx, (start + wait).into())
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: Status,
        start: Instant,
    ) -> Poll<()> {
        let this = self.get_mut();
        this.tenants.watch(cx);
        this.usage.waits();
        let (live, unseen, retired) = (
            this.tenants.live(),
            this.tenants.unseen(),
            this.tenants.retired(),
        );
        // Read after `watch`, which is who a later stage wakes.
        let stage = this.tenants.stage();
        if unseen == 0 {
            this.unseen_since = None;
        }
        match status {
            _ if stage == Stage::Ended => Poll::Ready(()),
            // Unless a client still takes its answer, nobody needs it.
            Status::Idle if stage == Stage::Draining && live == 0 => Poll::Ready(()),
            Status::Idle if live == 0 && this.guest.gives_way(cx) => Poll::Ready(()),
            Status::Idle => this.poll_after(cx, start, IDLE_MAX),
            // The last client is gone: nobody misses what the guest still does.
            _ if retired && live == 0 => Poll::Ready(()),
            // All answers are out; what a guest does after them is bounded too.
            _ if live == 0 => this.poll_after(cx, start, this.deadline),
            // Others share the instance. It ends in order when they are done, unless it is stuck.
            Status::Requests if unseen > 0 => {
                let since = *this.unseen_since.get_or_insert_with(Instant::now);
                this.poll_after(cx, since, UNSEEN_MAX)
            }
            // Requests have timers of their own, but those of a client that takes nothing are not polled.
            _ => match this.tenants.deadline() {
                Some(last) => this.poll_at(cx, last + DEADLINE_GRACE),
                None => Poll::Pending,
            },
        }
    }
}
