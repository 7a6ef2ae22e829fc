//! Packets on the wire: frames of at most 16 MiB with a length and a number, each behind the other. How long a packet may
//! be says who waits for it, and before that much of it is here.

use std::io;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::failure::Failure;

/// A frame begins with its length, in three bytes, and its number.
const HEAD_BYTES: usize = 4;
/// A frame of this length goes on in the next one.
const FRAME_BYTES_MAX: usize = 0xff_ffff;
/// What is read at once.
const READ_BYTES: usize = 8 * 1024;

/// What a connection is made of: a socket, or TLS over one.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection, packet by packet.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    incoming: Incoming,
}

/// What arrives, in whatever pieces.
#[derive(Default)]
struct Incoming {
    /// What was read and is not looked at yet.
    unread: BytesMut,
    /// What is known of the packet that is arriving.
    packet: Vec<u8>,
    /// None before its head is known.
    frame: Option<Frame>,
    /// The number of the next frame, whoever sends it.
    sequence: u8,
}

struct Frame {
    /// How much of it is still to come.
    left: usize,
    /// Whether the packet ends with it.
    last: bool,
}

// === impl Wire ===

impl Wire {
    pub(super) fn new(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            incoming: Incoming::default(),
        }
    }

    /// The next packet. Given up midway, it is gone on with by the next call.
    pub(super) async fn packet(&mut self, bytes_max: usize) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(packet) = self.incoming.packet(bytes_max)? {
                return Ok(packet);
            }
            self.incoming.unread.reserve(READ_BYTES);
            match self.stream.read_buf(&mut self.incoming.unread).await {
                Ok(0) | Err(_) => return Err(Failure::LOST),
                Ok(_) => {}
            }
        }
    }

    /// Begins an exchange. Given up midway, nobody knows what was sent.
    pub(super) async fn command(&mut self, body: &[u8]) -> Result<(), Failure> {
        self.incoming.sequence = 0;
        self.send(body).await
    }

    /// Goes on with an exchange, as [`command`](Self::command) begins one.
    pub(super) async fn send(&mut self, body: &[u8]) -> Result<(), Failure> {
        self.write(body).await.map_err(|_| Failure::LOST)
    }

    async fn write(&mut self, mut body: &[u8]) -> io::Result<()> {
        loop {
            let (now, later) = body.split_at(body.len().min(FRAME_BYTES_MAX));
            let length = now.len().to_le_bytes();
            // In one piece, because small ones are sent on their own.
            let mut frame = Vec::with_capacity(HEAD_BYTES + now.len());
            frame.extend_from_slice(&length[..3]);
            frame.push(self.incoming.number());
            frame.extend_from_slice(now);
            self.stream.write_all(&frame).await?;
            // A full frame says that another one follows, even if that is empty.
            if now.len() < FRAME_BYTES_MAX {
                return self.stream.flush().await;
            }
            body = later;
        }
    }

    /// Goes on over TLS. Nothing may have arrived yet: it would be taken for what came secured.
    pub(super) async fn secured(
        self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, Failure> {
        let Self { stream, incoming } = self;
        if !incoming.is_empty() {
            return Err(Failure::UNEXPECTED);
        }
        let connected = TlsConnector::from(config).connect(name, stream).await;
        let stream = connected.map_err(|error| untrusted(&error))?;
        Ok(Self {
            stream: Box::new(stream),
            incoming,
        })
    }
}

fn untrusted(error: &io::Error) -> Failure {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => {
            Failure::Broken("the server's certificate is not trusted")
        }
        Some(_) => Failure::Broken("the TLS handshake failed"),
        None => Failure::LOST,
    }
}

// === impl Incoming ===

