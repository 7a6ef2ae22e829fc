//! How instances are made, how long one lives and what it takes on, in the terms of wasmtime's `ProxyHandler`.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tracing::{debug, warn};
use wasmtime::component::{self, GuestTaskId};
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

use crate::dump;
use crate::instance::{State, store};
use crate::life::{Branch, Entered, Stage};
use crate::metrics::{
    RUNTIME_INSTANCES, RUNTIME_INSTANCES_MADE_TOTAL, RUNTIME_INSTANCES_RETIRED_TOTAL,
};
use crate::processor::{Turns, Usage};
use crate::request::{Request, Tenants};
use crate::revision::Revision;
use crate::single::Program;

/// An instance without requests is given back after this.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// An instance that does not notice a cancelled request within this is stuck, and goes with all its requests.
const UNSEEN_MAX: Duration = Duration::from_millis(100);
/// How much later than its last request's deadline an instance goes: the requests' own timers come first.
const DEADLINE_GRACE: Duration = Duration::from_millis(100);
/// An instance that is polled so often without its event loop coming round is computing. With an epoch's length between
/// two polls, that is 20 to 30 ms.
const POLLS_WITHOUT_TURN_MAX: usize = 3;

/// What one component has of one core.
#[derive(Clone)]
pub(crate) struct Share {
    /// The core's part of the instances that this host has room for.
    pub(crate) core: Arc<Semaphore>,
    /// What the component may have of it: never all, so that its neighbours can always start.
    pub(crate) component: Arc<Semaphore>,
    /// Its turns at the processor.
    pub(crate) turns: Arc<Turns>,
}

/// The revision was ended before there was an instance.
#[derive(Debug, thiserror::Error)]
#[error("the revision was ended")]
struct Ended;

/// Makes instances of one revision on one core.
pub(crate) struct Workers {
    pub(crate) revision: Arc<Revision>,
    branch: Arc<Branch>,
    share: Share,
    /// Set when an instance that offered to take requests began to compute instead: whatever is queued for it waits,
    /// so new requests must go elsewhere.
    stalled: Arc<AtomicBool>,
    made: metrics::Counter,
    alive: metrics::Gauge,
}

impl Workers {
    pub(crate) fn new(revision: Arc<Revision>, branch: Arc<Branch>, share: Share) -> Self {
        let made = metrics::counter!(RUNTIME_INSTANCES_MADE_TOTAL, "component" => revision.component.to_string());
        let alive =
            metrics::gauge!(RUNTIME_INSTANCES, "component" => revision.component.to_string());
        Self {
            revision,
            branch,
            share,
            stalled: Arc::default(),
            made,
            alive,
        }
    }

    /// The same, for requests that the instances of this one would keep waiting.
    pub(crate) fn anew(&self) -> Self {
        let (revision, share) = (Arc::clone(&self.revision), self.share.clone());
        Self {
            revision,
            branch: Arc::clone(&self.branch),
            share,
            stalled: Arc::default(),
            made: self.made.clone(),
            alive: self.alive.clone(),
        }
    }

    pub(crate) fn stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// Waits for room, and makes a store there.
    async fn fresh(&self, program: Option<Program>) -> Fresh {
        // Waits for room instead of failing; the request's own deadline ends the wait for its client. The component's
        // share comes first: while it is full, its requests hold nothing of the core's.
        let open = "the semaphore is never closed";
        let own = Arc::clone(&self.share.component)
            .acquire_owned()
            .await
            .expect(open);
        let room = Arc::clone(&self.share.core)
            .acquire_owned()
            .await
            .expect(open);
        let number = self.revision.next_instance();
        let tenants = Arc::new(Tenants::new(self.revision.limits.cpu_max));
        let entered = self.branch.enter(number, &tenants);
        let usage = Usage::new(Arc::clone(&self.share.turns), Arc::clone(&tenants));
        usage.start().await;
        Fresh {
            store: store(&self.revision, number, Arc::clone(&usage), program),
            worker: Worker {
                revision: Arc::clone(&self.revision),
                number,
                tenants,
                usage,
                alive: self.alive.clone(),
                _entered: entered,
                _room: [own, room],
            },
        }
    }

    /// Has an instance made, for as long as a request may take.
    async fn started<T>(
        &self,
        instance: impl Future<Output = wasmtime::Result<T>>,
    ) -> wasmtime::Result<T> {
        let limit = self.revision.limits.deadline;
        let instance = tokio::time::timeout(limit, instance).await??;
        self.made.increment(1);
        self.alive.increment(1.0);
        Ok(instance)
    }

    /// A revision that drains still makes instances, for the requests it has. Once it is ended, nobody waits for one.
    async fn unless_ended<T>(
        &self,
        made: impl Future<Output = wasmtime::Result<T>>,
    ) -> wasmtime::Result<T> {
        let made = self.branch.ended().run_until_cancelled(made);
        made.await.unwrap_or_else(|| Err(Ended.into()))
    }

    /// An instance for whatever it is asked, started with this.
    pub(crate) async fn alone(
        &self,
        program: Option<Program>,
    ) -> wasmtime::Result<(component::Instance, Fresh)> {
        let made = async {
            let mut fresh = self.fresh(program).await;
            let instance = self.revision.pre.instantiate_async(&mut fresh.store);
            let instance = self.started(instance).await?;
            Ok((instance, fresh))
        };
        self.unless_ended(made).await
    }

