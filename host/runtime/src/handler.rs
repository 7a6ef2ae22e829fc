//! A revision on one core: takes requests, within the component's limits.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Method, Request, Response, Uri, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{info, warn};
use wasmtime::{PoolConcurrencyLimitError, format_err};
use wasmtime_wasi_http::WasiBody;

use crate::admission::Admission;
use crate::body::{self, Bounds, Limited, RequestBodyError, ResponseBody};
use crate::dump;
use crate::engine::Runtime;
use crate::entries::Entry;
use crate::error::Error;
use crate::host::otel;
use crate::host::outbound::siblings::{Kin, Siblings};
use crate::life::{Branch, Stage};
use crate::metrics::RUNTIME_REQUESTS_TOTAL;
use crate::processor::{Shares, Turns};
use crate::request;
use crate::revision::Revision;
use crate::room::Room;
use crate::several;
use crate::single::{self, Live, Wagi};
use crate::worker::{Died, Share, Unstarted, Workers};

/// One core's share of the host's instances and of its processor. Every handler of that core draws on it.
pub struct Core {
    cores: usize,
    room: Arc<Room>,
    /// One permit, for whichever component computes.
    turns: Arc<Semaphore>,
    /// Requests that came to the core, of all components.
    requests: Arc<AtomicU64>,
    /// What they take of it.
    shares: Arc<Shares>,
}

impl Runtime {
    /// A core, to make handlers on. Ask for as many as the configuration says, once.
    pub fn core(&self) -> Core {
        let cores = self.config.cores;
        let instances_max = (self.config.instances_max as usize / cores).max(1);
        Core::with(cores, instances_max)
    }
}

impl Core {
    /// Room for one instance that takes nothing from the cores that serve.
    pub(crate) fn spare() -> Self {
        Self::with(1, 1)
    }

    fn with(cores: usize, instances_max: usize) -> Self {
        Self {
            cores,
            room: Arc::new(Room::new(instances_max)),
            turns: Arc::new(Semaphore::new(1)),
            requests: Arc::default(),
            shares: Shares::new(),
        }
    }

    /// Resolves when there is no instance here.
    pub(crate) async fn empty(&self) {
        self.room.empty().await;
    }

    /// Instances that a component may have here: a quarter is left to the neighbours of one that takes all it can get.
    fn instances_of(&self, revision: &Revision) -> usize {
        let own = revision.limits.instances_max.div_ceil(self.cores);
        let all = self.room.size();
        let most = all - all / 4;
        own.min(most / self.weight_of(revision)).max(1)
    }

    /// What one instance takes of those that are here: at most all, so that there is always room for one.
    fn weight_of(&self, revision: &Revision) -> usize {
        revision.weight.min(self.room.size())
    }

    /// Requests of a component that may be served here at once: no more than its instances can take.
    fn places_of(&self, revision: &Revision) -> usize {
        let own = revision.limits.requests_in_flight_max.div_ceil(self.cores);
        let room = self.instances_of(revision) * revision.reuse.requests_concurrent_max;
        own.min(room).max(1)
    }
}

/// A revision on one core. Its futures must be polled on that core's executor: instances are tasks there. Cheap to
/// clone.
#[derive(Clone)]
pub struct Handler {
    revision: Arc<Revision>,
    branch: Arc<Branch>,
    admission: Arc<Admission>,
    turns: Arc<Turns>,
    workers: Arc<Workers>,
    answered: metrics::Counter,
}

impl Handler {
    /// Makes the revision's handler on `core`.
    pub fn new(revision: &Arc<Revision>, core: &Core) -> Self {
        let turns = Turns::new(
            &core.turns,
            &core.requests,
            &core.shares,
            &revision.component,
        );
        let share = Share {
            core: Arc::clone(&core.room),
            weight: core.weight_of(revision),
            component: Arc::new(Semaphore::new(core.instances_of(revision))),
            turns: Arc::clone(&turns),
        };
        let branch = revision.life.branch();
        let workers = Workers::new(Arc::clone(revision), Arc::clone(&branch), share);
        let answered = counter(revision, "ok");
        Self {
            revision: Arc::clone(revision),
            admission: Arc::new(Admission::new(revision, &branch, core.places_of(revision))),
            branch,
            turns,
            workers: Arc::new(workers),
            answered,
        }
    }

    /// Whether its manifest lets it call the application that it is part of. Then its requests bring
    /// [`Siblings`](crate::Siblings).
    pub fn reaches_inside(&self) -> bool {
        self.revision.reach.anybody()
    }

    /// Makes an instance and lets it go.
    pub(crate) async fn start(&self) -> wasmtime::Result<()> {
        self.workers.live(None, || {}).await.map(Live::leave)
    }

    /// Ends what this handler has, and no other.
    pub(crate) fn end(&self) {
        self.branch.advance(Stage::Ended);
    }

