//! One record per request of a client, refused ones included: `RUST_LOG=access=debug` prints them.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Method, Request, Response, Uri, Version};
use tower::{Layer, Service, layer::layer_fn};
use tracing::{Level, Value, debug, enabled};

use super::{After, Then};
use crate::metrics::GATEWAY_REQUESTS_TOTAL;
use crate::router::{RouteId, class};
use crate::traffic::Mirrored;

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
    type Future = Then<S::Future, Option<Record>, Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        // A copy is no request of a client: what came of it is told elsewhere.
        if request.extensions().get::<Mirrored>().is_some() {
            return Then::new(self.0.call(request), None);
        }
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
        Then::new(self.0.call(request), Some(record))
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

impl<B> After<Result<Response<B>, Infallible>> for Option<Record> {
    type Output = Result<Response<B>, Infallible>;

    fn after(self, outcome: Result<Response<B>, Infallible>) -> Self::Output {
        let Ok(response) = outcome;
        if let Some(record) = self {
            record.answered(&response);
        }
        Ok(response)
    }
}

impl Record {
    fn answered<B>(mut self, response: &Response<B>) {
        self.answered = true;
        let route = response.extensions().get::<RouteId>();
        let status = response.status();
        match route {
            Some(route) => route.count(status),
            None => count(class(status)),
        }
        if let Some(line) = &self.line {
            line.write(status.as_u16(), route.map_or("", RouteId::as_str));
        }
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
            let record = Record {
                line: None,
                answered: false,
            };
            let Ok(_) = Some(record).after(Ok(Response::new(())));
        });
        assert_eq!(recorded.count(GATEWAY_REQUESTS_TOTAL, "2xx"), 1);
        assert_eq!(recorded.count(GATEWAY_REQUESTS_TOTAL, GONE), 0);
    }

    #[test]
    fn a_copy_is_not_counted_whatever_becomes_of_it() {
        let recorded = Recorded::default();
        metrics::with_local_recorder(&recorded, || {
            let mut copy = Request::new(());
            copy.extensions_mut().insert(Mirrored);
            let never = tower::service_fn(|_: Request<()>| {
                std::future::pending::<Result<Response<()>, Infallible>>()
            });
            drop(layer().layer(never).call(copy));
            let Ok(_) = None::<Record>.after(Ok(Response::new(())));
        });
        for status in [GONE, "2xx"] {
            assert_eq!(recorded.count(GATEWAY_REQUESTS_TOTAL, status), 0);
        }
    }
}
