//! A cap on requests in flight: beyond it the answer is 503 at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::Request;
use tower::{Layer, Service, layer::layer_fn};

use super::{After, Then};
use crate::rescue::Rejection;

/// `counted` is shared by all cores: one atomic addition costs less than a share per core that is full while others idle.
pub(crate) fn layer<S>(
    counted: Arc<AtomicUsize>,
    limit: usize,
) -> impl Layer<S, Service = InFlight<S>> + Clone {
    layer_fn(move |inner| InFlight {
        inner,
        counted: Arc::clone(&counted),
        limit,
    })
}

#[derive(Clone)]
pub(crate) struct InFlight<S> {
    inner: S,
    counted: Arc<AtomicUsize>,
    limit: usize,
}

impl<S, I> Service<Request<I>> for InFlight<S>
where
    S: Service<Request<I>, Error = Rejection>,
{
    type Response = S::Response;
    type Error = Rejection;
    type Future = Then<S::Future, Place, Result<S::Response, Rejection>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        let before = self.counted.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&self.counted));
        match before < self.limit {
            true => Then::new(self.inner.call(request), place),
            false => Then::decided(Err(Rejection::Overloaded { limit: self.limit })),
        }
    }
}

/// Given back when the head of the answer is there, or the client is gone.
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> After<T> for Place {
    type Output = T;

    fn after(self, outcome: T) -> T {
        outcome
    }
}
