//! A request's body on its way in: bounded in size and in the wait between two reads.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
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
}

/// The body of a public request. Read at the pace of whoever consumes it: what is not read is not received.
pub struct RequestBody {
    inner: Incoming,
    idle_max: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether somebody waits for the client now. A guest that pauses is not the client's fault.
    waiting: bool,
    limit: u64,
    received: u64,
    exceeded: Exceeded,
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
        Self {
            inner,
            idle_max,
            timer: None,
            waiting: false,
            limit: u64::MAX,
            received: 0,
            exceeded: Exceeded::default(),
        }
    }

    /// Bounds what is received from here on.
    pub(crate) fn limited(mut self, limit: u64) -> (Self, Exceeded) {
        self.limit = limit;
        let exceeded = self.exceeded.clone();
        (self, exceeded)
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

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        if polled.is_ready() {
            this.waiting = false;
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                let received = this.received(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(received.map(|()| frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Disconnected(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => this.poll_idle(cx).map(|error| Some(Err(error))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
