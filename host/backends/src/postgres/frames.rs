//! A look at the lengths of what a server sends, so that no message becomes larger than a result may.
//!
//! The driver puts a whole message together before anybody can count it, and a message is as long as it says, up to two
//! gigabytes. So whoever says too much is cut off here, in one message or in many that the driver keeps ([`Kept`]).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::kept::Kept;

/// A message begins with a letter and its length.
const HEAD_BYTES: usize = 5;
/// What a message has beside the values of a row: its head, and the length of each.
const OVERHEAD_BYTES: usize = 64 * 1024;

/// What a connection is made of: a socket, or TLS over one.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<W: AsyncRead + AsyncWrite + Send + Unpin> Wire for W {}

/// A wire whose messages are measured.
pub(super) struct Frames {
    wire: Box<dyn Wire>,
    message_bytes_max: usize,
    measure: Measure,
    too_large: Arc<AtomicBool>,
    kept: Arc<Kept>,
}

impl Frames {
    pub(super) fn new(wire: Box<dyn Wire>, result_bytes_max: usize) -> Self {
        Self {
            wire,
            message_bytes_max: result_bytes_max.saturating_add(OVERHEAD_BYTES),
            measure: Measure::default(),
            too_large: Arc::default(),
            kept: Arc::default(),
        }
    }

    /// Raised when a message was too large, which ends the connection.
    pub(super) fn too_large(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.too_large)
    }

    /// What the driver keeps of the messages.
    pub(super) fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept)
    }
}

/// Where in the stream of messages it is.
#[derive(Default)]
struct Measure {
    head: [u8; HEAD_BYTES],
    /// How much of the head is known.
    known: usize,
    /// How much of the body is still to come.
    body: usize,
}

impl Measure {
    /// Goes on over `bytes`. `false` if a message of this letter and length is not admitted.
    fn goes_on(&mut self, mut bytes: &[u8], admits: impl Fn(u8, usize) -> bool) -> bool {
        while !bytes.is_empty() {
            if self.body > 0 {
                let skipped = self.body.min(bytes.len());
                self.body -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (HEAD_BYTES - self.known).min(bytes.len());
            self.head[self.known..self.known + taken].copy_from_slice(&bytes[..taken]);
            self.known += taken;
            bytes = &bytes[taken..];
            if self.known == HEAD_BYTES {
                let (kind, length) = self.begin();
                if !admits(kind, length) {
                    return false;
                }
            }
        }
        true
    }

    /// The length counts itself, but not the letter. One that is less than itself is the driver's to refuse.
    fn begin(&mut self) -> (u8, usize) {
        let [kind, length @ ..] = self.head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        self.known = 0;
        self.body = length.saturating_sub(size_of::<u32>());
        (kind, length)
    }
}

impl AsyncRead for Frames {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.wire).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        let (max, too_large, kept) = (this.message_bytes_max, &this.too_large, &this.kept);
        let admits = |kind: u8, length: usize| match length > max {
            true => {
                too_large.store(true, Ordering::Relaxed);
                false
            }
            false => kept.note(kind, length),
        };
        Poll::Ready(match this.measure.goes_on(read, admits) {
            true => Ok(()),
            false => Err(io::Error::other("the server sends more than it may")),
        })
    }
}

impl AsyncWrite for Frames {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().wire).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: usize) -> Vec<u8> {
        let mut message = vec![b'D'];
        message.extend((u32::try_from(body).expect("it is short") + 4).to_be_bytes());
        message.extend(vec![0; body]);
        message
    }

    /// Whether a stream passes, in pieces of any size.
    fn passes(stream: &[u8], max: usize) -> bool {
        let outcomes: Vec<bool> = (1..=stream.len())
            .map(|piece| {
                let mut measure = Measure::default();
                stream
                    .chunks(piece)
                    .all(|piece| measure.goes_on(piece, |_, length| length <= max))
            })
            .collect();
        assert!(outcomes.iter().all(|passed| *passed == outcomes[0]));
        outcomes[0]
    }

    #[test]
    fn a_message_that_is_too_long_is_noticed_wherever_it_stands() {
        let stream = [message(0), message(3), message(30), message(3)].concat();
        assert!(passes(&stream, 34));
        assert!(!passes(&stream, 33));
    }

    #[test]
    fn what_looks_like_a_length_inside_of_a_message_is_none() {
        let mut message = message(8);
        message[5..].fill(0xff);
        assert!(passes(&[message.clone(), message].concat(), 12));
    }

    #[test]
    fn a_length_less_than_itself_is_left_to_the_driver() {
        assert!(passes(&[b'D', 0, 0, 0, 0, b'D', 0, 0, 0, 4], 12));
    }
}
