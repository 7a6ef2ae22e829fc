//! Instances that have one request at a time: all exports but `wasi:http/handler` 0.3, whose instances have several
//! (`several.rs`).
//!
//! Whoever asks runs the guest himself: its code is polled as a part of the request's own future, so that no other task has
//! to be woken and none waits for another. Only a guest that goes on after the head of its answer is out does so in a task
//! of its own. Everything else is as on the other path: who is served is settled before (`admission.rs`), instances are
//! made, watched and ended by the same [`Workers`] and their `Lifetime`, and a request's two sides meet in its [`Request`].

mod answer;
mod inbound_http;
mod incoming_handler;
mod redis;
mod wagi;
mod whole;

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use wasmtime::component::Instance;
use wasmtime::{Store, format_err};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::cli::{StdinStream, StdoutStream};
use wasmtime_wasi_http::WasiBody;

use crate::entries::Entry;
use crate::instance::State;
use crate::lifetime::{Status, watched};
use crate::request::Request;
use crate::worker::{DROPPED, Died, Fresh, Unstarted, Worker, Workers};

pub(crate) use inbound_http::InboundHttp;
pub(crate) use incoming_handler::IncomingHandler;
pub(crate) use redis::{FirstRedis, ThirdRedis};
pub(crate) use wagi::Command;
pub use wagi::Wagi;

/// Where the head of an answer goes, with a body that may go on.
pub(crate) type Answer = oneshot::Sender<http::Response<WasiBody>>;

/// How a call ended that did not trap: it answered, or this is why not, in words for the log.
pub(crate) type Outcome = Result<(), String>;

/// An export that takes one request at a time.
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

/// Has an instance answer that has nothing else to do. Dropping the future cancels the request, and ends the instance.
///
/// # Errors
/// [`Unstarted`], [`Died`] when the instance died, or why it ended without an answer.
pub(crate) async fn call(
    workers: &Arc<Workers>,
    entry: Entry,
    ties: Arc<Request>,
    request: http::Request<WasiBody>,
) -> wasmtime::Result<http::Response<WasiBody>> {
    let (answer, head) = oneshot::channel();
    let attended = attend(
        Arc::clone(workers),
        entry,
        Arc::clone(&ties),
        request,
        answer,
    );
    // A panic ends the instance, and nothing else of what shares the connection's task.
    let attended = AssertUnwindSafe(attended).catch_unwind();
    let mut asked = Asked {
        attended: Some(Box::pin(attended.map(|ended| match ended {
            Ok(outcome) => outcome,
            Err(_) => Err(Died.into()),
        }))),
        head: Some(head),
        ties,
    };
    let answered = poll_fn(|cx| asked.poll_head(cx)).await;
    // What is ready beside it goes first, and then the answers of all go out one after the other. Each one alone would wake
    // its client, which has the processor at once where it runs on the same machine: measured, a tenth of all requests per
    // second.
    tokio::task::yield_now().await;
    answered
}

/// A request whose answer somebody waits for.
struct Asked {
    /// Until the head is out.
    attended: Option<BoxFuture<'static, wasmtime::Result<Outcome>>>,
    /// None once it is known that there will be no answer; why, is known when the call ends.
    head: Option<oneshot::Receiver<http::Response<WasiBody>>>,
    ties: Arc<Request>,
}

impl Asked {
    /// Has the guest go on until the head is there.
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<wasmtime::Result<http::Response<WasiBody>>> {
        let attended = self
            .attended
            .as_mut()
            .expect("it is polled until it is there");
        let ended = attended.as_mut().poll(cx);
        // It may have answered before it ended, or now waits.
        let head = self.head.as_mut().map(|head| Pin::new(head).poll(cx));
        match head {
            Some(Poll::Ready(Ok(response))) => {
                let attended = self.attended.take().filter(|_| ended.is_pending());
                attended.map(tokio::spawn);
                return Poll::Ready(Ok(response));
            }
            // A guest may give up its answer and go on. Asking again would be a panic.
            Some(Poll::Ready(Err(_))) => self.head = None,
            Some(Poll::Pending) | None => {}
        }
        ended.map(|outcome| {
            self.attended = None;
            Err(match outcome {
                Ok(Ok(())) => format_err!("it ended without an answer"),
                Ok(Err(why)) => format_err!("{why}"),
                Err(error) => error,
            })
        })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(attended) = self.attended.take() {
            // First, so that the instance is known to end with its request.
            self.ties.cancel();
            drop(attended);
        }
    }
}

