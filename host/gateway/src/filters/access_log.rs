//! One record per request, refused ones included: `RUST_LOG=access=debug` prints them.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Method, Request, Response, Uri, Version};
use tower::{Layer, Service, layer::layer_fn};
use tracing::{Level, Value, debug, enabled};

use super::{After, Then};
use crate::metrics::GATEWAY_REQUESTS_TOTAL;
use crate::router::{RouteId, class};

/// The status of a request that nobody waited for any longer.
const GONE: &str = "gone";

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
        let record = Record {
            line,
            answered: false,
        };
        Then::new(self.0.call(request), record)
    }
}

/// Dropped without an answer when the client leaves before the head, or is cut off.
pub(crate) struct Record {
    line: Option<Line>,
    answered: bool,
}

struct Line {
    method: Method,
    uri: Uri,
    version: Version,
    start: Instant,
}

impl Line {
    fn write(&self, status: impl Value, route: &str) {
        let Self {
            method,
            uri,
            version,
            start,
        } = self;
        let (path, micros) = (uri.path(), start.elapsed().as_micros());
        debug!(target: "access", %method, path, ?version, status, route, micros, "request");
    }
}

impl<B> After<Result<Response<B>, Infallible>> for Record {
    type Output = Result<Response<B>, Infallible>;

    fn after(mut self, outcome: Result<Response<B>, Infallible>) -> Self::Output {
        self.answered = true;
        let Ok(response) = outcome;
        let route = response.extensions().get::<RouteId>();
        let status = response.status();
        match route {
            Some(route) => route.count(status),
            None => count(class(status)),
        }
        if let Some(line) = &self.line {
            line.write(status.as_u16(), route.map_or("", RouteId::as_str));
        }
        Ok(response)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        count(GONE);
        if let Some(line) = &self.line {
            line.write(GONE, "");
        }
    }
}

/// Without a route: none matched, or none is known here yet.
fn count(status: &'static str) {
    metrics::counter!(GATEWAY_REQUESTS_TOTAL, "route" => "", "status" => status).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::recorded::Recorded;

    #[test]
    fn a_request_whose_client_leaves_before_the_answer_is_counted_once() {
        let recorded = Recorded::default();
        metrics::with_local_recorder(&recorded, || {
            let never = tower::service_fn(|_: Request<()>| {
                std::future::pending::<Result<Response<()>, Infallible>>()
            });
            drop(layer().layer(never).call(Request::new(())));
        });
        assert_eq!(recorded.count(GATEWAY_REQUESTS_TOTAL, GONE), 1);
    }

    #[test]
    fn a_request_that_is_answered_is_not_counted_as_gone() {
        let recorded = Recorded::default();
        metrics::with_local_recorder(&recorded, || {
            let Ok(_) = Record {
                line: None,
                answered: false,
            }
            .after(Ok(Response::new(())));
        });
        assert_eq!(recorded.count(GATEWAY_REQUESTS_TOTAL, "2xx"), 1);
        assert_eq!(recorded.count(GATEWAY_REQUESTS_TOTAL, GONE), 0);
    }
}
