//! A request's body as standard input.

use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Body;
use tokio::io::{AsyncRead, ReadBuf};
use wasmtime_wasi_http::WasiBody;

/// Ends with the body. One that breaks off is an error once, and then it ends.
pub(super) struct Input {
    /// None once it has ended. The lock is there for its type alone: a body can be sent to another thread, and not shared.
    body: Mutex<Option<WasiBody>>,
    piece: Bytes,
}

impl Input {
    pub(super) fn new(body: WasiBody) -> Self {
        Self {
            body: Mutex::new(Some(body)),
            piece: Bytes::new(),
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let body = self.body.get_mut().expect("nobody locks it");
        while let Some(open) = body {
            match ready!(Pin::new(open).poll_frame(cx)) {
                // Trailers are not part of it.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_) => {}
                },
                Some(Err(error)) => {
                    *body = None;
                    return Poll::Ready(Some(Err(io::Error::other(error))));
                }
                None => *body = None,
            }
        }
        Poll::Ready(None)
    }
}

impl AsyncRead for Input {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.piece.is_empty() {
            match ready!(this.poll_piece(cx)).transpose()? {
                Some(piece) => this.piece = piece,
                None => return Poll::Ready(Ok(())),
            }
        }
        let read = this.piece.len().min(buffer.remaining());
        buffer.put_slice(&this.piece[..read]);
        this.piece.advance(read);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body::Frame;
    use http_body_util::{BodyExt, StreamBody};
    use tokio::io::AsyncReadExt;
    use wasmtime_wasi_http::Error;

    use super::*;

    fn input(frames: Vec<Result<Frame<Bytes>, Error>>) -> Input {
        Input::new(StreamBody::new(stream::iter(frames)).boxed_unsync())
    }

    fn data(text: &'static str) -> Result<Frame<Bytes>, Error> {
        Ok(Frame::data(Bytes::from_static(text.as_bytes())))
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_an_error_once_and_then_the_end() {
        let mut input = input(vec![data("12"), Err(Error::ConnectionTerminated)]);
        let mut read = [0; 8];
        assert_eq!(input.read(&mut read).await.expect("it is there"), 2);
        assert!(input.read(&mut read).await.is_err());
        assert_eq!(input.read(&mut read).await.expect("it has ended"), 0);
    }

    #[tokio::test]
    async fn pieces_follow_one_another_without_empty_ones_and_trailers() {
        let trailers = Ok(Frame::trailers(http::HeaderMap::new()));
        let mut input = input(vec![data("1234"), data(""), data("5"), trailers]);
        let mut read = [0; 3];
        assert_eq!(input.read(&mut read).await.expect("it is there"), 3);
        let mut rest = String::new();
        input
            .read_to_string(&mut rest)
            .await
            .expect("it is complete");
        assert_eq!(rest, "45");
    }
}
