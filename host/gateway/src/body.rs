//! A request's body on its way in: bounded in size and in the wait between two reads.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Larger than its route allows.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The client sent nothing for too long.
    #[error("the client sent nothing for {limit:?}")]
    Idle {
        /// The limit.
        limit: Duration,
    },
    /// The connection ended or broke the protocol.
    #[error("the connection ended")]
    Disconnected(#[source] hyper::Error),
    /// The component that sends it did not finish it.
    #[error("the component that sends the body did not finish it")]
    Unfinished,
}

/// The body of a public request. Read at the pace of whoever consumes it: what is not read is not received.
pub struct RequestBody {
    source: Source,
    idle_max: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether somebody waits for the client now. A guest that pauses is not the client's fault.
    waiting: bool,
    limit: u64,
    received: u64,
    exceeded: Exceeded,
    copying: Option<Box<Copying>>,
}

/// Where a body comes from.
enum Source {
    Client(Incoming),
    Whole(Full<Bytes>),
    Component(UnsyncBoxBody<Bytes, BodyError>),
}

/// A copy of what passes.
struct Copying {
    bytes: Vec<u8>,
    length: usize,
    complete: oneshot::Sender<Bytes>,
}

/// Tells the filters that a body went over its limit while somebody else was reading it.
#[derive(Clone, Default)]
pub(crate) struct Exceeded(Arc<AtomicBool>);

impl Exceeded {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl RequestBody {
    pub(crate) fn new(inner: Incoming, idle_max: Duration) -> Self {
        Self::of(Source::Client(inner), idle_max)
    }

    /// A body that a component sends. How long that may take is its callee's deadline.
    pub fn of_component<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
    {
        let body = body.map_err(|_| BodyError::Unfinished).boxed_unsync();
        Self::of(Source::Component(body), Duration::ZERO)
    }

    fn of(source: Source, idle_max: Duration) -> Self {
        Self {
            source,
            idle_max,
            timer: None,
            waiting: false,
            limit: u64::MAX,
            received: 0,
            exceeded: Exceeded::default(),
            copying: None,
        }
    }

    /// Bounds what is received from here on.
    pub(crate) fn limited(mut self, limit: u64) -> (Self, Exceeded) {
        self.limit = limit;
        let exceeded = self.exceeded.clone();
        (self, exceeded)
    }

    /// A copy of it that comes when all of it has been read. None if it does not say how long it is, or is longer than
    /// this.
    pub(crate) fn copied(mut self, bytes_max: u64) -> (Self, Option<oneshot::Receiver<Bytes>>) {
        let length = match self.is_end_stream() {
            true => Some(0),
            false => self.size_hint().exact(),
        };
        let length = length.filter(|length| *length <= bytes_max);
        let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else {
            return (self, None);
        };
        let (complete, copy) = oneshot::channel();
        self.copying = Some(Box::new(Copying {
            bytes: Vec::new(),
            length,
            complete,
        }));
        // What is empty is complete, whether it is read or not.
        self.copy(&[]);
        (self, Some(copy))
    }

    /// Whoever has read as much as was announced need not ask for the end.
    fn copy(&mut self, data: &[u8]) {
        let Some(mut copying) = self.copying.take() else {
            return;
        };
        // Copies are bounded by who waits for them: what is left of another goes.
        if copying.complete.is_closed() {
            return;
        }
        copying.bytes.extend_from_slice(data);
        match copying.bytes.len() < copying.length {
            true => self.copying = Some(copying),
            false => {
                let Copying {
                    bytes, complete, ..
                } = *copying;
                // Whoever wanted it may have given up.
                drop(complete.send(bytes.into()));
            }
        }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let limit = self.idle_max;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(Instant::now() + limit);
        }
        timer.as_mut().poll(cx).map(|()| BodyError::Idle { limit })
    }

    fn received(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.received += bytes as u64;
        if self.received > self.limit {
            self.exceeded.0.store(true, Ordering::Release);
            return Err(BodyError::TooLarge { limit: self.limit });
        }
        Ok(())
    }
}

/// A body that is all there.
impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        // It never waits for anybody.
        Self::of(Source::Whole(Full::new(bytes)), Duration::ZERO)
    }
}

impl Source {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Client(body) => {
                let polled = Pin::new(body).poll_frame(cx);
                polled.map_err(BodyError::Disconnected)
            }
            Self::Whole(body) => {
                let polled = Pin::new(body).poll_frame(cx);
                polled.map_err(|never| match never {})
            }
            Self::Component(body) => Pin::new(body).poll_frame(cx),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = this.source.poll_frame(cx);
        if polled.is_ready() {
            this.waiting = false;
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.data_ref();
                let received = this.received(data.map_or(0, Bytes::len));
                if let (Ok(()), Some(data)) = (&received, data) {
                    this.copy(data);
                }
                Poll::Ready(Some(received.map(|()| frame)))
            }
            Poll::Ready(end) => Poll::Ready(end),
            // Nobody times a component but its own deadline.
            Poll::Pending if matches!(this.source, Source::Component(_)) => Poll::Pending,
            Poll::Pending => this.poll_idle(cx).map(|error| Some(Err(error))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Client(body) => body.is_end_stream(),
            Source::Whole(body) => body.is_end_stream(),
            Source::Component(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Client(body) => body.size_hint(),
            Source::Whole(body) => body.size_hint(),
            Source::Component(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &'static str) -> RequestBody {
        RequestBody::from(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn what_is_too_long_is_not_copied() {
        let (body, copy) = whole("hello").copied(4);
        assert!(copy.is_none());
        assert_eq!(body.size_hint().exact(), Some(5));
    }

    #[test]
    fn what_nobody_reads_to_its_end_has_no_copy() {
        let (body, copy) = whole("hello").copied(5);
        let mut copy = copy.expect("it is short enough");
        assert!(copy.try_recv().is_err());
        drop(body);
        assert!(copy.try_recv().is_err());
    }

    #[test]
    fn what_nobody_waits_for_any_longer_is_not_kept() {
        let (mut body, copy) = whole("hello").copied(5);
        body.copy(b"he");
        assert!(body.copying.is_some());
        drop(copy);
        body.copy(b"l");
        assert!(body.copying.is_none());
    }

    #[tokio::test]
    async fn a_body_over_its_limit_has_no_copy() {
        let (body, copy) = whole("hello").copied(5);
        let (body, exceeded) = body.limited(4);
        assert!(body.collect().await.is_err());
        assert!(exceeded.get());
        assert!(copy.expect("it is short enough").await.is_err());
    }

    #[tokio::test]
    async fn a_copy_comes_with_the_last_byte() {
        let (mut body, copy) = whole("hello").copied(5);
        let mut copy = copy.expect("it is short enough");
        body.frame().await.expect("a piece").expect("is there");
        assert_eq!(copy.try_recv().expect("it is complete"), "hello");
    }

    #[test]
    fn the_copy_of_nothing_is_there_at_once() {
        let (_body, copy) = whole("").copied(0);
        let mut copy = copy.expect("it is short enough");
        assert_eq!(copy.try_recv().expect("it is complete"), "");
    }
}
