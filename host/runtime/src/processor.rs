//! How instances share the processor of one core: fair per component, not per instance.
//!
//! Guests are interrupted at every epoch and give way to whatever else the executor has to do. That alone would be fair
//! per instance: fifty that compute would leave one in fifty turns to a neighbour. So an instance that used up its slice
//! takes turns: within its component, then with other components that compute; and where other components have
//! requests, it stands back for four times as long as it computed. Nobody stands back for nothing: on a core that is
//! otherwise idle they compute on. What short requests take is accounted for as well (`shares.rs`).

mod shares;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use stoa_manifest::ComponentId;

use crate::metrics::RUNTIME_CPU_US_TOTAL;
use crate::request::Tenants;
use shares::Share;

pub(crate) use shares::Shares;

/// Guests are interrupted this often.
pub(crate) const EPOCH: Duration = Duration::from_millis(10);
/// A guest that computed for less than a quarter of an epoch did not use up its slice: other threads of the machine had the
/// processor, and that is nobody's fault here.
const SLICE_MIN: Duration = Duration::from_micros(2_500);
/// How many times as long as it computed a component stands back for others.
const STAND_BACK: u32 = 4;
/// What is owed from before that counts no more.
const STAND_BACK_MAX: Duration = Duration::from_millis(50);
/// What a component may owe before it stands back: less is not worth a timer.
const OWED_MIN: Duration = Duration::from_millis(2);
/// What a request takes of a core beside its guest, about: its connection, the filters, the kernel. Measured, as what a
/// guest without work leaves of the processor's time.
const REQUEST: Duration = Duration::from_micros(20);
/// A component counts as computing for so long after it used up a slice.
const HOT: Duration = Duration::from_secs(1);

/// An instance used more processor time than its requests were allowed.
#[derive(Debug, thiserror::Error)]
#[error("the requests of the instance used more than {allowed:?} of processor time")]
pub(crate) struct Overrun {
    allowed: Duration,
}

/// The turns of one component on one core.
pub(crate) struct Turns {
    core: Arc<Semaphore>,
    component: Arc<Semaphore>,
    started: Instant,
    /// When a slice was used up last, in milliseconds since `started` and one; 0 if never.
    burned: AtomicU64,
    /// Microseconds that the component computed and has not stood back for.
    owed_us: AtomicU64,
    /// Requests that came to the core, and those of them that were the component's.
    core_requests: Arc<AtomicU64>,
    own_requests: AtomicU64,
    /// Requests of others when the last slice was used up, and whether there were new ones since the slice before.
    others_seen: AtomicU64,
    others: AtomicBool,
    share: Arc<Share>,
    used: metrics::Counter,
}

