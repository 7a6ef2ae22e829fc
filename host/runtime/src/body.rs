//! Bodies on their way in and out of a guest.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Method, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::metrics::RUNTIME_BODIES_CUT_TOTAL;
use crate::request::Request;
use crate::revision::Revision;

/// Why a request body ended early, in the words a guest may be told.
#[derive(Debug, thiserror::Error)]
pub enum RequestBodyError {
    /// It is larger than allowed.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// The client sent nothing for too long.
    #[error("the client sent nothing for too long")]
    Idle,
    /// The connection ended or broke the protocol.
    #[error("the connection ended")]
    Disconnected,
}

impl From<RequestBodyError> for Error {
    fn from(error: RequestBodyError) -> Self {
        match error {
            RequestBodyError::TooLarge => Self::HttpRequestBodySize(None),
            RequestBodyError::Idle => Self::ConnectionReadTimeout,
            RequestBodyError::Disconnected => Self::ConnectionTerminated,
        }
    }
}

pin_project! {
    /// A request body that breaks off over the component's limit.
    pub(crate) struct Limited<B> {
        #[pin]
        inner: B,
        left: u64,
        revision: Arc<Revision>,
    }
}

impl<B> Limited<B> {
    pub(crate) fn new(inner: B, revision: &Arc<Revision>) -> Self {
        Self {
            inner,
            left: revision.limits.request_body_bytes_max,
            revision: Arc::clone(revision),
        }
    }
}

impl<B> Body for Limited<B>
where
    B: Body<Data = Bytes, Error = RequestBodyError>,
{
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let this = self.project();
        let polled = this.inner.poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            match this.left.checked_sub(bytes) {
                Some(left) => *this.left = left,
                None => {
                    count_cut(this.revision, "request");
                    return Poll::Ready(Some(Err(RequestBodyError::TooLarge)));
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn count_cut(revision: &Revision, direction: &'static str) {
    let component = revision.component.to_string();
    metrics::counter!(RUNTIME_BODIES_CUT_TOTAL, "component" => component, "direction" => direction)
        .increment(1);
}

/// Why a response body ended early. Headers are sent by then: all that is left is to reset the stream.
#[derive(Debug, thiserror::Error)]
pub enum ResponseBodyError {
    /// The wall-clock deadline passed.
    #[error("the response was not complete within {0:?}")]
    Deadline(Duration),
    /// It is larger than the component's `response_body_bytes_max`.
    #[error("the response is larger than {0} bytes")]
    TooLarge(u64),
    /// The guest trapped, or dropped the body unfinished.
    #[error("the component did not finish the response")]
    Unfinished,
}

/// What a guest streams out. Dropping it before its end cancels the guest's work; so does the deadline.
pub struct ResponseBody {
    inner: WasiBody,
    request: Arc<Request>,
    deadline: Instant,
    limit: Duration,
    /// Made when the guest first keeps the client waiting: most bodies are there at once.
    timer: Option<Pin<Box<Sleep>>>,
    /// Bytes that complete the response for the client, where that is known: then nobody reads on to the end.
    remaining: Option<u64>,
    /// Bytes that the component may still send.
    left: u64,
    revision: Arc<Revision>,
}

impl ResponseBody {
    pub(crate) fn new(
        inner: WasiBody,
        head: (&Method, &Parts),
        request: Arc<Request>,
        (deadline, limit): (Instant, Duration),
        revision: &Arc<Revision>,
    ) -> Self {
        let remaining = length(head.0, head.1);
        Self {
            inner,
            request,
            deadline,
            limit,
            timer: None,
            remaining,
            left: revision.limits.response_body_bytes_max,
            revision: Arc::clone(revision),
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        self.timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)))
            .as_mut()
            .poll(cx)
    }

    /// Lets the guest go as soon as the client has all it waits for: a connection that is slow to take the last piece
    /// does not poll on.
    fn count(&mut self, bytes: usize) {
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.saturating_sub(bytes as u64);
        }
        if self.complete() {
            self.request.finish();
        }
    }

    fn cut(&mut self) -> ResponseBodyError {
        count_cut(&self.revision, "response");
        self.request.cancel();
        ResponseBodyError::TooLarge(self.revision.limits.response_body_bytes_max)
    }

    fn complete(&self) -> bool {
        self.remaining == Some(0) || self.inner.is_end_stream()
    }
}

/// Bytes of body that a client waits for, where the head tells (RFC 9112, section 6.3).
pub(crate) fn length(method: &Method, head: &Parts) -> Option<u64> {
    let bodiless = matches!(
        head.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if *method == Method::HEAD || bodiless {
        return Some(0);
    }
    head.headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = ResponseBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ResponseBodyError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                match this.left.checked_sub(bytes as u64) {
                    Some(left) => this.left = left,
                    None => return Poll::Ready(Some(Err(this.cut()))),
                }
                this.count(bytes);
                Poll::Ready(Some(Ok(frame)))
            }
            // A guest that died mid-way may look like one that finished: its body just ends.
            Poll::Ready(None)
                if this
                    .request
                    .tenants()
                    .is_none_or(|tenants| tenants.died_with().is_none()) =>
            {
                this.request.finish();
                Poll::Ready(None)
            }
            Poll::Ready(None | Some(Err(_))) => {
                Poll::Ready(Some(Err(ResponseBodyError::Unfinished)))
            }
            Poll::Pending => match this.poll_deadline(cx) {
                Poll::Ready(()) => {
                    this.request.cancel();
                    Poll::Ready(Some(Err(ResponseBodyError::Deadline(this.limit))))
                }
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // After the end both do nothing.
        match self.complete() {
            true => self.request.finish(),
            false => self.request.cancel(),
        }
    }
}
