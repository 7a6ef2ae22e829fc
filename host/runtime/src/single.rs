//! Calls of exports that wasmtime's `ProxyHandler` does not know: one call, one fresh instance.
//!
//! Everything else is as on the other path: who is served is settled before (`admission.rs`), instances are made, watched
//! and ended by the same [`Workers`] and their `Lifetime`, and a request's two sides meet in its [`Request`]. A call goes
//! on after its head is out, in a task of its own, until it ends or nobody is left who waits for it.

mod answer;
mod inbound_http;
mod redis;
mod wagi;
mod whole;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use wasmtime::component::Instance;
use wasmtime::{Store, format_err};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::cli::{StdinStream, StdoutStream};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{
    ProxyHandler, TrapOrPanicError, WorkerExpiration, WorkerState, WorkerStatus,
};

use crate::entries::Entry;
use crate::instance::State;
use crate::lifetime::Lifetime;
use crate::request::{Request, Tenants};
use crate::worker::{DROPPED, Fresh, Worker, Workers};

pub(crate) use inbound_http::InboundHttp;
pub(crate) use redis::{FirstRedis, ThirdRedis};
pub(crate) use wagi::Command;
pub use wagi::Wagi;

/// Where the head of an answer goes, with a body that may go on.
pub(crate) type Answer = oneshot::Sender<http::Response<WasiBody>>;

/// How a call ended that did not trap: it answered, or this is why not, in words for the log.
pub(crate) type Outcome = Result<(), String>;

/// An export that takes one request per instance.
pub(crate) trait Export: Send + Sync + 'static {
    /// Takes a request, before there is an instance for it.
    fn begin(&self, request: http::Request<WasiBody>) -> Begun;
}

/// A request that waits for its instance.
pub(crate) struct Begun {
    /// What the instance is started with; none, unless it is a command.
    pub(crate) program: Option<Program>,
    pub(crate) call: Box<dyn Call>,
}

/// A request that an instance is about to be given.
#[async_trait]
pub(crate) trait Call: Send {
    /// Has the guest answer. Dropping the future ends the instance. An error is a trap; the guest's answer breaks off
    /// then, if its head was out.
    async fn run(
        self: Box<Self>,
        store: &mut Store<State>,
        instance: &Instance,
        answer: Answer,
    ) -> wasmtime::Result<Outcome>;
}

/// What a command is started with, beside its component's environment.
pub(crate) struct Program {
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) stdin: Box<dyn StdinStream + Sync>,
    pub(crate) stdout: Box<dyn StdoutStream + Sync>,
}

impl Program {
    /// Puts it into a context that has the component's own environment already. That wins: it is what the author wrote,
    /// and much of this comes from a client.
    pub(crate) fn start(self, wasi: &mut WasiCtxBuilder, own: &[(String, String)]) {
        let named = |name: &str| own.iter().any(|(own, _)| own == name);
        for (name, value) in &self.environment {
            if !named(name) {
                wasi.env(name, value);
            }
        }
        wasi.args(&self.arguments)
            .stdin(self.stdin)
            .stdout(self.stdout);
    }
}

/// No instance could be made.
#[derive(Debug, thiserror::Error)]
#[error("no instance could be made: {0}")]
pub(crate) struct Unstarted(pub(crate) wasmtime::Error);

/// Has a fresh instance answer. Whoever drops this has to cancel `ties` as well: the call is a task of its own.
///
/// # Errors
/// [`Unstarted`], a [`TrapOrPanicError`] when the instance died, or why it ended without an answer.
pub(crate) async fn call(
    workers: ProxyHandler<Workers>,
    entry: Entry,
    ties: Arc<Request>,
    request: http::Request<WasiBody>,
) -> wasmtime::Result<http::Response<WasiBody>> {
    let (answer, answered) = oneshot::channel();
    let called =
        tokio::spawn(async move { attend(workers.state(), entry, ties, request, answer).await });
    match answered.await {
        Ok(response) => Ok(response),
        Err(_) => match called.await {
            Ok(Ok(Ok(()))) => Err(format_err!("it ended without an answer")),
            Ok(Ok(Err(why))) => Err(format_err!("{why}")),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(TrapOrPanicError.into()),
        },
    }
}

/// The whole life of an instance.
async fn attend(
    workers: &Workers,
    entry: Entry,
    ties: Arc<Request>,
    request: http::Request<WasiBody>,
    answer: Answer,
) -> wasmtime::Result<Outcome> {
    let export = workers.revision.entries.single(entry);
    let Begun { program, call } = export
        .expect("it was looked up before the call")
        .begin(request);
    let started = workers.alone(program).await;
    let (instance, fresh) = started.map_err(Unstarted)?;
    let mut live = Live::new(fresh);
    live.store()
        .data_mut()
        .telemetry()
        .begin(None, ties.trace());
    // Nobody looks from inside whether it is cancelled: the instance has no other request, and goes with this one.
    drop(ties.attach(live.worker.tenants()));
    if live.worker.tenants().live() == 0 {
        // Who gave up while there was no room was told that no instance had the request, and may have sent it again.
        return live.end(Ok(Err("nobody waits for it any more".to_owned())));
    }
    let lifetime = live.worker.lifetime_alone();
    let tenants = Arc::clone(live.worker.tenants());
    let running = call.run(live.store(), &instance, answer);
    let outcome = watched(running, &tenants, lifetime).await;
    live.end(outcome)
}

/// Runs the call until it ends or the instance has to go. Watched from outside, so that it works on a guest that
/// computes.
async fn watched(
    mut running: BoxFuture<'_, wasmtime::Result<Outcome>>,
    tenants: &Tenants,
    lifetime: Lifetime,
) -> wasmtime::Result<Outcome> {
    let mut lifetime = pin!(lifetime);
    let mut status = (WorkerStatus::Requests, Instant::now());
    poll_fn(|cx| {
        if let ended @ Poll::Ready(_) = running.as_mut().poll(cx) {
            return ended;
        }
        // The client has its answer. What the guest does after that is bounded by itself.
        if status.0 == WorkerStatus::Requests && tenants.live() == 0 {
            status = (WorkerStatus::PostReturn, Instant::now());
        }
        lifetime
            .as_mut()
            .poll(cx, status.0, status.1)
            .map(|()| Err(format_err!("guest timed out")))
    })
    .await
}

/// An instance that was made, and is accounted for however it ends.
struct Live {
    store: Option<Store<State>>,
    worker: Worker,
}

impl Live {
    fn new(fresh: Fresh) -> Self {
        let Fresh { store, worker } = fresh;
        Self {
            store: Some(store),
            worker,
        }
    }

    fn store(&mut self) -> &mut Store<State> {
        self.store.as_mut().expect("it is there until the end")
    }

    /// The trap itself goes to the log; whose fault it was is told by the tenants.
    fn end(mut self, outcome: wasmtime::Result<Outcome>) -> wasmtime::Result<Outcome> {
        let store = self.store.take().expect("it ends once");
        match outcome {
            Ok(outcome) => {
                WorkerState::drop(&self.worker, store, Ok(()));
                Ok(outcome)
            }
            Err(error) => {
                WorkerState::drop(&self.worker, store, Err(error));
                Err(TrapOrPanicError.into())
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            WorkerState::drop(&self.worker, store, Err(format_err!("{DROPPED}")));
        }
    }
}
