//! The body of an answer, as it arrives: nothing is read ahead of what the guest has taken but what a connection buffers.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

use super::error;

/// Dropping it before its end ends the exchange.
pub(super) struct AnswerBody<B> {
    inner: B,
    /// Until when the other side has to send something, made when the guest first waits for it.
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    between_bytes: Duration,
    /// Among the component's open requests; given back at the end.
    place: Option<OwnedSemaphorePermit>,
}

/// Why an answer broke off, in the words of guests.
pub(super) trait BrokeOff {
    fn of_body(&self) -> Error;
}

/// From the network.
impl BrokeOff for hyper::Error {
    fn of_body(&self) -> Error {
        error::of_body(self)
    }
}

/// From another component: whatever ended it, over a network it would look like this.
impl BrokeOff for Box<dyn std::error::Error + Send + Sync> {
    fn of_body(&self) -> Error {
        Error::HttpResponseIncomplete
    }
}

impl<B: Body> AnswerBody<B> {
    pub(super) fn new(inner: B, between_bytes: Duration, place: OwnedSemaphorePermit) -> Self {
        let place = Some(place).filter(|_| !inner.is_end_stream());
        Self {
            inner,
            timer: None,
            waiting: false,
            between_bytes,
            place,
        }
    }

    /// The time counts while the guest waits: one that does not read is not the other side's fault.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = Instant::now() + self.between_bytes;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if !std::mem::replace(&mut self.waiting, true) {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(cx)
    }
}

impl<B> Body for AnswerBody<B>
where
    B: Body<Data = Bytes, Error: BrokeOff> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.waiting = false;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.place = None;
                Poll::Ready(Some(Err(error.of_body())))
            }
            Poll::Ready(None) => {
                this.place = None;
                Poll::Ready(None)
            }
            Poll::Pending => this
                .poll_timer(cx)
                .map(|()| Some(Err(Error::ConnectionReadTimeout))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::channel::mpsc;
    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::Semaphore;

    use super::*;

    const BETWEEN_BYTES: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn an_answer_that_stops_ends_in_an_error_and_one_that_ends_gives_its_place_back() {
        let places = Arc::new(Semaphore::new(1));
        let place = || Arc::clone(&places).try_acquire_owned().expect("it is free");
        let (mut sender, frames) = mpsc::channel::<Result<Frame<Bytes>, hyper::Error>>(1);
        let mut body = AnswerBody::new(StreamBody::new(frames), BETWEEN_BYTES, place());
        let piece = Frame::data(Bytes::from_static(b"piece"));
        sender.try_send(Ok(piece)).expect("there is room");
        assert!(body.frame().await.expect("it goes on").is_ok());
        let stopped = body.frame().await.expect("it does not end in order");
        assert!(matches!(stopped, Err(Error::ConnectionReadTimeout)));
        assert_eq!(places.available_permits(), 0);
        drop(sender);
        assert!(body.frame().await.is_none());
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_component_that_does_not_finish_gives_the_place_back_with_an_error() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().expect("it is free");
        let broken: Box<dyn std::error::Error + Send + Sync> = "it trapped".into();
        let frames = futures::stream::iter([Err::<Frame<Bytes>, _>(broken)]);
        let mut body = AnswerBody::new(StreamBody::new(frames), BETWEEN_BYTES, place);
        let broken = body.frame().await.expect("it does not end in order");
        assert!(matches!(broken, Err(Error::HttpResponseIncomplete)));
        assert_eq!(places.available_permits(), 1);
    }
}
