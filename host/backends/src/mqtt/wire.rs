//! A connection to a broker: one message at a time, over any stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use stoa_capabilities::mqtt::{Error, Login, Message, Quality};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Instant;
use tracing::debug;

use super::packet::{self, BODY_BYTES, DISCONNECT, HEAD_BYTES, Received};

/// A connection that the broker has accepted.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    keep_alive: Duration,
    /// When something was said last.
    spoke: Instant,
    /// Of the last message.
    number: u16,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Asks the broker to accept the client.
    pub(super) async fn open(stream: S, client: &str, login: &Login) -> Result<Self, Error> {
        let mut wire = Self {
            stream,
            keep_alive: login.keep_alive,
            spoke: Instant::now(),
            number: 0,
        };
        wire.send(&packet::connect(client, login)).await?;
        match wire.receive().await? {
            Received::Welcome(0) => Ok(wire),
            Received::Welcome(code) => Err(Error::Refused(reason(code))),
            _ => Err(Error::Protocol),
        }
    }

    /// Sends a message, and waits for what its quality promises.
    pub(super) async fn publish(&mut self, message: &Message) -> Result<(), Error> {
        // 0 is no number.
        self.number = self.number.checked_add(1).unwrap_or(1);
        let number = self.number;
        self.send(&packet::publish(message, number)).await?;
        match message.quality {
            Quality::AtMostOnce => Ok(()),
            Quality::AtLeastOnce => self.expect(Received::Acknowledged(number)).await,
            Quality::ExactlyOnce => {
                self.expect(Received::Taken(number)).await?;
                self.send(&packet::release(number)).await?;
                self.expect(Received::Completed(number)).await
            }
        }
    }

    /// Whether the broker still has reason to listen: it was spoken to within the keep-alive, and has not closed.
    pub(super) fn is_alive(&mut self) -> bool {
        let silent = self.spoke.elapsed();
        if !self.keep_alive.is_zero() && silent >= self.keep_alive {
            return false;
        }
        // Between two messages there is nothing to read: neither an end nor a byte.
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(Waker::noop());
        let read = Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer);
        read.is_pending()
    }

    /// Says good-bye, if that needs no waiting: a broker notices an end without it, too. Only between two messages, where
    /// it cannot become part of one.
    pub(super) fn part(mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let mut stream = Pin::new(&mut self.stream);
        if let Poll::Ready(Ok(_)) = stream.as_mut().poll_write(&mut cx, &DISCONNECT) {
            // The same holds for the rest of it.
            drop(stream.poll_flush(&mut cx));
        }
    }

    async fn expect(&mut self, wanted: Received) -> Result<(), Error> {
        match self.receive().await? == wanted {
            true => Ok(()),
            false => Err(Error::Protocol),
        }
    }

    async fn send(&mut self, packet: &[u8]) -> Result<(), Error> {
        self.stream.write_all(packet).await.map_err(closed)?;
        self.stream.flush().await.map_err(closed)?;
        self.spoke = Instant::now();
        Ok(())
    }

    async fn receive(&mut self) -> Result<Received, Error> {
        let (mut head, mut body) = ([0; HEAD_BYTES], [0; BODY_BYTES]);
        self.stream.read_exact(&mut head).await.map_err(closed)?;
        // What is not as long as what is expected is not read.
        if usize::from(head[1]) != BODY_BYTES {
            return Err(Error::Protocol);
        }
        self.stream.read_exact(&mut body).await.map_err(closed)?;
        Received::read(head, body)
    }
}

fn reason(code: u8) -> &'static str {
    match code {
        1 => "it does not speak MQTT 3.1.1",
        2 => "it does not accept the client id",
        3 => "it is not available",
        4 => "the user name or password is wrong",
        5 => "the client is not authorized",
        _ => "it does not say why",
    }
}

