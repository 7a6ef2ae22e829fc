//! A cap on requests in flight, from their head to the end of their answer: beyond it the answer is 503 at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::{Layer, Service, layer::layer_fn};

use super::{After, Then};
use crate::rescue::Rejection;
use crate::traffic::Mirrored;

/// `counted` is shared by all cores: one atomic addition costs less than a share per core that is full while others idle.
pub(crate) fn layer<S>(
    counted: &Arc<AtomicUsize>,
    limit: usize,
) -> impl Layer<S, Service = InFlight<S>> + Clone {
    let counted = Arc::new(Arc::clone(counted));
    layer_fn(move |inner| InFlight {
        inner,
        counted: Arc::clone(&counted),
        limit,
    })
}

/// The host's count, held once by each core: its requests hold what the core holds, so that cores meet in the count alone.
type Counted = Arc<Arc<AtomicUsize>>;

#[derive(Clone)]
pub(crate) struct InFlight<S> {
    inner: S,
    counted: Counted,
    limit: usize,
}

impl<S, I, B> Service<Request<I>> for InFlight<S>
where
    S: Service<Request<I>, Response = Response<B>, Error = Rejection>,
{
    type Response = Response<B>;
    type Error = Rejection;
    type Future = Then<S::Future, Place, Result<Response<B>, Rejection>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        if request.extensions().get::<Mirrored>().is_some() {
            // It is bounded where it was made: a copy must not take the place of a client.
            return Then::new(self.inner.call(request), Place(None));
        }
        let before = self.counted.fetch_add(1, Ordering::Relaxed);
        let place = Place(Some(Arc::clone(&self.counted)));
        match before < self.limit {
            true => Then::new(self.inner.call(request), place),
            false => Then::decided(Err(Rejection::Overloaded { limit: self.limit })),
        }
    }
}

/// Given back when the answer's body is out, or the client is gone.
pub(crate) struct Place(Option<Counted>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(counted) = &self.0 {
            counted.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<B> After<Result<Response<B>, Rejection>> for Place {
    type Output = Result<Response<B>, Rejection>;

    fn after(self, outcome: Result<Response<B>, Rejection>) -> Self::Output {
        let mut response = outcome?;
        // The connection takes it from there and holds it with the body. Shared only because extensions can be cloned.
        response.extensions_mut().insert(Arc::new(self));
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    async fn empty(_: Request<()>) -> Result<Response<()>, Rejection> {
        Ok(Response::new(()))
    }

    #[tokio::test]
    async fn a_full_host_refuses_clients_and_no_copies() {
        let (counted, limit) = (Arc::new(AtomicUsize::new(1)), 1);
        let service = layer(&counted, limit).layer(tower::service_fn(empty));
        let refused = service.clone().oneshot(Request::new(())).await;
        assert_eq!(refused.map(drop), Err(Rejection::Overloaded { limit }));
        let mut copy = Request::new(());
        copy.extensions_mut().insert(Mirrored);
        let answer = service.oneshot(copy).await.expect("it takes no place");
        assert_eq!(counted.load(Ordering::Relaxed), 1);
        drop(answer);
        assert_eq!(counted.load(Ordering::Relaxed), 1, "and gives none back");
    }
}
