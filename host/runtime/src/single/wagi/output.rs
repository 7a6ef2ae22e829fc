//! Standard output as a stream of pieces. A command that prints faster than its client reads waits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::io::AsyncWrite;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::PollSemaphore;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// Bytes on their way from the command to its client: what a connection takes at a time, a few times over.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one write. Streams that were all told of the last room may all use it: each is so much over the bound then, and
/// an instance has no more of them than resources.
const WRITE_BYTES_MAX: usize = 16 * 1024;

/// The two ends of it. Once the reading one is gone, writing fails; once all of the writing one are, reading ends.
pub(super) fn pipe() -> (Output, Pieces) {
    let room = Arc::new(Semaphore::new(BUFFER_BYTES_MAX));
    // The semaphore is its bound.
    let (sender, receiver) = mpsc::unbounded_channel();
    let output = Output {
        pieces: sender,
        room: Arc::clone(&room),
        allowed: 0,
    };
    let pieces = Pieces {
        pieces: receiver,
        room,
    };
    (output, pieces)
}

/// Bytes, and how much of the room they took.
struct Piece {
    bytes: Bytes,
    room: usize,
}

/// Where a command prints to.
#[derive(Clone)]
pub(super) struct Output {
    pieces: mpsc::UnboundedSender<Piece>,
    room: Arc<Semaphore>,
    /// Bytes that the guest was told it may write to this stream.
    allowed: usize,
}

impl Output {
    fn free(&self) -> usize {
        self.room.available_permits().min(WRITE_BYTES_MAX)
    }

    fn put(&self, bytes: Bytes) -> Result<(), Gone> {
        if bytes.is_empty() {
            // It would take no room, and so have no bound.
            return Ok(());
        }
        let room = self.room.forget_permits(bytes.len());
        self.pieces.send(Piece { bytes, room }).map_err(|_| Gone)
    }
}

/// Nobody reads any more.
struct Gone;

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Writer {
            output: self.clone(),
            room: PollSemaphore::new(Arc::clone(&self.room)),
        })
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        let mut stream = self.clone();
        stream.allowed = 0;
        Box::new(stream)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        // Closed is ready too: to be told so.
        drop(self.room.acquire().await);
    }
}

impl OutputStream for Output {
    /// A guest may write without having asked: the bound is kept here and nowhere else.
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if self.room.is_closed() {
            return Err(StreamError::Closed);
        }
        let left = self.allowed.checked_sub(bytes.len());
        self.allowed = left.ok_or_else(|| StreamError::trap("more is written than was allowed"))?;
        self.put(bytes).map_err(|Gone| StreamError::Closed)
    }

    /// What is written is on its way.
    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.room.is_closed() {
            return Err(StreamError::Closed);
        }
        self.allowed = self.free();
        Ok(self.allowed)
    }
}

/// The same for WASI 0.3.
struct Writer {
    output: Output,
    room: PollSemaphore,
}

