//! Signed URLs: requests that bring their own permission, so no route stands for them.
//!
//! The gateway knows only where they begin. The inner service checks them and answers: it gets them marked as
//! [`Presigned`], without a [`crate::Matched`], and without the cap on bodies, because how much may be sent is part of
//! what was signed. Log, counters, rescue and the bounds on time, headers and requests in flight hold as for any other.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body_util::Either;
use pin_project_lite::pin_project;
use tower::{Layer, Service, layer::layer_fn};

use crate::rescue::{Failure, Rejection};
use crate::stack::PublicBody;

/// What the path of a signed URL begins with. Routes below it are never reached.
pub const PRESIGNED_PREFIX: &str = "/.well-known/stoa/blobs/";

/// In the extensions of a request that came by a signed URL, or by what looks like one: nothing of it is checked yet.
#[derive(Debug, Clone, Copy)]
pub struct Presigned;

/// `answers` is the inner service itself: the same one that answers routes.
pub(crate) fn layer<S, P: Clone>(answers: P) -> impl Layer<S, Service = Signed<S, P>> + Clone {
    layer_fn(move |inner| Signed {
        inner,
        answers: answers.clone(),
    })
}

#[derive(Clone)]
pub(crate) struct Signed<S, P> {
    inner: S,
    answers: P,
}

impl<S, P, I, B> Service<Request<I>> for Signed<S, P>
where
    S: Service<Request<I>, Response = Response<PublicBody<B>>, Error = Rejection>,
    P: Service<Request<I>, Response = Response<B>, Error = Failure>,
{
    type Response = S::Response;
    type Error = Rejection;
    type Future = Answering<S::Future, P::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        ready!(self.answers.poll_ready(cx)).map_err(Rejection::Failed)?;
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<I>) -> Self::Future {
        if !request.uri().path().starts_with(PRESIGNED_PREFIX) {
            let future = self.inner.call(request);
            return Answering::Routed { future };
        }
        request.extensions_mut().insert(Presigned);
        let future = self.answers.call(request);
        Answering::Signed { future }
    }
}

pin_project! {
    /// Whichever of the two answers. Named, so that no filter boxes a future per request.
    #[project = AnsweringProjected]
    pub(crate) enum Answering<R, S> {
        Routed {
            #[pin]
            future: R,
        },
        Signed {
            #[pin]
            future: S,
        },
    }
}

impl<R, S, B> Future for Answering<R, S>
where
    R: Future<Output = Result<Response<PublicBody<B>>, Rejection>>,
    S: Future<Output = Result<Response<B>, Failure>>,
{
    type Output = R::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnsweringProjected::Routed { future } => future.poll(cx),
            AnsweringProjected::Signed { future } => {
                let answer = ready!(future.poll(cx));
                let answer = answer.map(|response| response.map(Either::Right));
                Poll::Ready(answer.map_err(Rejection::Failed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::StatusCode;
    use http_body_util::Full;
    use tower::ServiceExt;

    /// Answers 200, or 202 to what it finds marked.
    async fn marked(request: Request<()>) -> Result<Response<Full<Bytes>>, Failure> {
        let mut response = Response::new(Full::default());
        if request.extensions().get::<Presigned>().is_some() {
            *response.status_mut() = StatusCode::ACCEPTED;
        }
        Ok(response)
    }

    /// A router without routes.
    async fn routed(_: Request<()>) -> Result<Response<PublicBody<Full<Bytes>>>, Rejection> {
        Err(Rejection::NoRoute)
    }

    async fn status(path: &str) -> Result<StatusCode, Rejection> {
        let layer = layer(tower::service_fn(marked));
        let service = layer.layer(tower::service_fn(routed));
        let request = Request::builder().uri(path).body(());
        let request = request.expect("it is a request");
        let answer = service.oneshot(request).await;
        answer.map(|response| response.status())
    }

    #[tokio::test]
    async fn what_does_not_begin_like_a_signed_url_goes_to_the_routes() {
        let others = [
            "/",
            "/.well-known/stoa/blobs",
            "/.well-known/stoa/blob/",
            "/.well-known/stoa/BLOBS/a",
            "/x/.well-known/stoa/blobs/a",
            "/.well-known/stoa/%62lobs/a",
        ];
        for path in others {
            assert_eq!(status(path).await, Err(Rejection::NoRoute), "{path}");
        }
    }

    #[tokio::test]
    async fn what_begins_like_one_goes_past_the_routes_and_is_marked() {
        for path in [
            "/.well-known/stoa/blobs/",
            "/.well-known/stoa/blobs/a/b/c?d",
        ] {
            assert_eq!(status(path).await, Ok(StatusCode::ACCEPTED), "{path}");
        }
    }

    #[tokio::test]
    async fn a_failure_of_the_inner_service_is_rescued_like_any_other() {
        let fails = |_: Request<()>| async { Err::<Response<Full<Bytes>>, _>(Failure::Broken) };
        let service = layer(tower::service_fn(fails)).layer(tower::service_fn(routed));
        let request = Request::builder().uri(PRESIGNED_PREFIX).body(());
        let answer = service.oneshot(request.expect("it is a request")).await;
        let error = answer.map(|response| response.status());
        assert_eq!(error, Err(Rejection::Failed(Failure::Broken)));
    }
}
