//! How long an instance lives and what it takes on, in the terms of wasmtime's `ProxyHandler`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tracing::{debug, warn};
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

use crate::instance::{State, store};
use crate::metrics::{RUNTIME_INSTANCES_MADE_TOTAL, RUNTIME_INSTANCES_RETIRED_TOTAL};
use crate::request::{Request, Tenants};
use crate::revision::Revision;

/// An instance without requests is given back after this.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// An instance that does not notice a cancelled request within this is stuck, and goes with all its requests.
const UNSEEN_MAX: Duration = Duration::from_millis(100);

/// Makes instances of one revision on one core.
pub(crate) struct Workers {
    pub(crate) revision: Arc<Revision>,
    /// The core's share of the instances that this host has room for.
    pub(crate) instances: Arc<Semaphore>,
    made: metrics::Counter,
}

impl Workers {
    pub(crate) fn new(revision: Arc<Revision>, instances: Arc<Semaphore>) -> Self {
        let made = metrics::counter!(RUNTIME_INSTANCES_MADE_TOTAL, "component" => revision.component.to_string());
        Self {
            revision,
            instances,
            made,
        }
    }
}

impl HandlerState for Workers {
    type StoreData = State;
    type WorkerExpiration = Lifetime;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Lifetime, Worker>> {
        // Waits for room instead of failing; the request's own deadline ends the wait for its client.
        let room = Arc::clone(&self.instances)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let number = self.revision.next_instance();
        let mut store = store(&self.revision, number);
        let deadline = self.revision.limits.deadline;
        let proxy = tokio::time::timeout(deadline, self.revision.pre.instantiate_async(&mut store))
            .await??;
        self.made.increment(1);
        let tenants = Arc::new(Tenants::default());
        let revision = Arc::clone(&self.revision);
        Ok(Instance {
            store,
            proxy,
            view: State::http,
            expiration: Lifetime::new(Arc::clone(&tenants), deadline),
            state: Worker {
                revision,
                number,
                tenants,
                _room: room,
            },
        })
    }
}

/// One instance at work.
pub(crate) struct Worker {
    revision: Arc<Revision>,
    number: u64,
    tenants: Arc<Tenants>,
    _room: OwnedSemaphorePermit,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = Arc<Request>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        let reuse = &self.revision.reuse;
        match () {
            () if self.tenants.retired() || total >= reuse.requests_max => ShouldAccept::Never,
            () if concurrent >= reuse.requests_concurrent_max => ShouldAccept::No,
            () => ShouldAccept::Yes,
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        request: Arc<Request>,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        request.attach(&self.tenants);
        Box::pin(std::future::poll_fn(move |cx| request.poll_cancelled(cx)))
    }

    fn drop(&self, store: Store<State>, result: wasmtime::Result<()>) {
        let Revision { component, id, .. } = &*self.revision;
        let instance = self.number;
        if let Err(error) = &result {
            self.tenants.die();
            metrics::counter!(RUNTIME_INSTANCES_RETIRED_TOTAL, "component" => component.to_string()).increment(1);
            match self.tenants.retired() {
                // The request's own log line says why it was cancelled.
                true => {
                    debug!(%component, revision = %id, instance, "instance retired with a cancelled request")
                }
                false => {
                    warn!(%component, revision = %id, instance, error = ?error, "instance trapped")
                }
            }
        }
        drop(store);
    }
}

/// Decides when an instance has to go. Polled from outside its event loop, so that it works on a stuck one too.
pub(crate) struct Lifetime {
    tenants: Arc<Tenants>,
    deadline: Duration,
    timer: Pin<Box<Sleep>>,
    /// Since when a cancelled request has gone unnoticed.
    unseen_since: Option<Instant>,
}

impl Lifetime {
    fn new(tenants: Arc<Tenants>, deadline: Duration) -> Self {
        Self {
            tenants,
            deadline,
            timer: Box::pin(tokio::time::sleep(IDLE_MAX)),
            unseen_since: None,
        }
    }

    fn poll_after(&mut self, cx: &mut Context<'_>, start: Instant, wait: Duration) -> Poll<()> {
        let at = tokio::time::Instant::from_std(start + wait);
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        self.timer.as_mut().poll(cx)
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
        let (live, retired) = (this.tenants.live(), this.tenants.retired());
        match status {
            WorkerStatus::Idle => this.poll_after(cx, start, IDLE_MAX),
            // The last client is gone: nobody misses what the guest still does.
            WorkerStatus::Requests | WorkerStatus::PostReturn if retired && live == 0 => {
                Poll::Ready(())
            }
            // All answers are out; what a guest does after them is bounded too.
            WorkerStatus::Requests | WorkerStatus::PostReturn if live == 0 => {
                this.poll_after(cx, start, this.deadline)
            }
            // Others share the instance. It ends in order when they are done, unless it is stuck.
            WorkerStatus::Requests if this.tenants.unseen() > 0 => {
                let since = *this.unseen_since.get_or_insert_with(Instant::now);
                this.poll_after(cx, since, UNSEEN_MAX)
            }
            // Every live request is under its own deadline, which cancels it.
            WorkerStatus::Requests | WorkerStatus::PostReturn => Poll::Pending,
        }
    }
}
