//! Bodies on their way in and out of a guest. None of them holds its revision: they end with it, or without it.

mod events;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Method, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use stoa_manifest::ComponentId;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::life::{Branch, Stage, Watch};
use crate::metrics::RUNTIME_BODIES_CUT_TOTAL;
use crate::request::Request;
use events::Events;

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
        branch: Arc<Branch>,
    }
}

impl<B> Limited<B> {
    pub(crate) fn new(inner: B, bytes_max: u64, branch: &Arc<Branch>) -> Self {
        Self {
            inner,
            left: bytes_max,
            branch: Arc::clone(branch),
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
                    count_cut(&this.branch.component, "request");
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

fn count_cut(component: &ComponentId, direction: &'static str) {
    let component = component.to_string();
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
    /// The guest trapped or dropped the body unfinished, or its revision was ended.
    #[error("the component did not finish the response")]
    Unfinished,
}

/// How long an answer may take, and how large it may be.
pub(crate) struct Bounds {
    pub(crate) deadline: Instant,
    /// What the deadline was made of, to name it.
    pub(crate) limit: Duration,
    pub(crate) bytes_max: u64,
}

/// What a guest streams out. Dropping it before its end cancels the guest's work; so does the deadline.
pub struct ResponseBody {
    inner: WasiBody,
    request: Arc<Request>,
    bounds: Bounds,
    /// Made when the guest first keeps the client waiting: most bodies are there at once.
    timer: Option<Pin<Box<Sleep>>>,
    /// The same, for the next stage of the revision that is the body's concern.
    watch: Option<Watch>,
    /// Bytes that complete the response for the client, where that is known: then nobody reads on to the end.
    remaining: Option<u64>,
    /// Bytes that the component may still send.
    left: u64,
    /// What the client has of an event stream. One that announced its length is a body like any other.
    events: Option<Events>,
    /// The stream was ended between two events: nothing more of it is asked for.
    stopped: bool,
    branch: Arc<Branch>,
}

impl ResponseBody {
    pub(crate) fn new(
        inner: WasiBody,
        head: (&Method, &Parts),
        request: Arc<Request>,
        bounds: Bounds,
        branch: &Arc<Branch>,
    ) -> Self {
        let remaining = length(head.0, head.1);
        let events = match remaining {
            Some(_) => None,
            None => Events::of(head.1),
        };
        Self {
            inner,
            request,
            timer: None,
            watch: None,
            remaining,
            left: bounds.bytes_max,
            bounds,
            events,
            stopped: false,
            branch: Arc::clone(branch),
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.bounds.deadline;
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
        count_cut(&self.branch.component, "response");
        self.request.cancel();
        ResponseBodyError::TooLarge(self.bounds.bytes_max)
    }

    fn complete(&self) -> bool {
        self.stopped || self.remaining == Some(0) || self.inner.is_end_stream()
    }

    /// How this stage of the revision ends the body. Pending: it does not.
    fn staged(&mut self, stage: Stage) -> Poll<Option<Polled>> {
        let ends = match stage {
            Stage::Serving => false,
            Stage::Draining => self.events.as_ref().is_some_and(Events::told),
            Stage::Ended => self.events.as_ref().is_some_and(Events::whole),
        };
        match stage {
            _ if ends => {
                self.stop();
                Poll::Ready(None)
            }
            Stage::Ended if !self.complete() => {
                self.request.cancel();
                Poll::Ready(Some(Err(ResponseBodyError::Unfinished)))
            }
            _ => Poll::Pending,
        }
    }

    /// The same while the guest keeps the client waiting.
    fn poll_staged(&mut self, cx: &mut Context<'_>) -> Poll<Option<Polled>> {
        loop {
            // Looked at once: a stage that came between two looks would be passed over.
            let stage = self.branch.stage();
            if let ready @ Poll::Ready(_) = self.staged(stage) {
                return ready;
            }
            let next = match stage {
                Stage::Serving if self.events.is_some() => Stage::Draining,
                Stage::Serving | Stage::Draining => Stage::Ended,
                // The client has all it waits for; only the end is to come.
                Stage::Ended => return Poll::Pending,
            };
            let branch = &self.branch;
            let watch = self.watch.get_or_insert_with(|| branch.watch(next));
            ready!(watch.as_mut().poll(cx));
            // The stage it waited for is there; the next one may be a concern too.
            self.watch = None;
        }
    }

    /// The client has whole events: the stream ends well, and the guest's work on the next one ends.
    fn stop(&mut self) {
        self.stopped = true;
        self.request.cancel();
    }

    /// Keeps track of the events in what goes to the client. Once the revision drains, nothing follows a whole one.
    fn followed(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        let (Some(events), Some(bytes)) = (&mut self.events, frame.data_ref()) else {
            return frame;
        };
        match events.follow(bytes) {
            Some(end) if self.branch.stage() != Stage::Serving => {
                let whole = bytes.slice(..end);
                self.stop();
                Frame::data(whole)
            }
            _ => frame,
        }
    }
}

type Polled = Result<Frame<Bytes>, ResponseBodyError>;

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

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Polled>> {
        let this = self.get_mut();
        if this.stopped {
            return Poll::Ready(None);
        }
        let stage = this.branch.stage();
        if let ready @ Poll::Ready(_) = this.staged(stage) {
            return ready;
        }
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                match this.left.checked_sub(bytes as u64) {
                    Some(left) => this.left = left,
                    None => return Poll::Ready(Some(Err(this.cut()))),
                }
                this.count(bytes);
                Poll::Ready(Some(Ok(this.followed(frame))))
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
                    let limit = this.bounds.limit;
                    Poll::Ready(Some(Err(ResponseBodyError::Deadline(limit))))
                }
                Poll::Pending => this.poll_staged(cx),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stopped || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.stopped {
            true => SizeHint::with_exact(0),
            false => self.inner.size_hint(),
        }
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
