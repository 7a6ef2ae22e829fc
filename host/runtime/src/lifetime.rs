//! When an instance has to go.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;
use wasmtime_wasi_http::handler::{WorkerExpiration, WorkerStatus};

use crate::exchange::Exchange;
use crate::life::Stage;
use crate::processor::Usage;
use crate::request::Tenants;
use crate::room::Guest;

/// An instance without requests is given back after this.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// An instance that does not notice a cancelled request within this is stuck, and goes with all its requests.
const UNSEEN_MAX: Duration = Duration::from_millis(100);
/// How much later than its last request's deadline an instance goes: the requests' own timers come first.
const DEADLINE_GRACE: Duration = Duration::from_millis(100);
/// An instance that is polled so often without its event loop coming round is computing. With an epoch's length between
/// two polls, that is 20 to 30 ms.
const POLLS_WITHOUT_TURN_MAX: usize = 3;

/// Decides when an instance has to go. Polled from outside its event loop, so that it works on a stuck one too.
pub(crate) struct Lifetime {
    tenants: Arc<Tenants>,
    usage: Arc<Usage>,
    deadline: Duration,
    exchange: Arc<Exchange>,
    guest: Guest,
    timer: Pin<Box<Sleep>>,
    /// Since when a cancelled request has gone unnoticed.
    unseen_since: Option<Instant>,
    turns: usize,
    polls_without_turn: usize,
    /// Whether it is one of the exchange's stalled ones.
    stalled: bool,
}

impl Lifetime {
    /// `deadline` is a request's.
    pub(crate) fn new(
        tenants: Arc<Tenants>,
        usage: Arc<Usage>,
        deadline: Duration,
        exchange: Arc<Exchange>,
        guest: Guest,
    ) -> Self {
        Self {
            tenants,
            usage,
            deadline,
            exchange,
            guest,
            timer: Box::pin(tokio::time::sleep(IDLE_MAX)),
            unseen_since: None,
            turns: 0,
            polls_without_turn: 0,
            stalled: false,
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

    /// Notices an instance that computes while it has requests: it offers to take more and does not.
    fn watch_turns(&mut self, status: WorkerStatus) {
        let turns = self.tenants.turns();
        let computing = turns == self.turns
            && matches!(status, WorkerStatus::Requests | WorkerStatus::PostReturn);
        self.polls_without_turn = if computing {
            self.polls_without_turn + 1
        } else {
            0
        };
        self.turns = turns;
        // One that computes and offered nothing is in nobody's way.
        let stalled = self.polls_without_turn >= POLLS_WITHOUT_TURN_MAX && self.tenants.is_free();
        self.stall(stalled);
    }

    fn stall(&mut self, stalled: bool) {
        if stalled != self.stalled {
            self.exchange.stall(stalled);
            self.stalled = stalled;
        }
    }

    /// Whether nobody comes any more, or somebody else needs its room.
    fn is_in_the_way(&mut self, cx: &mut Context<'_>) -> bool {
        self.exchange.is_replaced() || self.guest.gives_way(cx)
    }
}

impl Drop for Lifetime {
    fn drop(&mut self) {
        self.stall(false);
    }
}

impl WorkerExpiration for Lifetime {
    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let this = self.get_mut();
        this.tenants.watch(cx);
        this.usage.waits();
        this.tenants.wait();
        this.watch_turns(status);
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
            // Unless a client still takes its answer, nobody needs it. A request that is queued while it leaves gets
            // another one: its `ProxyHandler` looks into the queue when the last worker is gone.
            WorkerStatus::Idle if stage == Stage::Draining && live == 0 => Poll::Ready(()),
            WorkerStatus::Idle if live == 0 && this.is_in_the_way(cx) => Poll::Ready(()),
            WorkerStatus::Idle => this.poll_after(cx, start, IDLE_MAX),
            // The last client is gone: nobody misses what the guest still does.
            _ if retired && live == 0 => Poll::Ready(()),
            // All answers are out; what a guest does after them is bounded too.
            _ if live == 0 => this.poll_after(cx, start, this.deadline),
            // Others share the instance. It ends in order when they are done, unless it is stuck.
            WorkerStatus::Requests if unseen > 0 => {
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
