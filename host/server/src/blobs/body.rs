//! The body of an answer: a blob's bytes, read from the store at the client's pace.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::MapErr;
use http_body_util::{BodyExt, Either};
use stoa_capabilities::blobs::{Error, Source};
use stoa_runtime::ResponseBody;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::{PIECE_BYTES_MAX, TRANSFER_MAX, within};

/// A piece that is being read; the source comes back with it.
type Reading = Pin<Box<dyn Future<Output = (Result<Vec<u8>, Error>, Box<dyn Source>)> + Send>>;

/// The bytes of a blob, or none.
pub(crate) struct Body {
    reading: Option<Reading>,
    left: u64,
    /// Looked at between pieces: a client that takes nothing at all is the gateway's to cut off.
    pub(super) until: Instant,
    _place: Option<OwnedSemaphorePermit>,
}

impl Body {
    pub(super) fn empty() -> Self {
        Self {
            reading: None,
            left: 0,
            until: Instant::now(),
            _place: None,
        }
    }

    /// The place is given back with the body.
    pub(super) fn of(source: Box<dyn Source>, place: OwnedSemaphorePermit) -> Self {
        let span = source.span();
        let left = span.end - span.start;
        Self {
            reading: (left > 0).then(|| read(source)),
            left,
            until: Instant::now() + TRANSFER_MAX,
            _place: Some(place),
        }
    }
}

fn read(mut source: Box<dyn Source>) -> Reading {
    Box::pin(async move {
        let piece = within(source.read(PIECE_BYTES_MAX)).await;
        (piece, source)
    })
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let Some(reading) = &mut this.reading else {
            return Poll::Ready(None);
        };
        if Instant::now() >= this.until {
            this.reading = None;
            let limit = TRANSFER_MAX;
            return Poll::Ready(Some(Err(Error::Deadline { limit })));
        }
        let (piece, source) = ready!(reading.as_mut().poll(cx));
        this.reading = None;
        let piece = match piece {
            Ok(piece) if !piece.is_empty() => piece,
            // Fewer bytes than were announced: the client must not take them for all.
            Ok(_) => return Poll::Ready(Some(Err(Error::Unavailable))),
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        this.left = this.left.saturating_sub(piece.len() as u64);
        this.reading = (this.left > 0).then(|| read(source));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.reading.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BodyBroken(BoxError);

/// What the inner service answers with: a component's body or a blob's.
pub(crate) type AnswerBody = MapErr<Either<ResponseBody, Body>, fn(BoxError) -> BodyBroken>;

pub(crate) fn of_component(body: ResponseBody) -> AnswerBody {
    Either::Left(body).map_err(BodyBroken as fn(_) -> _)
}

pub(crate) fn of_blob(body: Body) -> AnswerBody {
    Either::Right(body).map_err(BodyBroken as fn(_) -> _)
}