    /// Answers a request. Dropping the future, or the body it answers with, cancels the guest's work. One with a [`Wagi`]
    /// among its extensions is given to the component as to a command; so is any other, with Spin's arguments, where the
    /// component is nothing else.
    ///
    /// # Errors
    /// See [`Error`]; all of them leave before any response header.
    pub async fn handle<B>(&self, request: Request<B>) -> Result<Response<ResponseBody>, Error>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Send + 'static,
    {
        let entry = match request.extensions().get::<Wagi>() {
            Some(_) => Entry::Wagi,
            None => self.revision.entries.unsaid(),
        };
        self.serve(entry, request).await
    }

    /// Gives a message of Redis to the component, and waits until it has taken it. Dropping the future cancels the guest's
    /// work. `siblings` are whom the component may call; needed where it [reaches any](Self::reaches_inside).
    ///
    /// # Errors
    /// See [`Error`]: a message is admitted, bounded and timed as a request is whose body it were. That the component did
    /// not want it is [`Error::NoAnswer`]; what it said is in the log.
    pub async fn deliver(
        &self,
        payload: Bytes,
        siblings: Option<Arc<dyn Siblings>>,
    ) -> Result<(), Error> {
        let payload = Full::new(payload);
        let payload = payload.map_err(|never: Infallible| -> RequestBodyError { match never {} });
        let mut message = Request::new(payload);
        // There is no client that found the application at some address. Its own routes see this one.
        *message.uri_mut() = Uri::from_static("http://self/");
        if let Some(siblings) = siblings {
            message.extensions_mut().insert(siblings);
        }
        // What is answered has no body.
        self.serve(Entry::Redis, message).await.map(drop)
    }

    async fn serve<B>(
        &self,
        entry: Entry,
        request: Request<B>,
    ) -> Result<Response<ResponseBody>, Error>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Send + 'static,
    {
        let outcome = self.admitted(entry, request).await;
        match &outcome {
            Ok(_) => self.answered.increment(1),
            Err(error) => self.report(error),
        }
        outcome
    }

    async fn admitted<B>(
        &self,
        entry: Entry,
        request: Request<B>,
    ) -> Result<Response<ResponseBody>, Error>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Send + 'static,
    {
        self.turns.arrive();
        let limits = &self.revision.limits;
        let mut request = normalised(request)?;
        // Before anything waits: what is queued should not carry a release along in its extensions.
        let kin = Kin::of(&mut request).filter(|_| self.revision.reach.anybody());
        let trace = match self.revision.asks_for_traces {
            true => otel::told(request.headers()),
            false => None,
        };
        let body_max = limits.request_body_bytes_max;
        if request.body().size_hint().lower() > body_max {
            return Err(Error::BodyTooLarge { limit: body_max });
        }
        let arrived = Instant::now();
        let (served_by, deadline) = (arrived + limits.queue_max, arrived + limits.deadline);
        let place = self.admission.enter(served_by.min(deadline)).await?;
        let method = request.method().clone();
        let waiting = Waiting(Some(request::Request::new(place, deadline, kin, trace)));
        let request = request.map(|body| {
            Limited::new(body, body_max, &self.branch)
                .map_err(Into::into)
                .boxed_unsync()
        });
        let answer = pin!(self.answer(entry, waiting.request(), request));
        match self
            .timed(answer, &waiting, served_by.min(deadline), deadline)
            .await?
        {
            Err(error) => {
                // Whatever it was, the worker has answered: there is nothing to cancel.
                let request = waiting.answered();
                request.finish();
                Err(self.classified(&request, &error))
            }
            Ok(response) => {
                let (head, body) = response.into_parts();
                self.check_head(&method, &head)?;
                let bounds = Bounds {
                    deadline,
                    limit: limits.deadline,
                    bytes_max: limits.response_body_bytes_max,
                };
                let body = ResponseBody::new(
                    body,
                    (&method, &head),
                    waiting.answered(),
                    bounds,
                    &self.branch,
                );
                Ok(Response::from_parts(head, body))
            }
        }
    }

    /// Gives the request to an instance.
    async fn answer(
        &self,
        entry: Entry,
        ties: Arc<request::Request>,
        request: Request<WasiBody>,
    ) -> wasmtime::Result<Response<WasiBody>> {
        let waiting = &self.revision.queued;
        self.turns
            .pace(|| waiting.load(Ordering::Relaxed) > 0)
            .await;
        let entries = &self.revision.entries;
        match entries.single(entry) {
            Some(_) => single::call(&self.workers, entry, ties, request).await,
            None if entry == Entry::Http && entries.service().is_some() => {
                several::call(&self.workers, ties, request).await
            }
            None => Err(format_err!("it was not linked for this trigger")),
        }
    }

