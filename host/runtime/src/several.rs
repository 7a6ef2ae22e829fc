//! Instances that have several requests at once: those of `wasi:http/handler` 0.3.
//!
//! An instance is a task, in whose event loop its requests take turns. A request is given to one that can take it, else to a
//! new one if there is room, else it waits for whichever comes first; nothing of it is in an instance by then. What an
//! instance does not begin with at once it gives back.

mod seats;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures::StreamExt;
use futures::future::{BoxFuture, Either, select};
use futures::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use wasmtime::component::Accessor;
use wasmtime::{AsContextMut, Store, format_err};
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{WasiBody, WasiHttpView, p3};

use crate::instance::State;
use crate::lifetime::{Status, watched};
use crate::request::Request;
use crate::revision::Reuse;
use crate::worker::{DROPPED, Died, Fresh, Unstarted, Worker, Workers};
use seats::{Free, Given, Seats, Told};

/// The instances of one component on one core.
#[derive(Default)]
pub(crate) struct Several {
    instances: Arc<Instances>,
    room: Arc<Free>,
}

/// The oldest first: those that come later idle, and go, as soon as there is less to do.
#[derive(Default)]
struct Instances(Mutex<Vec<Arc<Seats>>>);

/// The client left before the guest answered.
#[derive(Debug, thiserror::Error)]
#[error("nobody waits for the answer any more")]
struct Left;

/// Has an instance answer. Whoever drops the future has to cancel `ties`.
///
/// # Errors
/// [`Unstarted`], [`Died`], or why the guest gave no answer.
pub(crate) async fn call(
    workers: &Arc<Workers>,
    ties: Arc<Request>,
    mut request: http::Request<WasiBody>,
) -> wasmtime::Result<http::Response<WasiBody>> {
    loop {
        let seats = workers.seats(&ties).await.map_err(Unstarted)?;
        let (answer, told) = oneshot::channel();
        let ties = Arc::clone(&ties);
        seats.give(Given {
            ties,
            request,
            answer,
        });
        match told.await {
            Ok(Told::Answered(answered)) => return answered,
            Ok(Told::Again(given_back)) => request = given_back,
            Err(_) => return Err(Died.into()),
        }
    }
}

impl Workers {
    /// An instance that can take a request.
    async fn seats(&self, ties: &Request) -> wasmtime::Result<Arc<Seats>> {
        let seats = async {
            if let Some(seats) = self.several.free() {
                return Ok(seats);
            }
            let room = match self.try_room() {
                Some(room) => room,
                None => match self.several.free_or(self.room()).await {
                    Either::Left(seats) => return Ok(seats),
                    Either::Right(room) => room,
                },
            };
            // From here it takes as long as it takes: whoever gave up now would have the next one begin anew.
            ties.begin();
            // Few requests have one made.
            Box::pin(self.seat(room)).await
        };
        self.unless_ended(pin!(seats)).await
    }

    /// A fresh instance.
    async fn seat(&self, room: [OwnedSemaphorePermit; 2]) -> wasmtime::Result<Arc<Seats>> {
        let pre = self.revision.entries.service();
        let pre = pre.expect("only what has it is given requests here");
        let mut fresh = self.fresh(room, None).await;
        let guest = Box::pin(pre.instantiate_async(&mut fresh.store));
        let guest = self.started(guest).await?;
        let room = Arc::clone(&self.several.room);
        let among = Arc::clone(&self.several.instances);
        let live = Live::new(fresh, &self.revision.reuse, room, among);
        let seats = Arc::clone(&live.seats);
        self.several.instances.lock().push(Arc::clone(&seats));
        // A guest that computes gives way by itself. Tokio's own budget would end a turn with bodies half written.
        tokio::spawn(tokio::task::unconstrained(live.run(guest)));
        Ok(seats)
    }
}

// === impl Several ===

impl Several {
    fn free(&self) -> Option<Arc<Seats>> {
        let instances = self.instances.lock();
        let mut instances = instances.iter();
        instances.find(|seats| seats.free() > 0).map(Arc::clone)
    }

    /// An instance that can take a request, or else room for one. Who waits for room keeps his place meanwhile.
    async fn free_or<R>(&self, room: impl Future<Output = R>) -> Either<Arc<Seats>, R> {
        let mut room = pin!(room);
        loop {
            let mut freed = pin!(self.room.instance.notified());
            let _waiting = self.room.wait();
            // Before the look, so that an instance that becomes free between the two is not missed.
            freed.as_mut().enable();
            if let Some(seats) = self.free() {
                return Either::Left(seats);
            }
            tokio::select! {
                biased;
                // First, or others would make room for a request that finds an instance.
                () = freed => {}
                room = room.as_mut() => return Either::Right(room),
            }
        }
    }
}

// === impl Instances ===

