//! The life of a public request.

#[cfg(test)]
mod layers;
mod public;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{Either, Full};
use stoa_manifest::App;
use tower::{Service, ServiceBuilder};

use crate::body::RequestBody;
use crate::config::Limits;
use crate::filters;
use crate::presigned;
use crate::rescue::{self, Failure};
use crate::router::{self, Routes};

pub use public::{Answering, Public};

/// What answers a request once its route is known. The request carries [`crate::Matched`], or [`crate::Presigned`] instead
/// of it, and [`crate::Connected`] in its extensions. Dropping the future means that the client is gone.
pub trait Inner:
    Service<Request<RequestBody>, Response = Response<Self::Body>, Error = Failure, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
    /// The body it answers with.
    type Body: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static;
}

impl<S, B> Inner for S
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Failure, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    type Body = B;
}

/// The body of a public answer: ours, or the inner service's.
pub type PublicBody<B> = Either<Full<Bytes>, B>;

/// What the stacks of all releases and cores have in common. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    requests_in_flight_max: usize,
    request_headers_max: usize,
    request_body_bytes_max: u64,
    in_flight: Arc<AtomicUsize>,
}

impl Shared {
    /// Made once per host: its limits hold for all releases and cores together.
    pub fn new(limits: &Limits) -> Self {
        Self {
            requests_in_flight_max: limits.requests_in_flight_max,
            request_headers_max: limits.request_headers_max,
            request_body_bytes_max: limits.request_body_bytes_max,
            in_flight: Arc::default(),
        }
    }
}

/// What the stacks of one release and core have in common. Cheap to clone.
#[derive(Clone)]
pub struct Routed {
    routes: Routes,
    info: Bytes,
}

impl Routed {
    /// Made once per release and core: cores that counted who has the same route would take its counter from each other
    /// with every request.
    pub fn new(app: &App) -> Self {
        Self {
            routes: Routes::new(&app.routes),
            info: filters::well_known::info(app),
        }
    }
}

/// The life of a public request in the release that was chosen for it, outermost layer first. One per release and core.
pub fn stack<S: Inner>(shared: &Shared, routed: &Routed, inner: S) -> Public<S::Body> {
    let Routed { routes, info } = routed.clone();
    let Shared {
        requests_in_flight_max,
        request_headers_max,
        request_body_bytes_max,
        in_flight,
    } = shared.clone();
    let stack = ServiceBuilder::new()
        // First, so that refused requests are logged too.
        .layer(filters::access_log::layer())
        // Turns every rejection below into a response.
        .layer(rescue::layer())
        // Outside the cap: whoever asks whether a full host lives must not be told that it does not.
        .layer(filters::well_known::layer(info))
        // The cheapest refusal we have, so before any matching.
        .layer(filters::in_flight::layer(
            &in_flight,
            requests_in_flight_max,
        ))
        // Before matching too; inside the cap, because answering is work.
        .layer(filters::header_count::layer(request_headers_max))
        // Before the routes: a signed URL is its own permission, and the same inner service answers it.
        .layer(presigned::layer(inner.clone()))
        // From here a request knows its route and component.
        .layer(router::layer(routes))
        // Inside the router: a route may set its own limit.
        .layer(filters::body_limit::layer(request_body_bytes_max))
        // Last, so that only what reaches a component pays for it.
        .layer(filters::spin_headers::layer())
        .service(inner);
    Public::new(stack)
}