    /// An instance for wasmtime's `ProxyHandler`.
    async fn shared(&self) -> wasmtime::Result<Instance<State, Lifetime, Worker>> {
        let mut fresh = self.fresh(None).await;
        let pre = self.revision.entries.proxy();
        let pre = pre.expect("only what it knows is given to it");
        let proxy = self
            .started(pre.instantiate_async(&mut fresh.store))
            .await?;
        let Fresh { store, worker } = fresh;
        Ok(Instance {
            store,
            proxy,
            view: State::http,
            expiration: worker.lifetime(Arc::clone(&self.stalled)),
            state: worker,
        })
    }
}

impl HandlerState for Workers {
    type StoreData = State;
    type WorkerExpiration = Lifetime;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Lifetime, Worker>> {
        self.unless_ended(self.shared()).await
    }
}

/// A store that has room, and what keeps its accounts.
pub(crate) struct Fresh {
    pub(crate) store: Store<State>,
    /// After the store: the room is given back with it.
    pub(crate) worker: Worker,
}

/// One instance at work.
pub(crate) struct Worker {
    revision: Arc<Revision>,
    number: u64,
    tenants: Arc<Tenants>,
    usage: Arc<Usage>,
    alive: metrics::Gauge,
    _entered: Entered,
    /// Last, so that whoever gets the room finds nothing of this one.
    _room: [OwnedSemaphorePermit; 2],
}

impl Worker {
    /// The requests it has.
    pub(crate) fn tenants(&self) -> &Arc<Tenants> {
        &self.tenants
    }

    fn lifetime(&self, stalled: Arc<AtomicBool>) -> Lifetime {
        let (tenants, usage) = (Arc::clone(&self.tenants), Arc::clone(&self.usage));
        Lifetime::new(tenants, usage, self.revision.limits.deadline, stalled)
    }

    /// How long an instance lives that no request is queued for.
    pub(crate) fn lifetime_alone(&self) -> Lifetime {
        self.lifetime(Arc::default())
    }

    /// The instance ended while it had something to do.
    fn report(&self, error: &wasmtime::Error) {
        let Revision { component, id, .. } = &*self.revision;
        let instance = self.number;
        if self.tenants.stage() == Stage::Ended {
            debug!(%component, revision = %id, instance, "instance ended with its revision");
            return;
        }
        metrics::counter!(RUNTIME_INSTANCES_RETIRED_TOTAL, "component" => component.to_string())
            .increment(1);
        match self.tenants.retired() {
            // The request's own log line says why it was cancelled.
            true => {
                debug!(%component, revision = %id, instance, "instance retired with a cancelled request")
            }
            false => {
                let error = dump::Shown(error);
                warn!(%component, revision = %id, instance, %error, "instance trapped")
            }
        }
    }
}

impl Worker {
    /// An instance that died goes at once, unless somebody wants to know what was in it.
    fn let_go(&self, store: Store<State>, error: wasmtime::Error) {
        let ended = self.tenants.retired() || self.tenants.stage() == Stage::Ended;
        match &self.revision.dumper {
            Some(dumper) if !ended => dumper.take(&self.revision, self.number, store, error),
            _ => drop(store),
        }
    }
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = Arc<Request>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        // Asked whenever the event loop comes round.
        self.tenants.turn();
        let reuse = &self.revision.reuse;
        match () {
            () if self.tenants.retired() || total >= reuse.requests_max => ShouldAccept::Never,
            () if concurrent >= reuse.requests_concurrent_max => ShouldAccept::No,
            () => ShouldAccept::Yes,
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, State>,
        request: Arc<Request>,
        task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        let telemetry = store.data_mut().telemetry();
        telemetry.begin(Some(task), request.trace());
        Box::pin(request.attach(&self.tenants))
    }

    fn drop(&self, store: Store<State>, result: wasmtime::Result<()>) {
        let start = Instant::now();
        match result {
            Ok(()) => drop(store),
            Err(error) => {
                self.tenants.die();
                self.report(&error);
                self.let_go(store, error);
            }
        }
        self.usage.ended(start.elapsed());
        self.alive.decrement(1.0);
    }
}

/// Decides when an instance has to go. Polled from outside its event loop, so that it works on a stuck one too.
pub(crate) struct Lifetime {
    tenants: Arc<Tenants>,
    usage: Arc<Usage>,
    deadline: Duration,
    stalled: Arc<AtomicBool>,
    timer: Pin<Box<Sleep>>,
    /// Since when a cancelled request has gone unnoticed.
    unseen_since: Option<Instant>,
    turns: usize,
    polls_without_turn: usize,
}

impl Lifetime {
    fn new(
        tenants: Arc<Tenants>,
        usage: Arc<Usage>,
        deadline: Duration,
        stalled: Arc<AtomicBool>,
    ) -> Self {
        let timer = Box::pin(tokio::time::sleep(IDLE_MAX));
        Self {
            tenants,
            usage,
            deadline,
            stalled,
            timer,
            unseen_since: None,
            turns: 0,
            polls_without_turn: 0,
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
        if self.polls_without_turn >= POLLS_WITHOUT_TURN_MAX {
            self.stalled.store(true, Ordering::Relaxed);
        }
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
