//! A revision on one core: takes requests, within the component's limits.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{info, warn};
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::handler::{InstantiationError, ProxyHandler, TrapOrPanicError};

use crate::body::{RequestBodyError, ResponseBody};
use crate::engine::Runtime;
use crate::error::Error;
use crate::metrics::RUNTIME_REQUESTS_TOTAL;
use crate::request;
use crate::revision::Revision;
use crate::worker::{Room, Workers};

/// One core's share of the host's instances. Every handler of that core draws on it.
pub struct Core {
    instances: Arc<Semaphore>,
    /// What one component may take of them.
    component_max: usize,
}

impl Runtime {
    /// A core, to make handlers on. Ask for as many as the configuration says, once.
    pub fn core(&self) -> Core {
        let share = (self.config.instances_max as usize / self.config.cores).max(1);
        // A quarter is left to the neighbours of a component that takes all it can get.
        let component_max = (share - share / 4).max(1);
        Core {
            instances: Arc::new(Semaphore::new(share)),
            component_max,
        }
    }
}

/// A revision on one core. Its futures must be polled on that core's executor: instances are tasks there. Cheap to
/// clone.
#[derive(Clone)]
pub struct Handler {
    revision: Arc<Revision>,
    /// Replaced when an instance of it computes while it has offered to take requests.
    proxy: Arc<Mutex<ProxyHandler<Workers>>>,
    answered: metrics::Counter,
}

impl Handler {
    /// Makes the revision's handler on `core`.
    pub fn new(revision: &Arc<Revision>, core: &Core) -> Self {
        let component = Arc::new(Semaphore::new(core.component_max));
        let room = Room {
            core: Arc::clone(&core.instances),
            component,
        };
        let proxy = ProxyHandler::new(Workers::new(Arc::clone(revision), room));
        let answered = counter(revision, "ok");
        Self {
            revision: Arc::clone(revision),
            proxy: Arc::new(Mutex::new(proxy)),
            answered,
        }
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
        let place = Place::take(Arc::clone(&self.revision))?;
        let request = normalised(request)?;
        let method = request.method().clone();
        let limit = self.revision.limits.deadline;
        let deadline = Instant::now() + limit;
        let waiting = Waiting(Some(request::Request::new(place, deadline)));
        let proxy = self.proxy();
        let answer = proxy.handle(
            waiting.request(),
            request.map(|body| body.map_err(Into::into).boxed_unsync()),
        );
        match tokio::time::timeout_at(deadline, answer).await {
            Err(_) => Err(Error::Deadline { limit }),
            Ok(Err(error)) => {
                // Whatever it was, the worker has answered: there is nothing to cancel.
                let request = waiting.answered();
                request.finish();
                Err(self.classified(&request, &error))
            }
            Ok(Ok(response)) => {
                let (head, body) = response.into_parts();
                let body = ResponseBody::new(
                    body,
                    (&method, &head),
                    waiting.answered(),
                    (deadline, limit),
                );
                Ok(Response::from_parts(head, body))
            }
        }
    }

    fn proxy(&self) -> ProxyHandler<Workers> {
        let mut proxy = self.proxy.lock().expect("replacing does not panic");
        if proxy.state().stalled() {
            *proxy = ProxyHandler::new(proxy.state().anew());
        }
        proxy.clone()
    }

    /// Tells whose fault it was: an instance that died under several requests is nobody's in particular.
    fn classified(&self, request: &request::Request, error: &wasmtime::Error) -> Error {
        let Revision { component, id, .. } = &*self.revision;
        if let Some(error) = error.downcast_ref::<InstantiationError<Arc<request::Request>>>() {
            warn!(%component, revision = %id, error = ?error.error, "no instance could be made");
            // A full pool is nobody's fault and passes.
            return if error.error.is::<PoolConcurrencyLimitError>() {
                Error::Retired
            } else {
                Error::Trapped
            };
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

fn is_trap(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::Trap>() || error.is::<TrapOrPanicError>()
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

/// A place among the component's requests in flight.
pub(crate) struct Place(Option<Arc<Revision>>);

impl Place {
    fn take(revision: Arc<Revision>) -> Result<Self, Error> {
        let limit = revision.limits.requests_in_flight_max;
        // Counted first and judged after: the guard gives back what was one too many.
        let before = revision.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Self(Some(revision));
        match before < limit {
            true => Ok(place),
            false => Err(Error::Overloaded { limit }),
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(revision) = &self.0 {
            revision.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The wait for response headers: ended by an answer, or cancelled when it is dropped.
struct Waiting(Option<Arc<request::Request>>);

impl Waiting {
    fn request(&self) -> Arc<request::Request> {
        Arc::clone(self.0.as_ref().expect("it waits until it is answered"))
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
