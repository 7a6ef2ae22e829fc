//! A cap on request bodies: announced ones are refused before they are read, others when they pass the limit.

use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower::{Layer, Service, layer::layer_fn};

use super::{After, Then};
use crate::body::{Exceeded, RequestBody};
use crate::rescue::{Failure, Rejection};
use crate::router::Matched;

pub(crate) fn layer<S>(limit: u64) -> impl Layer<S, Service = BodyLimit<S>> + Clone {
    layer_fn(move |inner| BodyLimit { inner, limit })
}

#[derive(Clone)]
pub(crate) struct BodyLimit<S> {
    inner: S,
    limit: u64,
}

impl<S, B> Service<Request<RequestBody>> for BodyLimit<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Failure>,
{
    type Response = Response<B>;
    type Error = Rejection;
    type Future = Then<S::Future, Judge, Result<Response<B>, Rejection>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx).map_err(Rejection::Failed)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let own = request
            .extensions()
            .get::<Matched>()
            .and_then(|matched| matched.request_body_bytes_max());
        let limit = own.unwrap_or(self.limit);
        if request.body().size_hint().lower() > limit {
            return Then::decided(Err(Rejection::BodyTooLarge { limit }));
        }
        let (head, body) = request.into_parts();
        let (body, exceeded) = body.limited(limit);
        Then::new(
            self.inner.call(Request::from_parts(head, body)),
            Judge { limit, exceeded },
        )
    }
}

/// Whatever the inner service made of a body that broke off: the client is told why.
pub(crate) struct Judge {
    limit: u64,
    exceeded: Exceeded,
}

impl<B> After<Result<Response<B>, Failure>> for Judge {
    type Output = Result<Response<B>, Rejection>;

    fn after(self, outcome: Result<Response<B>, Failure>) -> Self::Output {
        match self.exceeded.get() {
            true => Err(Rejection::BodyTooLarge { limit: self.limit }),
            false => outcome.map_err(Rejection::Failed),
        }
    }
}