/// What an instance does for one request.
async fn attend(
    workers: Arc<Workers>,
    entry: Entry,
    ties: Arc<Request>,
    request: http::Request<WasiBody>,
    answer: Answer,
) -> wasmtime::Result<Outcome> {
    let export = workers.revision.entries.single(entry);
    let Begun { program, call } = export
        .expect("it was looked up before the call")
        .begin(request);
    let live = workers.live(program, || ties.begin());
    let mut live = live.await.map_err(Unstarted)?;
    let (store, instance, worker) = live.parts();
    store.data_mut().telemetry().begin(None, ties.trace());
    // Nobody looks from inside whether it is cancelled: the instance has no other request, and goes with this one.
    drop(ties.attach(worker.tenants()));
    let tenants = worker.tenants();
    let mut status = (Status::Requests, Instant::now());
    let status = || {
        // The client has its answer. What the guest does after that is bounded by itself.
        if status.0 == Status::Requests && tenants.live() == 0 {
            status = (Status::PostReturn, Instant::now());
        }
        status
    };
    let mut running = call.run(store, instance, answer);
    let outcome = watched(running.as_mut(), worker, status).await;
    let outcome = outcome.unwrap_or_else(|| Err(format_err!("guest timed out")));
    drop(running);
    live.served += 1;
    match outcome {
        Ok(outcome) if live.may_serve_on() => {
            workers.keep(live);
            Ok(outcome)
        }
        outcome => live.end(outcome),
    }
}

/// An instance that was made, and is accounted for however it ends.
pub(crate) struct Live {
    store: Option<Store<State>>,
    instance: Instance,
    worker: Worker,
    /// Requests that it had.
    served: usize,
}

impl Live {
    pub(crate) fn new(instance: Instance, fresh: Fresh) -> Self {
        let Fresh { store, worker } = fresh;
        Self {
            store: Some(store),
            instance,
            worker,
            served: 0,
        }
    }

    fn parts(&mut self) -> (&mut Store<State>, &Instance, &Worker) {
        let store = self.store.as_mut().expect("it is there until the end");
        (store, &self.instance, &self.worker)
    }

    /// Whether it may have one more request.
    pub(crate) fn may_serve_on(&self) -> bool {
        self.worker.may_serve_on(self.served)
    }

    /// It ends without a request.
    pub(crate) fn leave(mut self) {
        if let Some(store) = self.store.take() {
            self.worker.end(store, Ok(()));
        }
    }

    /// The trap itself goes to the log; whose fault it was is told by the tenants.
    fn end(mut self, outcome: wasmtime::Result<Outcome>) -> wasmtime::Result<Outcome> {
        let store = self.store.take().expect("it ends once");
        match outcome {
            Ok(outcome) => {
                self.worker.end(store, Ok(()));
                Ok(outcome)
            }
            Err(error) => {
                self.worker.end(store, Err(error));
                Err(Died.into())
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            self.worker.end(store, Err(format_err!("{DROPPED}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::task::noop_waker_ref;
    use tokio::time::Instant;

    use super::*;
    use crate::admission::Place;

    #[test]
    fn a_guest_that_gives_up_its_answer_and_goes_on_is_waited_for() {
        let (answer, head) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let mut asked = Asked {
            attended: Some(Box::pin(async { Ok(ended.await.expect("it is told")) })),
            head: Some(head),
            ties: Request::new(Place::for_tests(), Instant::now(), None, None),
        };
        let mut cx = Context::from_waker(noop_waker_ref());
        assert!(asked.poll_head(&mut cx).is_pending());
        drop(answer);
        for _ in 0..3 {
            assert!(asked.poll_head(&mut cx).is_pending());
        }
        end.send(Err("it did not want to".to_owned()))
            .expect("it is waited for");
        let Poll::Ready(Err(error)) = asked.poll_head(&mut cx) else {
            panic!("it has ended without an answer");
        };
        assert_eq!(error.to_string(), "it did not want to");
    }
}
