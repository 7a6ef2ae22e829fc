//! One record per request, refused ones included: `RUST_LOG=access=debug` prints them.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Method, Request, Response, Uri, Version};
use tower::{Layer, Service, layer::layer_fn};
use tracing::{Level, debug, enabled};

use super::{After, Then};
use crate::metrics::GATEWAY_REQUESTS_TOTAL;
use crate::router::RouteId;

pub(crate) fn layer<S>() -> impl Layer<S, Service = AccessLog<S>> + Clone {
    layer_fn(AccessLog)
}

#[derive(Clone)]
pub(crate) struct AccessLog<S>(S);

impl<S, I, B> Service<Request<I>> for AccessLog<S>
where
    S: Service<Request<I>, Response = Response<B>, Error = Infallible>,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Then<S::Future, Record, Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        // Nothing is copied for a log that is off.
        let line = enabled!(target: "access", Level::DEBUG).then(|| Line {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            start: Instant::now(),
        });
        Then::new(self.0.call(request), Record { line })
    }
}

pub(crate) struct Record {
    line: Option<Line>,
}

struct Line {
    method: Method,
    uri: Uri,
    version: Version,
    start: Instant,
}

impl<B> After<Result<Response<B>, Infallible>> for Record {
    type Output = Result<Response<B>, Infallible>;

    fn after(self, outcome: Result<Response<B>, Infallible>) -> Self::Output {
        let Ok(response) = outcome;
        let route = response.extensions().get::<RouteId>();
        let status = response.status();
        match route {
            Some(route) => route.count(status),
            None => metrics::counter!(GATEWAY_REQUESTS_TOTAL, "route" => "", "status" => crate::router::class(status)).increment(1),
        }
        if let Some(Line {
            method,
            uri,
            version,
            start,
        }) = self.line
        {
            let (path, micros) = (uri.path(), start.elapsed().as_micros());
            let route = route.map_or("", RouteId::as_str);
            debug!(target: "access", %method, path, ?version, status = status.as_u16(), route, micros, "request");
        }
        Ok(response)
    }
}
