//! A revision on one core: takes requests, within the component's limits.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{info, warn};
use wasmtime_wasi_http::handler::{InstantiationError, ProxyHandler};

use crate::body::{RequestBodyError, ResponseBody};
use crate::engine::Runtime;
use crate::error::Error;
use crate::metrics::RUNTIME_REQUESTS_TOTAL;
use crate::request;
use crate::revision::Revision;
use crate::worker::Workers;

/// One core's share of the host's instances. Every handler of that core draws on it.
pub struct Core {
    instances: Arc<Semaphore>,
}

impl Runtime {
    /// A core, to make handlers on. Ask for as many as the configuration says, once.
    pub fn core(&self) -> Core {
        let share = (self.config.instances_max as usize / self.config.cores).max(1);
        Core {
            instances: Arc::new(Semaphore::new(share)),
        }
    }
}

/// A revision on one core. Its futures must be polled on that core's executor: instances are tasks there. Cheap to
/// clone.
#[derive(Clone)]
pub struct Handler {
    proxy: ProxyHandler<Workers>,
    answered: metrics::Counter,
}

impl Handler {
    /// Makes the revision's handler on `core`.
    pub fn new(revision: &Arc<Revision>, core: &Core) -> Self {
        let answered = counter(revision, "ok");
        Self {
            proxy: ProxyHandler::new(Workers::new(
                Arc::clone(revision),
                Arc::clone(&core.instances),
            )),
            answered,
        }
    }

    /// The revision behind this.
    pub fn revision(&self) -> &Arc<Revision> {
        &self.proxy.state().revision
    }

    /// Answers a request. Dropping the future, or the body it answers with, cancels the guest's work.
    ///
    /// # Errors
    /// See [`Error`]; all of them leave before any response header.
    pub async fn handle<B>(&self, request: Request<B>) -> Result<Response<ResponseBody>, Error>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Send + 'static,
    {
        let outcome = self.admitted(request).await;
        match &outcome {
            Ok(_) => self.answered.increment(1),
            Err(error) => self.report(error),
        }
        outcome
    }

    async fn admitted<B>(&self, request: Request<B>) -> Result<Response<ResponseBody>, Error>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Send + 'static,
    {
        let place = Place::take(Arc::clone(self.revision()))?;
        let request = normalised(request)?;
        let method = request.method().clone();
        let limit = self.revision().limits.deadline;
        let deadline = Instant::now() + limit;
        let waiting = Waiting::new(place);
        let answer = self.proxy.handle(
            Arc::clone(&waiting.request),
            request.map(|body| body.map_err(Into::into).boxed_unsync()),
        );
        match tokio::time::timeout_at(deadline, answer).await {
            Err(_) => Err(Error::Deadline { limit }),
            Ok(Err(error)) => Err(self.classified(&waiting.request, &error)),
            Ok(Ok(response)) => {
                let (head, body) = response.into_parts();
                let (request, place) = waiting.answered();
                let body =
                    ResponseBody::new(body, (&method, &head), request, (deadline, limit), place);
                Ok(Response::from_parts(head, body))
            }
        }
    }

    /// Tells whose fault it was: an instance that died under several requests is nobody's in particular.
    fn classified(&self, request: &request::Request, error: &wasmtime::Error) -> Error {
        let Revision { component, id, .. } = &**self.revision();
        if let Some(error) = error.downcast_ref::<InstantiationError<Arc<request::Request>>>() {
            warn!(%component, revision = %id, error = ?error.error, "no instance could be made");
            return Error::Trapped;
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
        counter(self.revision(), error.code()).increment(1);
        if let Error::Deadline { limit } = error {
            let Revision { component, id, .. } = &**self.revision();
            warn!(%component, revision = %id, ?limit, "deadline passed, request cancelled");
        }
    }
}

fn counter(revision: &Revision, outcome: &'static str) -> metrics::Counter {
    metrics::counter!(RUNTIME_REQUESTS_TOTAL, "component" => revision.component.to_string(), "outcome" => outcome)
}

fn is_trap(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::Trap>() || error.is::<wasmtime_wasi_http::handler::TrapOrPanicError>()
}

/// Both versions of `wasi:http` want an authority; HTTP/1.1 carries it in `Host`, HTTP/2 in the target.
fn normalised<B>(mut request: Request<B>) -> Result<Request<B>, Error> {
    if request.uri().authority().is_some() {
        return Ok(request);
    }
    let host = request
        .headers()
        .get(header::HOST)
        .ok_or(Error::Malformed("it names no host"))?;
    let authority = host
        .as_bytes()
        .try_into()
        .map_err(|_| Error::Malformed("its host is not valid"))?;
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.authority = Some(authority);
    parts.scheme.get_or_insert(http::uri::Scheme::HTTP);
    *request.uri_mut() =
        http::Uri::from_parts(parts).map_err(|_| Error::Malformed("its target is not valid"))?;
    Ok(request)
}

/// A place among the component's requests in flight.
pub(crate) struct Place(Arc<Revision>);

impl Place {
    fn take(revision: Arc<Revision>) -> Result<Self, Error> {
        let limit = revision.limits.requests_in_flight_max;
        // Counted first and judged after: the guard gives back what was one too many.
        let before = revision.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Self(revision);
        match before < limit {
            true => Ok(place),
            false => Err(Error::Overloaded { limit }),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The wait for response headers: ended by an answer, or cancelled when it is dropped.
struct Waiting {
    request: Arc<request::Request>,
    place: Option<Place>,
}

impl Waiting {
    fn new(place: Place) -> Self {
        Self {
            request: Arc::default(),
            place: Some(place),
        }
    }

    /// From here the body holds the request's place and its end.
    fn answered(mut self) -> (Arc<request::Request>, Place) {
        (
            Arc::clone(&self.request),
            self.place.take().expect("a request is answered once"),
        )
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.place.is_some() {
            self.request.cancel();
        }
    }
}