impl Turns {
    /// `core` has one permit, for whichever component computes; `core_requests` counts those of all components, and
    /// `shares` are what all of them take.
    pub(crate) fn new(
        core: &Arc<Semaphore>,
        core_requests: &Arc<AtomicU64>,
        shares: &Arc<Shares>,
        component: &ComponentId,
    ) -> Arc<Self> {
        let used = metrics::counter!(RUNTIME_CPU_US_TOTAL, "component" => component.to_string());
        Arc::new(Self {
            used,
            core: Arc::clone(core),
            component: Arc::new(Semaphore::new(1)),
            started: Instant::now(),
            burned: AtomicU64::new(0),
            owed_us: AtomicU64::new(0),
            core_requests: Arc::clone(core_requests),
            own_requests: AtomicU64::new(0),
            others_seen: AtomicU64::new(0),
            others: AtomicBool::new(false),
            share: Share::new(shares),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn burn(&self) {
        self.burned.store(self.now(), Ordering::Relaxed);
    }

    fn hot(&self) -> bool {
        let burned = self.burned.load(Ordering::Relaxed);
        burned > 0 && self.now() - burned < HOT.as_millis() as u64
    }

    /// Counts a request of the component.
    pub(crate) fn arrive(&self) {
        self.core_requests.fetch_add(1, Ordering::Relaxed);
        self.own_requests.fetch_add(1, Ordering::Relaxed);
        self.share.take(REQUEST);
    }

    /// Looks whether others had requests since it looked last. A component does not stand back for its own.
    fn look(&self) {
        let own = self.own_requests.load(Ordering::Relaxed);
        let others = self.core_requests.load(Ordering::Relaxed) - own;
        let before = self.others_seen.swap(others, Ordering::Relaxed);
        self.others.store(others != before, Ordering::Relaxed);
    }

    /// Lets requests of others pass first, where the component took more of the core than they did; or its own, where it is
    /// `crowded`: of more than can be served, most are to be refused, and those must not wait for all that are not.
    pub(crate) async fn pace(&self, crowded: impl Fn() -> bool) {
        let lets_pass = || self.share.is_most(Instant::now()) || crowded();
        // One that computes takes turns anyway.
        if lets_pass() && !self.hot() {
            self.share.pass(lets_pass).await;
        }
    }

    /// The component took so much of the core.
    fn take_time(&self, time: Duration) {
        self.used.increment(time.as_micros() as u64);
        self.share.take(time);
        if self.hot() {
            let time = time.as_micros() as u64;
            self.owed_us.fetch_add(time, Ordering::Relaxed);
        }
    }

    /// Called with the turn held, so that the whole component waits.
    async fn stand_back(&self) {
        let owed = Duration::from_micros(self.owed_us.load(Ordering::Relaxed));
        if owed < OWED_MIN {
            return;
        }
        self.owed_us.store(0, Ordering::Relaxed);
        if self.others.load(Ordering::Relaxed) {
            tokio::time::sleep((owed * STAND_BACK).min(STAND_BACK_MAX)).await;
        }
    }

    async fn take(&self) -> Turn {
        let open = "the semaphore is never closed";
        let component = Arc::clone(&self.component)
            .acquire_owned()
            .await
            .expect(open);
        let core = Arc::clone(&self.core).acquire_owned().await.expect(open);
        Turn(core, component)
    }
}

/// The right to compute for a slice. The core's part is given back first, so that the component's next waits in line.
struct Turn(
    #[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit,
    #[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit,
);

/// What one instance uses of the processor.
pub(crate) struct Usage {
    turns: Arc<Turns>,
    tenants: Arc<Tenants>,
    slice: Mutex<Slice>,
}

#[derive(Default)]
struct Slice {
    /// Since when the guest runs; none while it waits.
    runs: Option<Runs>,
    turn: Option<Turn>,
    /// Between an interruption and going on.
    interrupted: bool,
}

/// Since when a guest runs.
#[derive(Clone, Copy)]
enum Runs {
    /// It waited before. Most do so again before they are interrupted, so this has to be cheap: what the clock says, which
    /// may be a little more than it computed.
    Waited(Instant),
    /// It was interrupted, in this turn of its event loop.
    Interrupted(Moment, usize),
}

impl Runs {
    fn time(self) -> Duration {
        match self {
            Self::Waited(at) => at.elapsed(),
            Self::Interrupted(since, _) => since.computed_since(),
        }
    }
}

impl Usage {
    /// The requests of the instance.
    pub(crate) fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    pub(crate) fn new(turns: Arc<Turns>, tenants: Arc<Tenants>) -> Arc<Self> {
        Arc::new(Self {
            turns,
            tenants,
            slice: Mutex::default(),
        })
    }

    /// Called at every epoch that finds the guest running: accounts for its time and answers how it gives way.
    ///
    /// # Errors
    /// [`Overrun`], which ends the instance.
    pub(crate) fn interrupt(
        self: &Arc<Self>,
    ) -> Result<impl Future<Output = ()> + Send + use<>, Overrun> {
        let burned = self.account()?;
        let usage = Arc::clone(self);
        Ok(async move { usage.give_way(burned).await })
    }

    /// Whether the guest has been running since it last went on: then it used up its slice.
    fn account(&self) -> Result<bool, Overrun> {
        let mut slice = self.slice();
        slice.interrupted = true;
        self.charge(slice.runs.take())
            .map_err(|allowed| Overrun { allowed })
    }

    /// Charges a guest that ran until now, and tells whether it did so without coming back to its event loop.
    fn charge(&self, runs: Option<Runs>) -> Result<bool, Duration> {
        let time = runs.map_or(Duration::ZERO, Runs::time);
        self.turns.take_time(time);
        self.tenants.charge(time)?;
        let used_up = |turn| time >= SLICE_MIN && turn == self.tenants.turns();
        Ok(matches!(runs, Some(Runs::Interrupted(_, turn)) if used_up(turn)))
    }

    /// Whether it was interrupted, and has not gone on: whatever it is asked waits.
    pub(crate) fn computes(&self) -> bool {
        self.slice().interrupted
    }

    /// Called before the instance runs, whether or not it just did.
    pub(crate) fn runs(&self) {
        let mut slice = self.slice();
        if slice.runs.is_none() && !slice.interrupted {
            slice.runs = Some(Runs::Waited(Instant::now()));
        }
    }

    async fn give_way(&self, burned: bool) {
        if burned {
            self.turns.burn();
        }
        // Not wasmtime's own yield: that one goes to the front of tokio's queue and gives way to nobody.
        tokio::task::yield_now().await;
        if self.turns.hot() {
            self.turns.look();
            drop(self.slice().turn.take());
            self.wait_for_turn().await;
        }
        self.go_on();
    }

    /// Called before a new instance runs. One of a component that computes waits for its turn, or fresh instances would
    /// take slices that nobody counts.
    pub(crate) async fn start(&self) {
        if self.turns.hot() {
            self.wait_for_turn().await;
            self.go_on();
        }
        self.runs();
    }

    async fn wait_for_turn(&self) {
        let turn = self.turns.take().await;
        self.turns.stand_back().await;
        self.slice().turn = Some(turn);
    }

    fn go_on(&self) {
        let mut slice = self.slice();
        slice.runs = Some(Runs::Interrupted(Moment::now(), self.tenants.turns()));
        slice.interrupted = false;
    }

    /// Called with what the end of the instance took: its memory, and the trace of a trap.
    pub(crate) fn ended(&self, took: Duration) {
        // It may have ended while it was interrupted, with its turn. That must not wait for whoever still has these accounts.
        *self.slice() = Slice::default();
        self.turns.take_time(took);
    }

    /// Called when the instance waits, or has ended: if it is not for its turn, somebody else can have that.
    pub(crate) fn waits(&self) {
        let mut slice = self.slice();
        if slice.interrupted {
            return;
        }
        slice.turn = None;
        if let runs @ Some(_) = slice.runs.take() {
            // One that is over its time goes when it is interrupted next.
            self.charge(runs).ok();
        }
    }

    fn slice(&self) -> std::sync::MutexGuard<'_, Slice> {
        self.slice.lock().expect("accounting does not panic")
    }
}

/// A moment in the life of a thread.
#[derive(Clone, Copy)]
struct Moment {
    thread: ThreadId,
    computed: Duration,
    at: Instant,
}

impl Moment {
    fn now() -> Self {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        // Never negative, by its definition.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let rest = u32::try_from(time.tv_nsec).unwrap_or(0);
        Self {
            thread: std::thread::current().id(),
            computed: Duration::new(seconds, rest),
            at: Instant::now(),
        }
    }

    /// What the thread has computed since, and not the time that passed: on a machine with more to do than its cores can,
    /// that would charge a guest with what others computed. Guests that serve stay on their core's thread; for one that was
    /// moved (seeds and probes run on the drivers' threads) it is the time that passed after all.
    fn computed_since(&self) -> Duration {
        let now = Self::now();
        match now.thread == self.thread {
            true => now.computed.saturating_sub(self.computed),
            false => self.at.elapsed(),
        }
    }
}