/// What the system says of a connection is for the log.
fn closed(error: io::Error) -> Error {
    debug!(%error, "a connection to a broker broke off");
    Error::Closed
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::variables::Secret;
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    const WELCOME: &[u8] = &[0x20, 2, 0, 0];

    async fn open(
        answer: &[u8],
        keep_alive: u64,
    ) -> (DuplexStream, Result<Wire<DuplexStream>, Error>) {
        let (mut broker, client) = duplex(1024);
        broker.write_all(answer).await.expect("there is room");
        let login = Login {
            user: String::new(),
            password: Secret::default(),
            keep_alive: Duration::from_secs(keep_alive),
        };
        let wire = Wire::open(client, "me", &login).await;
        let mut connect = [0; 16];
        broker.read_exact(&mut connect).await.expect("it asks");
        (broker, wire)
    }

    async fn welcomed(keep_alive: u64) -> (DuplexStream, Wire<DuplexStream>) {
        let (broker, wire) = open(WELCOME, keep_alive).await;
        (broker, wire.expect("it is welcome"))
    }

    fn message(quality: Quality) -> Message {
        Message {
            topic: "a".into(),
            payload: Vec::new(),
            quality,
        }
    }

    #[tokio::test]
    async fn who_is_not_welcome_is_told_why() {
        for code in 1..=6 {
            let (_broker, wire) = open(&[0x20, 2, 0, code], 0).await;
            let refused = wire.expect_err("it is not welcome");
            assert_eq!(refused, Error::Refused(reason(code)));
        }
    }

    #[tokio::test]
    async fn a_server_that_is_no_broker_is_told() {
        for answer in [&b"HTTP/1.1 400"[..], &[0x40, 2, 0, 1], &[0x20, 3, 0, 0, 0]] {
            let (_broker, wire) = open(answer, 0).await;
            assert_eq!(wire.expect_err("it is none"), Error::Protocol);
        }
    }

    #[tokio::test]
    async fn another_answer_than_the_promised_one_is_none() {
        for (quality, answer) in [
            // Of another message.
            (Quality::AtLeastOnce, &[0x40, 2, 0, 2][..]),
            (Quality::ExactlyOnce, &[0x40, 2, 0, 1]),
            (Quality::ExactlyOnce, &[0x50, 2, 0, 1, 0x70, 2, 0, 2]),
        ] {
            let (mut broker, mut wire) = welcomed(0).await;
            broker.write_all(answer).await.expect("there is room");
            let outcome = wire.publish(&message(quality)).await;
            assert_eq!(outcome, Err(Error::Protocol), "{quality:?}");
        }
    }

    #[tokio::test]
    async fn a_broker_that_is_gone_is_noticed_before_the_next_message() {
        let (broker, mut wire) = welcomed(0).await;
        assert!(wire.is_alive());
        drop(broker);
        assert!(!wire.is_alive());
        let outcome = wire.publish(&message(Quality::AtLeastOnce)).await;
        assert_eq!(outcome, Err(Error::Closed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_good_for_its_keep_alive() {
        let (_broker, mut wire) = welcomed(5).await;
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(wire.is_alive());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!wire.is_alive());
        let (_broker, mut wire) = welcomed(0).await;
        tokio::time::advance(Duration::from_secs(1_000_000)).await;
        assert!(wire.is_alive());
    }

    #[tokio::test]
    async fn a_client_says_good_bye() {
        let (mut broker, wire) = welcomed(0).await;
        wire.part();
        let mut said = Vec::new();
        broker.read_to_end(&mut said).await.expect("it ends");
        assert_eq!(said, DISCONNECT);
    }

    #[tokio::test]
    async fn every_message_has_a_number_of_its_own() {
        let (mut broker, mut wire) = welcomed(0).await;
        wire.number = u16::MAX - 1;
        for number in [[0xff, 0xff], [0, 1]] {
            let [high, low] = number;
            let answer = [0x50, 2, high, low, 0x70, 2, high, low];
            broker.write_all(&answer).await.expect("there is room");
            let outcome = wire.publish(&message(Quality::ExactlyOnce)).await;
            assert_eq!(outcome, Ok(()));
            let mut said = [0; 11];
            broker.read_exact(&mut said).await.expect("it is said");
            assert_eq!(said, [0x34, 5, 0, 1, b'a', high, low, 0x62, 2, high, low]);
        }
    }
}
