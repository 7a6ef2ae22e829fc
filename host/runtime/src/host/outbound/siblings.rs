//! Calls that stay inside the application: to another component of the same release, or to the application's own routes.
//!
//! No network is involved. Whoever serves a release answers them ([`Siblings`]), on the core where the caller runs, and a
//! chain of calls stays within the release that its first request came to. Here is decided whether a call stays inside,
//! whether it is allowed, and how far a chain may go.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use stoa_manifest::Component;
use stoa_manifest::hosts::{self, Destination};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::body::RequestBodyError;

/// Calls in a chain, so that components that call one another in a circle do not take all instances. Each has places of
/// its own, which bound a circle too, but only where nobody else needs them.
const DEPTH_MAX: usize = 16;

/// The body of a call.
pub type CallBody = UnsyncBoxBody<Bytes, RequestBodyError>;

/// The body of what a call is answered.
pub type SiblingBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Whom a call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// The component of this id, past all routes.
    Component(String),
    /// Whatever answers the path, as for a client.
    Routes,
}

/// There is no component of that name in the release, or none that answers HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no component of that name answers")]
pub struct Unserved;

/// The release that a request is served by, on its core.
///
/// Whoever hands a request to a [`Handler`](crate::Handler) that
/// [`reaches_inside`](crate::Handler::reaches_inside) puts it into the request's extensions, as `Arc<dyn Siblings>`. A
/// call comes with it already, so that a chain sees one release.
pub trait Siblings: Send + Sync {
    /// Answers a call. What goes wrong in the component that is called is an answer, as for a client. Dropping the
    /// future, or the body of the answer, ends the call.
    fn call(
        &self,
        to: To,
        request: Request<CallBody>,
    ) -> BoxFuture<'static, Result<Response<SiblingBody>, Unserved>>;
}

/// Whom a component may call, by its manifest.
pub(crate) struct Reach {
    /// Those entries that allow some component.
    components: Vec<Destination>,
    application: bool,
}

/// The release that one request belongs to.
#[derive(Clone)]
pub(crate) struct Kin {
    siblings: Arc<dyn Siblings>,
    link: Link,
}

/// What one call of a chain tells the next: in the extensions of a call.
#[derive(Clone)]
struct Link {
    /// Calls between the client and this request.
    depth: usize,
    /// Where the client found the application: where it calls itself. `http://self` where that is not known.
    scheme: Scheme,
    authority: Authority,
}

/// The kin of the request that an instance started last. Instances that serve several requests at once may mix them up.
/// Of releases it does not matter: a component is shared by two only if all that it can reach is. Of hosts it would:
/// requests for several at once are not told where the application was found. It lives as long as the instance, and
/// nothing else holds it: whoever does holds a release.
#[derive(Default)]
pub(crate) struct Company(Mutex<Option<Kin>>);

// === impl Reach ===

impl Reach {
    pub(crate) fn of(component: &Component) -> Self {
        let inside = hosts::destinations(component);
        let inside: Vec<_> = inside
            .filter(|to| to.allows_components() || to.allows_self())
            .collect();
        Self {
            application: inside.iter().any(Destination::allows_self),
            components: inside
                .into_iter()
                .filter(Destination::allows_components)
                .collect(),
        }
    }

    /// Whether it may call anybody.
    pub(crate) fn anybody(&self) -> bool {
        self.application || !self.components.is_empty()
    }

    fn allows(&self, to: &To, uri: &Uri) -> bool {
        let (scheme, host) = (uri.scheme_str().unwrap_or("http"), uri.host());
        let port = uri.port_u16().unwrap_or(match scheme {
            "https" => 443,
            _ => 80,
        });
        match to {
            To::Routes => self.application,
            To::Component(_) => self
                .components
                .iter()
                .any(|allowed| allowed.allows(scheme, host.unwrap_or_default(), port)),
        }
    }
}

// === impl Kin ===

impl Kin {
    /// Takes from a request what it brought. Its URL is whole by now.
    pub(crate) fn of<B>(request: &mut Request<B>) -> Option<Self> {
        let siblings = request.extensions_mut().remove::<Arc<dyn Siblings>>()?;
        let link = request.extensions_mut().remove::<Link>();
        let link = match link {
            Some(link) => link,
            None => Link {
                depth: 0,
                scheme: request.uri().scheme()?.clone(),
                authority: request.uri().authority()?.clone(),
            },
        };
        Some(Self { siblings, link })
    }

    /// The same beside a request of the same instance. Which of the two calls is not known, and one client's call must
    /// not go to the host that another named.
    fn beside(mut self, other: &Self) -> Self {
        let (own, other) = (&self.link, &other.link);
        if own.scheme != other.scheme || own.authority != other.authority {
            self.link.scheme = Scheme::HTTP;
            self.link.authority = Authority::from_static("self");
        }
        self
    }