impl AsyncWrite for Writer {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let gone = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        // Held until the room is counted, so that there is some.
        let Some(one) = ready!(this.room.poll_acquire(cx)) else {
            return Poll::Ready(Err(gone()));
        };
        let written = bytes.len().min(this.output.free() + 1);
        drop(one);
        let put = this.output.put(Bytes::copy_from_slice(&bytes[..written]));
        Poll::Ready(put.map(|()| written).map_err(|Gone| gone()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a command printed.
pub(super) struct Pieces {
    pieces: mpsc::UnboundedReceiver<Piece>,
    room: Arc<Semaphore>,
}

impl Pieces {
    /// The next piece; none when all writers are gone, or after [`close`](Self::close).
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Nothing more is written: what is on its way can be read still, and then it ends.
    pub(super) fn close(&mut self) {
        self.pieces.close();
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(Piece { bytes, room }) = ready!(self.pieces.poll_recv(cx)) else {
            return Poll::Ready(None);
        };
        self.room.add_permits(room);
        Poll::Ready(Some(bytes))
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.room.close();
    }
}

/// An answer's body: what came with the head, then all that is printed.
pub(super) struct Rest {
    first: Option<Bytes>,
    pieces: Pieces,
    /// What is still to come, where the head said how long it is. A command may go on when its answer is complete.
    announced: Option<u64>,
}

impl Rest {
    pub(super) fn new(first: Bytes, pieces: Pieces, announced: Option<u64>) -> Self {
        Self {
            first: Some(first).filter(|first| !first.is_empty()),
            pieces,
            announced,
        }
    }

    /// Counts a piece, and cuts off what was not announced.
    fn counted(&mut self, mut piece: Bytes) -> Bytes {
        if let Some(announced) = &mut self.announced {
            let room = usize::try_from(*announced).unwrap_or(usize::MAX);
            piece.truncate(room);
            *announced -= piece.len() as u64;
        }
        piece
    }
}

impl Body for Rest {
    type Data = Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.announced == Some(0) {
            return Poll::Ready(None);
        }
        let piece = match this.first.take() {
            Some(first) => Some(first),
            None => ready!(this.pieces.poll_next(cx)),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(this.counted(piece)))))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use http_body_util::BodyExt;
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn fill(output: &mut Output) -> usize {
        let mut written = 0;
        loop {
            match output.check_write().expect("it is open") {
                0 => return written,
                allowed => {
                    let bytes = Bytes::from(vec![b'x'; allowed]);
                    output.write(bytes).expect("it was allowed");
                    written += allowed;
                }
            }
        }
    }

    #[tokio::test]
    async fn who_prints_faster_than_it_is_read_waits() {
        let (mut output, mut pieces) = pipe();
        assert_eq!(fill(&mut output), BUFFER_BYTES_MAX);
        assert!(output.ready().now_or_never().is_none());
        let read = pieces.next().await.expect("there is a piece").len();
        assert!(output.ready().now_or_never().is_some());
        assert_eq!(fill(&mut output), read);
    }

    #[tokio::test]
    async fn two_streams_that_were_allowed_the_same_room_lose_nothing_and_share_it_later() {
        let (mut one, mut pieces) = pipe();
        let mut other = one.clone();
        let mut expected = 0;
        while one.check_write().expect("it is open") > 0 {
            let allowed = other.check_write().expect("it is open");
            for stream in [&mut one, &mut other] {
                let bytes = Bytes::from(vec![b'x'; allowed]);
                stream.write(bytes).expect("it was allowed");
                expected += allowed;
            }
        }
        pieces.close();
        let mut read = 0;
        while let Some(piece) = pieces.next().await {
            read += piece.len();
        }
        assert_eq!(read, expected);
        assert_eq!(pieces.room.available_permits(), BUFFER_BYTES_MAX);
    }

    #[tokio::test]
    async fn writing_fails_once_nobody_reads_and_so_does_waiting_for_room() {
        let (mut output, pieces) = pipe();
        fill(&mut output);
        let mut writer = Box::into_pin(output.async_stream());
        assert!(writer.write(b"x").now_or_never().is_none());
        drop(pieces);
        assert!(output.ready().now_or_never().is_some());
        assert!(matches!(output.check_write(), Err(StreamError::Closed)));
        let late = output.write(Bytes::from_static(b"x"));
        assert!(matches!(late, Err(StreamError::Closed)));
        let late = writer.write(b"x").await;
        let kind = late.map_err(|error| error.kind());
        assert_eq!(kind, Err(std::io::ErrorKind::BrokenPipe));
    }

    #[tokio::test]
    async fn a_write_over_what_was_allowed_is_a_trap_and_one_that_did_not_ask_is_too() {
        let (mut output, mut pieces) = pipe();
        let unasked = output.write(Bytes::from_static(b"x"));
        assert!(matches!(unasked, Err(StreamError::Trap(_))));
        let allowed = output.check_write().expect("it is open");
        assert_eq!(allowed, WRITE_BYTES_MAX);
        let over = output.write(Bytes::from(vec![0; allowed + 1]));
        assert!(matches!(over, Err(StreamError::Trap(_))));
        assert!(pieces.next().now_or_never().is_none());
        let mut other = output.p2_stream();
        let unasked = other.write(Bytes::from_static(b"x"));
        assert!(matches!(unasked, Err(StreamError::Trap(_))));
    }

    #[tokio::test]
    async fn what_is_empty_is_not_kept() {
        let (mut output, mut pieces) = pipe();
        for _ in 0..3 {
            output.write(Bytes::new()).expect("it is open");
        }
        let mut writer = Box::into_pin(output.async_stream());
        assert_eq!(writer.write(b"").await.expect("it is open"), 0);
        drop((output, writer));
        assert_eq!(pieces.next().await, None);
    }

    /// Writes as a guest does that asks first.
    fn print(output: &mut Output, text: &'static str) {
        let allowed = output.check_write().expect("it is open");
        assert!(allowed >= text.len());
        let printed = output.write(Bytes::from_static(text.as_bytes()));
        printed.expect("it was allowed");
    }

    #[tokio::test]
    async fn a_body_ends_where_its_head_said_whatever_the_command_does_then() {
        let (mut output, pieces) = pipe();
        let body = Rest::new(Bytes::from_static(b"one "), pieces, Some(7));
        print(&mut output, "two and more");
        let whole = body.collect().await.expect("it is complete").to_bytes();
        assert_eq!(&whole[..], b"one two");
    }

    #[tokio::test]
    async fn a_body_ends_with_its_last_writer() {
        let (mut output, pieces) = pipe();
        let body = Rest::new(Bytes::from_static(b"one "), pieces, None);
        print(&mut output, "two ");
        let mut writer = Box::into_pin(output.async_stream());
        writer.write_all(b"three").await.expect("it is open");
        drop((output, writer));
        let whole = body.collect().await.expect("it is complete").to_bytes();
        assert_eq!(whole, "one two three");
    }
}
