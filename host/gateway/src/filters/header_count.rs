//! A cap on header fields, the same for both versions of HTTP: hyper has one for HTTP/1 only.

use std::task::{Context, Poll};

use http::Request;
use tower::{Layer, Service, layer::layer_fn};

use super::{AsIs, Then};
use crate::rescue::Rejection;

pub(crate) fn layer<S>(limit: usize) -> impl Layer<S, Service = HeaderCount<S>> + Clone {
    layer_fn(move |inner| HeaderCount { inner, limit })
}

#[derive(Clone)]
pub(crate) struct HeaderCount<S> {
    inner: S,
    limit: usize,
}

impl<S, I> Service<Request<I>> for HeaderCount<S>
where
    S: Service<Request<I>, Error = Rejection>,
{
    type Response = S::Response;
    type Error = Rejection;
    type Future = Then<S::Future, AsIs, Result<S::Response, Rejection>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        let limit = self.limit;
        match request.headers().len() > limit {
            true => Then::decided(Err(Rejection::TooManyHeaders { limit })),
            false => Then::new(self.inner.call(request), AsIs),
        }
    }
}