    /// Passes a call on, to be answered within this time.
    async fn call(
        self,
        to: To,
        request: Request<WasiBody>,
        within: Duration,
    ) -> Result<Response<SiblingBody>, Error> {
        if self.link.depth >= DEPTH_MAX {
            return Err(Error::LoopDetected);
        }
        let mut request = request.map(|body| body.map_err(of_caller).boxed_unsync());
        self.address(&to, &mut request)?;
        let siblings = Arc::clone(&self.siblings);
        let extensions = request.extensions_mut();
        extensions.insert(Link {
            depth: self.link.depth + 1,
            ..self.link
        });
        extensions.insert(self.siblings);
        // In a task of its own. Whoever brings a request may have to poll the guest: here that is the caller's instance, which
        // would be charged for the time of the one it calls, and have it on its stack.
        let answered = AbortOnDropHandle::new(tokio::spawn(siblings.call(to, request)));
        match timeout(within, answered).await {
            Ok(Ok(answered)) => answered.map_err(|Unserved| Error::ConnectionRefused),
            Ok(Err(error)) => {
                warn!(%error, "a call inside the application panicked");
                Err(Error::InternalError(None))
            }
            Err(_) => Err(Error::HttpResponseTimeout),
        }
    }

    /// The application is called where its client found it. Otherwise the URL says all: as in Spin, there is no `host`.
    fn address(&self, to: &To, request: &mut Request<CallBody>) -> Result<(), Error> {
        let Link {
            scheme, authority, ..
        } = &self.link;
        match to {
            To::Component(_) => {
                request.headers_mut().remove(header::HOST);
            }
            To::Routes => {
                let mut parts = std::mem::take(request.uri_mut()).into_parts();
                parts.scheme = Some(scheme.clone());
                parts.authority = Some(authority.clone());
                *request.uri_mut() =
                    Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
                let host = HeaderValue::from_str(authority.as_str());
                let host = host.map_err(|_| Error::HttpRequestUriInvalid)?;
                request.headers_mut().insert(header::HOST, host);
            }
        }
        Ok(())
    }
}

// === impl Company ===

impl Company {
    /// Begins with a request, which may be beside others.
    pub(crate) fn join(&self, kin: Kin, beside: bool) {
        let mut company = self.lock();
        let kin = match &*company {
            Some(other) if beside => kin.beside(other),
            _ => kin,
        };
        let before = company.replace(kin);
        drop(company);
        // Outside the lock: it may be the last of a release.
        drop(before);
    }

    pub(super) fn kin(&self) -> Option<Kin> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Kin>> {
        self.0.lock().expect("exchanging does not panic")
    }
}

// === functions ===

/// Whom a request is for, if it stays inside: a name under `spin.internal`, whether it stands for a component or not;
/// `self` and `self.alt`; and a URL without a host, which some SDKs write as `:443`.
pub(super) fn addressee(uri: &Uri) -> Option<To> {
    match uri.host() {
        None | Some("" | "self" | "self.alt") => Some(To::Routes),
        Some(host) if hosts::is_internal(host) => {
            let id = hosts::component(host).unwrap_or_default();
            Some(To::Component(id.to_owned()))
        }
        Some(_) => None,
    }
}

/// What does not need to be tried.
pub(super) fn check(reach: &Reach, to: &To, request: &Request<WasiBody>) -> Result<(), Error> {
    let uri = request.uri();
    let authority = uri.authority().map_or("", Authority::as_str);
    match () {
        () if *request.method() == Method::CONNECT => Err(Error::HttpRequestMethodInvalid),
        () if authority.contains('@') => Err(Error::HttpRequestUriInvalid),
        () if reach.allows(to, uri) => Ok(()),
        () => Err(Error::HttpRequestDenied),
    }
}

/// Sends a call that was checked, and answers with the head and the body of its answer. Without kin there is nobody to
/// call: a probe, or nobody in the release answers to what the manifest allows.
pub(super) async fn call(
    kin: Option<Kin>,
    to: To,
    request: Request<WasiBody>,
    within: Duration,
) -> Result<Response<SiblingBody>, Error> {
    let kin = kin.ok_or(Error::ConnectionRefused)?;
    kin.call(to, request, within).await
}

/// What the one who is called is told of a body that its caller did not finish.
fn of_caller(error: Error) -> RequestBodyError {
    match error {
        Error::HttpRequestBodySize(_) => RequestBodyError::TooLarge,
        Error::ConnectionReadTimeout => RequestBodyError::Idle,
        _ => RequestBodyError::Disconnected,
    }
}

#[cfg(test)]
mod tests;