impl Instances {
    fn remove(&self, ended: &Arc<Seats>) {
        self.lock().retain(|seats| !Arc::ptr_eq(seats, ended));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Seats>>> {
        // The list is whole whatever happened to a thread that held the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance, accounted for however it ends.
struct Live {
    store: Option<Store<State>>,
    worker: Worker,
    seats: Arc<Seats>,
    among: Arc<Instances>,
}

impl Live {
    fn new(fresh: Fresh, reuse: &Reuse, room: Arc<Free>, among: Arc<Instances>) -> Self {
        let Fresh { store, worker } = fresh;
        let seats = Arc::new(Seats::new(&worker, reuse, room));
        Self {
            store: Some(store),
            worker,
            seats,
            among,
        }
    }

    async fn run(mut self, guest: Service) {
        let Self {
            store,
            worker,
            seats,
            ..
        } = &mut self;
        let store_there = store.as_mut().expect("it is there until the end");
        let ended = {
            let serving = store_there.run_concurrent(async |accessor: &Accessor<State>| {
                let mut running = FuturesUnordered::new();
                let begin = |given: Given| begun(accessor, &guest, seats, given);
                let handle = guest.wasi_http_handler().func_handle();
                let waker = Waker::from(Arc::clone(&seats.woken));
                poll_fn(|_| {
                    seats.tenants.turn();
                    if !seats.woken.take() {
                        return Poll::Pending;
                    }
                    let cx = &mut Context::from_waker(&waker);
                    loop {
                        while let Poll::Ready(Some(ended)) = running.poll_next_unpin(cx) {
                            let ended: wasmtime::Result<()> = ended;
                            seats.finished();
                            if let Err(error) = ended {
                                return Poll::Ready(Err(error));
                            }
                        }
                        // This is for every turn of every request, and the guest is asked only where it matters.
                        if !seats.is_asked() {
                            break;
                        }
                        let refuses = accessor
                            .poll_ready_for_concurrent_call(*handle.func(), cx)
                            .is_pending();
                        seats.refuses.store(refuses, Ordering::Relaxed);
                        let may_begin = !refuses && !seats.is_used_up() && seats.begins();
                        let Some(given) = may_begin.then(|| seats.next()).flatten() else {
                            break;
                        };
                        *seats.status() = (Status::Requests, Instant::now());
                        running.push(begin(given));
                    }
                    seats.room.announce(seats);
                    if !running.is_empty() {
                        return Poll::Pending;
                    }
                    // A guest may have more to do than its requests.
                    if accessor.poll_no_interesting_tasks(cx).is_pending() {
                        seats.is_in(Status::PostReturn);
                        return Poll::Pending;
                    }
                    // One that wants no more, and has nothing to do, is of no use; but for a new one, that is for its deadline.
                    let refuses = seats.refuses.load(Ordering::Relaxed) && seats.have_begun();
                    if seats.is_used_up() || refuses {
                        return Poll::Ready(Ok(()));
                    }
                    seats.is_in(Status::Idle);
                    Poll::Pending
                })
                .await
            });
            let mut serving = pin!(async { serving.await.flatten() });
            // One request for each time that the event loop is polled. That does a part of what there is to do, and new requests
            // come first: with several for each, those before them would never be done.
            let one_by_one = pin!(poll_fn(|cx| {
                seats.woken.register(cx.waker());
                loop {
                    seats.let_begin();
                    let polled = serving.as_mut().poll(cx);
                    if polled.is_ready() || !seats.would_begin() {
                        return polled;
                    }
                }
            }));
            let status = || {
                seats.check_begun();
                *seats.status()
            };
            watched(one_by_one, worker, status).await
        };
        let ended = match ended {
            Some(ended) => ended,
            None if seats.status().0 == Status::Idle => Ok(()),
            None => Err(format_err!("guest timed out")),
        };
        if let Some(store) = store.take() {
            worker.end(store, ended);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.seats.end();
        self.among.remove(&self.seats);
        if let Some(store) = self.store.take() {
            self.worker.end(store, Err(format_err!("{DROPPED}")));
        }
    }
}

/// Calls the guest; the future resolves when it has answered, or nobody waits for that any more.
fn begun<'a>(
    accessor: &'a Accessor<State>,
    guest: &'a Service,
    seats: &Seats,
    given: Given,
) -> impl Future<Output = wasmtime::Result<()>> + Send + use<'a> {
    let Given {
        ties,
        request,
        answer,
    } = given;
    let handle = guest.wasi_http_handler().func_handle();
    let called = accessor.with(|mut access| {
        let mut store = access.as_context_mut();
        let http = store.data_mut().http();
        let (request, sent) = p3::Request::from_http(http.hooks, request);
        let sent: BoxFuture<'static, _> = Box::pin(sent);
        let request = http.table.push(request)?;
        let call = handle.start_call_concurrent(&mut store, (request,))?;
        let telemetry = store.data_mut().telemetry();
        telemetry.begin(Some(call.task()), ties.trace());
        wasmtime::error::Ok((call, sent))
    });
    let left = ties.attach(&seats.tenants);
    async move {
        let (call, sent) = called?;
        let answered = pin!(async move {
            let (response,) = handle.finish_call_concurrent(accessor, call).await?;
            let response = response?;
            accessor.with(|mut access| {
                let response = access.get().http().table.delete(response)?;
                response.into_http_with_getter(&mut access, sent, State::http)
            })
        });
        let answered = match select(answered, left).await {
            Either::Left((answered, _)) => answered,
            Either::Right(((), _)) => Err(Left.into()),
        };
        // Whoever brought it may have left.
        answer.send(Told::Answered(answered)).ok();
        Ok(())
    }
}