impl Incoming {
    /// Goes on with what was read. A packet, once all of it is here.
    fn packet(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.begin(bytes_max)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let taken = frame.left.min(self.unread.len());
            self.packet.extend_from_slice(&self.unread[..taken]);
            self.unread.advance(taken);
            frame.left -= taken;
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            if frame.last {
                return Ok(Some(std::mem::take(&mut self.packet)));
            }
        }
    }

    /// Reads the head of a frame, if it is here.
    fn begin(&mut self, bytes_max: usize) -> Result<Option<Frame>, Failure> {
        let Some(&[low, middle, high, number]) = self.unread.first_chunk::<HEAD_BYTES>() else {
            return Ok(None);
        };
        if number != self.number() {
            return Err(Failure::Broken("the server sent packets out of order"));
        }
        let length = usize::from(low) | (usize::from(middle) << 8) | (usize::from(high) << 16);
        if length > bytes_max.saturating_sub(self.packet.len()) {
            return Err(Failure::TooLarge);
        }
        self.unread.advance(HEAD_BYTES);
        Ok(Some(Frame {
            left: length,
            last: length < FRAME_BYTES_MAX,
        }))
    }

    /// Numbers begin again after 255.
    fn number(&mut self) -> u8 {
        let number = self.sequence;
        self.sequence = number.wrapping_add(1);
        number
    }

    fn is_empty(&self) -> bool {
        self.unread.is_empty() && self.frame.is_none() && self.packet.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use stoa_capabilities::network::Network;

    use super::*;

    fn frame(number: u8, body: &[u8]) -> Vec<u8> {
        let length = body.len().to_le_bytes();
        [&length[..3], &[number], body].concat()
    }

    /// The packets of a stream that arrives in pieces of a size.
    fn read(stream: &[u8], piece: usize, max: usize) -> Result<Vec<Vec<u8>>, Failure> {
        let (mut incoming, mut packets) = (Incoming::default(), Vec::new());
        for piece in stream.chunks(piece) {
            incoming.unread.extend_from_slice(piece);
            while let Some(packet) = incoming.packet(max)? {
                packets.push(packet);
            }
        }
        Ok(packets)
    }

    #[test]
    fn a_packet_that_is_too_long_is_refused_by_its_head() {
        assert_eq!(read(&[11, 0, 0, 0], 4, 10), Err(Failure::TooLarge));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0], 1, 10), Err(Failure::TooLarge));
    }

    #[test]
    fn frames_of_one_packet_are_counted_together() {
        let full = frame(0, &vec![1; FRAME_BYTES_MAX]);
        let stream = [full, frame(1, &[2, 3])].concat();
        let packets = read(&stream, READ_BYTES, FRAME_BYTES_MAX + 2).expect("it fits");
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].len(), FRAME_BYTES_MAX + 2);
        let refused = read(&stream, READ_BYTES, FRAME_BYTES_MAX + 1);
        assert_eq!(refused, Err(Failure::TooLarge));
    }

    #[test]
    fn a_frame_out_of_order_is_refused() {
        for numbers in [[1, 2], [0, 0], [0, 2]] {
            let stream = numbers.map(|number| frame(number, b"a")).concat();
            let refused = read(&stream, 3, 10);
            assert!(matches!(refused, Err(Failure::Broken(_))), "{numbers:?}");
        }
    }

    #[test]
    fn packets_are_the_same_in_pieces_of_any_size() {
        let stream = [frame(0, b"one"), frame(1, b""), frame(2, b"three")].concat();
        for piece in 1..=stream.len() {
            let packets = read(&stream, piece, 5).expect("they fit");
            assert_eq!(packets, [&b"one"[..], b"", b"three"], "{piece}");
        }
    }

    #[test]
    fn what_is_cut_off_is_no_packet() {
        let stream = frame(0, b"one");
        for end in 0..stream.len() {
            assert_eq!(read(&stream[..end], 2, 5), Ok(Vec::new()), "{end}");
        }
    }

    #[tokio::test]
    async fn what_came_before_tls_is_not_taken_for_secured() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let sent = [frame(0, b"one"), frame(1, b"two")].concat();
        theirs.write_all(&sent).await.expect("it fits");
        let mut wire = Wire::new(ours);
        assert_eq!(wire.packet(10).await, Ok(b"one".to_vec()));
        let name = ServerName::try_from("a").expect("it is a name");
        let refused = wire.secured(Network::default().tls("a"), name).await;
        assert_eq!(refused.err(), Some(Failure::UNEXPECTED));
    }

    #[tokio::test]
    async fn a_packet_that_was_given_up_midway_is_gone_on_with() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut wire = Wire::new(ours);
        let sent = frame(0, b"one");
        theirs.write_all(&sent[..5]).await.expect("it fits");
        assert!(wire.packet(10).now_or_never().is_none());
        theirs.write_all(&sent[5..]).await.expect("it fits");
        assert_eq!(wire.packet(10).await, Ok(b"one".to_vec()));
        drop(theirs);
        assert_eq!(wire.packet(10).await, Err(Failure::LOST));
    }

    #[tokio::test]
    async fn a_full_frame_is_followed_by_another_one() {
        let (ours, mut theirs) = tokio::io::duplex(READ_BYTES);
        let sending = tokio::spawn(async move {
            let mut wire = Wire::new(ours);
            wire.command(&vec![9; FRAME_BYTES_MAX]).await
        });
        let mut sent = Vec::new();
        theirs.read_to_end(&mut sent).await.expect("it is read");
        assert_eq!(sending.await.expect("it ends"), Ok(()));
        assert_eq!(sent[..5], [0xff, 0xff, 0xff, 0, 9]);
        assert_eq!(sent[HEAD_BYTES + FRAME_BYTES_MAX..], [0, 0, 0, 1]);
    }
}
