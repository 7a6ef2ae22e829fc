//! The outside of a stack, whatever its layers are.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::Service;

use super::PublicBody;
use crate::body::RequestBody;

/// The whole stack: always answers. Cheap to clone, and no request clones its layers.
///
/// One belongs to a core, so that hardly anybody waits for it: it is held while the layers hand a request inwards, and not
/// while it is answered.
pub struct Public<B>(Arc<dyn Answers<B>>);

/// An answer under way. Dropping it means that the client is gone.
pub type Answering<B> =
    Pin<Box<dyn Future<Output = Result<Response<PublicBody<B>>, Infallible>> + Send>>;

/// A stack with its layers out of sight, and so out of the build time of whoever has it.
trait Answers<B>: Send + Sync {
    fn answer(&self, request: Request<RequestBody>) -> Answering<B>;
}

impl<B> Public<B> {
    /// `service` is always ready, as every service of a stack.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<PublicBody<B>>, Error = Infallible>
            + Send
            + 'static,
        S::Future: Send + 'static,
    {
        Self(Arc::new(Mutex::new(service)))
    }

    /// Answers a request.
    pub fn answer(&self, request: Request<RequestBody>) -> Answering<B> {
        self.0.answer(request)
    }
}

impl<B> Clone for Public<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> Service<Request<RequestBody>> for Public<B> {
    type Response = Response<PublicBody<B>>;
    type Error = Infallible;
    type Future = Answering<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        self.answer(request)
    }
}

impl<S, B> Answers<B> for Mutex<S>
where
    S: Service<Request<RequestBody>, Response = Response<PublicBody<B>>, Error = Infallible> + Send,
    S::Future: Send + 'static,
{
    fn answer(&self, request: Request<RequestBody>) -> Answering<B> {
        // Layers keep nothing of a request, so one that panicked has left nothing half done.
        let mut service = self.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(service.call(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::{Either, Full};

    fn request(path: &str) -> Request<RequestBody> {
        let request = Request::builder().uri(path);
        let body = RequestBody::from(Bytes::new());
        request.body(body).expect("it is a request")
    }

    #[tokio::test]
    async fn a_layer_that_panics_takes_its_request_along_and_no_other() {
        let public = Public::new(tower::service_fn(|request: Request<RequestBody>| {
            assert_ne!(request.uri().path(), "/panic");
            async { Ok(Response::new(Either::Left(Full::<Bytes>::default()))) }
        }));
        let panics = public.clone();
        let panics = tokio::spawn(async move { panics.answer(request("/panic")).await.is_ok() });
        assert!(panics.await.expect_err("it panics").is_panic());
        let Ok(response): Result<Response<PublicBody<Full<Bytes>>>, _> =
            public.answer(request("/")).await;
        assert_eq!(response.status(), 200);
    }
}