    /// Waits for the answer: until `served_by` for an instance to take the request or be made for it, until `deadline` for
    /// the head.
    async fn timed<T>(
        &self,
        mut answer: Pin<&mut impl Future<Output = T>>,
        waiting: &Waiting,
        served_by: Instant,
        deadline: Instant,
    ) -> Result<T, Error> {
        // One timer for both waits, since the first is rarely over before the answer is there.
        let mut timer = pin!(tokio::time::sleep_until(served_by));
        loop {
            tokio::select! {
                biased;
                answer = answer.as_mut() => return Ok(answer),
                () = timer.as_mut() => {
                    if timer.deadline() >= deadline {
                        return Err(Error::Deadline { limit: self.revision.limits.deadline });
                    }
                    if !waiting.begun() {
                        return Err(Error::Overloaded);
                    }
                    timer.as_mut().reset(deadline);
                }
            }
        }
    }

    fn check_head(&self, method: &Method, head: &http::response::Parts) -> Result<(), Error> {
        let Revision {
            component,
            id,
            limits,
            ..
        } = &*self.revision;
        let fields = head.headers.len();
        let announced = body::length(method, head).unwrap_or(0);
        match fields > limits.response_headers_max || announced > limits.response_body_bytes_max {
            false => Ok(()),
            true => {
                warn!(%component, revision = %id, fields, announced, "the answer is over the component's limits");
                Err(Error::AnswerTooLarge)
            }
        }
    }

    /// Tells whose fault it was: an instance that died under several requests is nobody's in particular.
    fn classified(&self, request: &request::Request, error: &wasmtime::Error) -> Error {
        if self.branch.stage() == Stage::Ended {
            return Error::Retired;
        }
        let Revision { component, id, .. } = &*self.revision;
        if let Some(error) = unstarted(error) {
            let shown = dump::Shown(error);
            warn!(%component, revision = %id, error = %shown, "no instance could be made");
            // A full pool is nobody's fault and passes.
            return if error.is::<PoolConcurrencyLimitError>() {
                Error::Retired
            } else {
                Error::Trapped
            };
        }
        if request.tenants().is_some_and(request::Tenants::overran)
            && request.tenants().and_then(request::Tenants::died_with) == Some(1)
        {
            return Error::Overran;
        }
        match request.tenants().and_then(request::Tenants::died_with) {
            Some(1) => Error::Trapped,
            Some(_) => Error::Retired,
            None if is_trap(error) => Error::Trapped,
            None => {
                info!(%component, revision = %id, error = %format_args!("{error:#}"), "no valid answer");
                Error::NoAnswer
            }
        }
    }

    fn report(&self, error: &Error) {
        counter(&self.revision, error.code()).increment(1);
        if let Error::Deadline { limit } = error {
            let Revision { component, id, .. } = &*self.revision;
            warn!(%component, revision = %id, ?limit, "deadline passed, request cancelled");
        }
    }
}

fn counter(revision: &Revision, outcome: &'static str) -> metrics::Counter {
    metrics::counter!(RUNTIME_REQUESTS_TOTAL, "component" => revision.component.to_string(), "outcome" => outcome)
}

/// Why no instance could be made, if that is it.
fn unstarted(error: &wasmtime::Error) -> Option<&wasmtime::Error> {
    let unstarted = error.downcast_ref::<Unstarted>();
    unstarted.map(|Unstarted(error)| error)
}

fn is_trap(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::Trap>() || error.is::<Died>()
}

/// Both versions of `wasi:http` want an authority; HTTP/1.1 carries it in `Host`, HTTP/2 in the target. The scheme is that
/// of the connection, where whoever took the request says so in its extensions, and never what the client claims.
fn normalised<B>(mut request: Request<B>) -> Result<Request<B>, Error> {
    let scheme = request.extensions().get().cloned();
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(scheme.unwrap_or(http::uri::Scheme::HTTP));
    if parts.authority.is_none() {
        parts.authority = Some(authority(request.headers())?);
    }
    // A target without a path is one of OPTIONS alone.
    parts
        .path_and_query
        .get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
    *request.uri_mut() =
        http::Uri::from_parts(parts).map_err(|_| Error::Malformed("its target is not valid"))?;
    Ok(request)
}

fn authority(headers: &http::HeaderMap) -> Result<http::uri::Authority, Error> {
    let host = headers
        .get(header::HOST)
        .ok_or(Error::Malformed("it names no host"))?;
    host.as_bytes()
        .try_into()
        .map_err(|_| Error::Malformed("its host is not valid"))
}

/// The wait for response headers: ended by an answer, or cancelled when it is dropped.
struct Waiting(Option<Arc<request::Request>>);

impl Waiting {
    fn request(&self) -> Arc<request::Request> {
        Arc::clone(self.0.as_ref().expect("it waits until it is answered"))
    }

    fn begun(&self) -> bool {
        self.0.as_ref().is_some_and(|request| request.begun())
    }

    fn answered(mut self) -> Arc<request::Request> {
        self.0.take().expect("it waits until it is answered")
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(request) = &self.0 {
            request.cancel();
        }
    }
}
