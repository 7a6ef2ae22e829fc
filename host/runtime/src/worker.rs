//! How instances are made, how long one lives and what it takes on, in the terms of wasmtime's `ProxyHandler`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};
use wasmtime::component::{self, GuestTaskId};
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{HandlerState, Instance, ShouldAccept, WorkerState};

use crate::dump;
use crate::exchange::Exchange;
use crate::instance::{State, store};
use crate::life::{Branch, Entered, Stage};
use crate::lifetime::Lifetime;
use crate::metrics::{
    RUNTIME_INSTANCES, RUNTIME_INSTANCES_MADE_TOTAL, RUNTIME_INSTANCES_RETIRED_TOTAL,
};
use crate::processor::{Turns, Usage};
use crate::request::{Request, Tenants};
use crate::revision::Revision;
use crate::room::{Guest, Room};
use crate::single::Program;

/// What wasmtime says of an instance whose task was dropped before it ended. It takes each of them for one that
/// panicked.
pub(crate) const DROPPED: &str = "worker panicked";

/// A request that waits for an instance is looked at so often: its client may have left, and an instance that became free
/// may have been offered to one whose client had.
const ASKED_AGAIN: Duration = Duration::from_millis(250);

/// What one component has of one core.
#[derive(Clone)]
pub(crate) struct Share {
    /// The core's part of the instances that this host has room for.
    pub(crate) core: Arc<Room>,
    /// How much of that one instance takes.
    pub(crate) weight: usize,
    /// What the component may have of it: never all, so that its neighbours can always start.
    pub(crate) component: Arc<Semaphore>,
    /// Its turns at the processor.
    pub(crate) turns: Arc<Turns>,
}

/// The revision was ended before there was an instance.
#[derive(Debug, thiserror::Error)]
#[error("the revision was ended")]
struct Ended;

/// There is no room for an instance, and maybe no need for one: whoever still wants it asks again.
#[derive(Debug, thiserror::Error)]
#[error("an instance that is there may take it")]
pub(crate) struct Offered;

/// Makes instances of one revision on one core.
pub(crate) struct Workers {
    pub(crate) revision: Arc<Revision>,
    branch: Arc<Branch>,
    share: Share,
    exchange: Arc<Exchange>,
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
            exchange: Arc::default(),
            made,
            alive,
        }
    }

    /// The same, for requests that the instances of this one would keep waiting.
    pub(crate) fn anew(&self) -> Self {
        self.exchange.replace();
        // Those of its instances that idle have nothing to wait for.
        self.share.core.call();
        let (revision, share) = (Arc::clone(&self.revision), self.share.clone());
        Self {
            revision,
            branch: Arc::clone(&self.branch),
            share,
            exchange: Arc::default(),
            made: self.made.clone(),
            alive: self.alive.clone(),
        }
    }

    pub(crate) fn stalled(&self) -> bool {
        self.exchange.is_stalled()
    }

    /// Room, if there is some now.
    fn try_room(&self) -> Option<[OwnedSemaphorePermit; 2]> {
        let own = Arc::clone(&self.share.component).try_acquire_owned().ok()?;
        Some([own, self.share.core.try_take(self.share.weight)?])
    }

    /// Waits for room instead of failing; the request's own deadline ends the wait for its client. The component's share
    /// comes first: while it is full, its requests hold nothing of the core's.
    async fn room(&self) -> [OwnedSemaphorePermit; 2] {
        let own = Arc::clone(&self.share.component).acquire_owned().await;
        let own = own.expect("the semaphore is never closed");
        [own, self.share.core.take(self.share.weight).await]
    }

    /// Makes a store.
    async fn fresh(&self, room: [OwnedSemaphorePermit; 2], program: Option<Program>) -> Fresh {
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
                exchange: Arc::clone(&self.exchange),
                share: self.share.clone(),
                _entered: entered,
                _room: room,
            },
        }
    }

    /// Waits until there is room, or maybe none is needed: an instance is free, or who waited may have given up.
    async fn room_or_offer(&self) -> Option<[OwnedSemaphorePermit; 2]> {
        tokio::select! {
            biased;
            // First, or others would make room for a request that finds an instance.
            () = self.exchange.offer() => None,
            room = self.room() => Some(room),
            () = tokio::time::sleep(ASKED_AGAIN) => None,
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
            let mut fresh = self.fresh(self.room().await, program).await;
            let instance = Box::pin(self.revision.pre.instantiate_async(&mut fresh.store));
            let instance = self.started(instance).await?;
            Ok((instance, fresh))
        };
        self.unless_ended(made).await
    }

    /// An instance for wasmtime's `ProxyHandler`.
    async fn shared(&self) -> wasmtime::Result<Instance<State, Lifetime, Worker>> {
        let room = match self.try_room() {
            Some(room) => room,
            None => self.room_or_offer().await.ok_or(Offered)?,
        };
        let mut fresh = self.fresh(room, None).await;
        let pre = self.revision.entries.proxy();
        let pre = pre.expect("only what it knows is given to it");
        // In a box of its own: what is large is moved several times with the task that it is part of.
        let proxy = Box::pin(pre.instantiate_async(&mut fresh.store));
        let proxy = self.started(proxy).await?;
        let Fresh { store, worker } = fresh;
        if self.revision.reuse.requests_max > 1 {
            self.exchange.add(&worker.tenants);
        }
        Ok(Instance {
            store,
            proxy,
            view: State::http,
            expiration: worker.lifetime(Arc::clone(&self.exchange)),
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
    exchange: Arc<Exchange>,
    share: Share,
    _entered: Entered,
    /// Last, so that whoever gets the room finds nothing of this one.
    _room: [OwnedSemaphorePermit; 2],
}

impl Worker {
    /// The requests it has.
    pub(crate) fn tenants(&self) -> &Arc<Tenants> {
        &self.tenants
    }

    fn lifetime(&self, exchange: Arc<Exchange>) -> Lifetime {
        let (tenants, usage) = (Arc::clone(&self.tenants), Arc::clone(&self.usage));
        let guest = Guest::new(&self.share.core, self.share.weight);
        Lifetime::new(
            tenants,
            usage,
            self.revision.limits.deadline,
            exchange,
            guest,
        )
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
        if was_dropped(error) {
            debug!(%component, revision = %id, instance, "instance ended with its core");
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

/// Whether an instance went with its task, as those that idle when a host stops go with the executor of their core.
/// Nothing happened to it, unless a panic goes through that task now.
fn was_dropped(error: &wasmtime::Error) -> bool {
    !std::thread::panicking() && error.to_string() == DROPPED
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = Arc<Request>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        // Asked whenever the event loop comes round.
        self.tenants.turn();
        let reuse = &self.revision.reuse;
        let accepts = match () {
            () if self.tenants.retired() || total >= reuse.requests_max => ShouldAccept::Never,
            () if concurrent >= reuse.requests_concurrent_max => ShouldAccept::No,
            () => ShouldAccept::Yes,
        };
        let accepted = matches!(accepts, ShouldAccept::Yes);
        if self.tenants.becomes_free(accepted, concurrent) {
            self.exchange
                .announce(reuse.requests_concurrent_max - concurrent);
        }
        accepts
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, State>,
        request: Arc<Request>,
        task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        self.tenants.begin();
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
