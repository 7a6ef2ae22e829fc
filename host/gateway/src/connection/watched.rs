//! A stream whose connection is watched, and whose small writes are made at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::watch::Watch;

/// Up to so many bytes, a head and a small body mostly, are put together before they are written: that costs less than a
/// write in parts.
const AT_ONCE_BYTES_MAX: usize = 1024;

/// A stream that tells the watch what passes through it.
pub(super) struct Watched<IO> {
    stream: IO,
    watch: Arc<Watch>,
}

impl<IO> Watched<IO> {
    pub(super) fn new(stream: IO, watch: Arc<Watch>) -> Self {
        Self { stream, watch }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Watched<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.watch.read(buffer.filled().len() - before);
        poll
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Watched<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch.write(poll.is_pending());
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let stream = Pin::new(&mut self.stream);
        let poll = match length <= AT_ONCE_BYTES_MAX {
            true => {
                let mut bytes = [0; AT_ONCE_BYTES_MAX];
                let mut left = bytes.as_mut_slice();
                for part in parts {
                    left.put_slice(part);
                }
                stream.poll_write(cx, &bytes[..length])
            }
            false => stream.poll_write_vectored(cx, parts),
        };
        self.watch.write(poll.is_pending());
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    use crate::connection::Protocol;

    /// Keeps what is written, and in how many parts.
    #[derive(Default)]
    struct Written(Vec<(usize, Vec<u8>)>);

    impl AsyncWrite for Written {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            parts: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            let length = bytes.len();
            self.0.push((parts.len(), bytes));
            Poll::Ready(Ok(length))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_small_answer_is_written_at_once_and_a_large_one_as_it_is() {
        let mut stream = Watched::new(Written::default(), Arc::new(Watch::new(Protocol::Http1)));
        let large = [b'x'; AT_ONCE_BYTES_MAX];
        for body in [&large[..AT_ONCE_BYTES_MAX - 4], &large[..]] {
            let parts = [io::IoSlice::new(b"head"), io::IoSlice::new(body)];
            let written = stream.write_vectored(&parts).await;
            assert_eq!(written.expect("it takes all"), 4 + body.len());
        }
        let parts = stream.stream.0.iter().map(|(parts, _)| *parts);
        assert_eq!(parts.collect::<Vec<_>>(), [1, 2]);
        for (_, bytes) in &stream.stream.0 {
            assert!(bytes.starts_with(b"headx") && bytes.ends_with(b"x"));
        }
    }
}
