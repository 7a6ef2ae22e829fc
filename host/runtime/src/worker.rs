//! How instances are made, what one has of its host, and how it ends.

use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};
use wasmtime::Store;

use crate::dump;
use crate::idle::Idle;
use crate::instance::{State, store};
use crate::life::{Branch, Entered, Stage};
use crate::lifetime::Lifetime;
use crate::metrics::{
    RUNTIME_INSTANCES, RUNTIME_INSTANCES_MADE_TOTAL, RUNTIME_INSTANCES_RETIRED_TOTAL,
};
use crate::processor::{Turns, Usage};
use crate::request::Tenants;
use crate::revision::Revision;
use crate::room::{Guest, Room};
use crate::several::Several;
use crate::single::{Live, Program};

/// Why an instance ended that was dropped before it had.
pub(crate) const DROPPED: &str = "the instance was dropped";

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

/// No instance could be made.
#[derive(Debug, thiserror::Error)]
#[error("no instance could be made: {0}")]
pub(crate) struct Unstarted(pub(crate) wasmtime::Error);

/// The instance died before it answered. Why is in the log, and whose fault it was, its tenants tell.
#[derive(Debug, thiserror::Error)]
#[error("the instance died")]
pub(crate) struct Died;

/// The revision was ended before there was an instance.
#[derive(Debug, thiserror::Error)]
#[error("the revision was ended")]
struct Ended;

/// Makes instances of one revision on one core.
pub(crate) struct Workers {
    pub(crate) revision: Arc<Revision>,
    branch: Arc<Branch>,
    share: Share,
    /// Those that have one request at a time, and wait for it.
    idle: Idle,
    /// Those that have several.
    pub(crate) several: Several,
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
            idle: Idle::default(),
            several: Several::default(),
            made,
            alive,
        }
    }

    /// Room, if there is some now.
    pub(crate) fn try_room(&self) -> Option<[OwnedSemaphorePermit; 2]> {
        let own = Arc::clone(&self.share.component).try_acquire_owned().ok()?;
        Some([own, self.share.core.try_take(self.share.weight)?])
    }

    /// Waits for room instead of failing; the request's own deadline ends the wait for its client. The component's share
    /// comes first: while it is full, its requests hold nothing of the core's.
    pub(crate) async fn room(&self) -> [OwnedSemaphorePermit; 2] {
        let own = Arc::clone(&self.share.component).acquire_owned().await;
        let own = own.expect("the semaphore is never closed");
        [own, self.share.core.take(self.share.weight).await]
    }

    /// Makes a store.
    pub(crate) async fn fresh(
        &self,
        room: [OwnedSemaphorePermit; 2],
        program: Option<Program>,
    ) -> Fresh {
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
                share: self.share.clone(),
                _entered: entered,
                _room: room,
            },
        }
    }

    /// Has an instance made, for as long as a request may take.
    pub(crate) async fn started<T>(
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
    pub(crate) async fn unless_ended<T>(
        &self,
        made: Pin<&mut impl Future<Output = wasmtime::Result<T>>>,
    ) -> wasmtime::Result<T> {
        let made = self.branch.ended().run_until_cancelled(made);
        made.await.unwrap_or_else(|| Err(Ended.into()))
    }

    /// An instance that has nothing to do: one that idles, or a fresh one. A `program` is what a command is started with,
    /// always afresh. `begins` is called when one is made.
    pub(crate) async fn live(
        &self,
        program: Option<Program>,
        begins: impl FnOnce() + Send,
    ) -> wasmtime::Result<Live> {
        let live = async {
            let room = match &program {
                Some(_) => self.room().await,
                None => match self.idle_or_room().await {
                    Ok(live) => return Ok(live),
                    Err(room) => room,
                },
            };
            begins();
            self.alone(room, program).await
        };
        self.unless_ended(pin!(live)).await
    }

    /// A fresh instance.
    async fn alone(
        &self,
        room: [OwnedSemaphorePermit; 2],
        program: Option<Program>,
    ) -> wasmtime::Result<Live> {
        let mut fresh = self.fresh(room, program).await;
        let instance = Box::pin(self.revision.pre.instantiate_async(&mut fresh.store));
        let instance = self.started(instance).await?;
        Ok(Live::new(instance, fresh))
    }

    /// An instance that idles, or else room for one.
    async fn idle_or_room(&self) -> Result<Live, [OwnedSemaphorePermit; 2]> {
        if let Some(live) = self.idle.take() {
            return Ok(live);
        }
        if let Some(room) = self.try_room() {
            return Err(room);
        }
        // Who waits for room keeps his place, whatever idles meanwhile and is taken by others.
        let mut room = pin!(self.room());
        loop {
            tokio::select! {
                biased;
                () = self.idle.kept() => {
                    if let Some(live) = self.idle.take() {
                        return Ok(live);
                    }
                }
                room = room.as_mut() => return Err(room),
            }
        }
    }

    /// Has an instance wait for its next request.
    pub(crate) fn keep(self: &Arc<Self>, live: Live) {
        if self.idle.keep(live) {
            tokio::spawn(Self::watch_idle(Arc::downgrade(self)));
        }
    }

    /// Lets instances go that idle for too long, whose room somebody else waits for, or whose revision drains.
    async fn watch_idle(workers: Weak<Self>) {
        loop {
            let Some(this) = workers.upgrade() else {
                return;
            };
            let (room, weight) = (&this.share.core, this.share.weight);
            // Before the look, so that who comes to wait between the two is not missed.
            let mut called = pin!(room.called());
            called.as_mut().enable();
            let draining = this.branch.watch(Stage::Draining);
            let serves = this.branch.stage() == Stage::Serving;
            let next = this.idle.prune(|| !serves || room.is_left(weight));
            let Some(next) = next else {
                return;
            };
            drop(this);
            tokio::select! {
                () = called => {}
                () = draining => {}
                () = tokio::time::sleep_until(next.into()) => {}
            }
        }
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

    /// Its processor time.
    pub(crate) fn usage(&self) -> &Arc<Usage> {
        &self.usage
    }

    /// Whether it may have one more request after so many, where it has one at a time.
    pub(crate) fn may_serve_on(&self, served: usize) -> bool {
        served < self.revision.reuse.requests_max
            && !self.tenants.retired()
            && self.tenants.stage() == Stage::Serving
    }

    /// When it has to go.
    pub(crate) fn lifetime(&self) -> Lifetime {
        let (tenants, usage) = (Arc::clone(&self.tenants), Arc::clone(&self.usage));
        let guest = Guest::new(&self.share.core, self.share.weight);
        Lifetime::new(tenants, usage, self.revision.limits.deadline, guest)
    }

    /// Ends it, with why it did if that was not in order.
    pub(crate) fn end(&self, store: Store<State>, ended: wasmtime::Result<()>) {
        self.usage.waits();
        let start = Instant::now();
        match ended {
            Ok(()) => drop(store),
            Err(error) => {
                self.tenants.die();
                self.report(&error);
                self.let_go(store, error);
            }
        }
        self.usage.ended(start.elapsed());
        self.revision.instance_ended();
        self.alive.decrement(1.0);
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
