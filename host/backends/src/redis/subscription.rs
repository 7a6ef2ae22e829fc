//! The messages of one channel, for a host that starts components with them. Who opens the stream, and why, is not known
//! here.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use stoa_capabilities::redis::{Address, CALL_MAX, Error, Reply};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::wire::{self, Wire};

/// A message holds at most so many bytes, with what is sent beside it.
const MESSAGE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// After so long without a message the server is asked whether it is there: a peer that is gone says nothing.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// A connection that gets the messages of one channel. What is published while there is none is lost: Redis keeps
/// nothing.
pub struct Subscription<S> {
    wire: Wire<S>,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Subscription<S> {
    /// Subscribes over a stream to the server of `address`, within [`CALL_MAX`].
    ///
    /// # Errors
    /// When the server refuses, or does not answer.
    pub async fn start(stream: S, address: &Address, channel: &str) -> Result<Self, Error> {
        let mut wire = Wire::new(stream);
        let command = [b"SUBSCRIBE".to_vec(), channel.as_bytes().to_vec()];
        let subscribed = async {
            wire.greet(address).await?;
            wire.call(&command, MESSAGE_BYTES_MAX).await
        };
        timeout(CALL_MAX, subscribed)
            .await
            .map_err(|_| Error::Deadline)??;
        Ok(Self { wire })
    }

    /// Waits for a message. Dropping the future ends what the subscription is good for.
    ///
    /// # Errors
    /// When the connection is gone, or a message is too large. Nothing comes after an error.
    pub async fn next(&mut self) -> Result<Bytes, Error> {
        let Wire { reader, writer } = &mut self.wire;
        loop {
            let mut reading = pin!(reader.reply(MESSAGE_BYTES_MAX));
            let replies = match timeout(QUIET_MAX, reading.as_mut()).await {
                Ok(replies) => replies?,
                Err(_) => {
                    let asked = async {
                        wire::send(writer, &[b"PING".to_vec()]).await?;
                        reading.await
                    };
                    let answered = timeout(CALL_MAX, asked).await;
                    answered.map_err(|_| Error::Deadline)??
                }
            };
            // The answer to a question, for one, is no message.
            if let Some(payload) = message(replies) {
                return Ok(payload);
            }
        }
    }
}

fn message(replies: Vec<Reply>) -> Option<Bytes> {
    let [kind, _channel, payload] = <[Reply; 3]>::try_from(replies).ok()?;
    match (kind, payload) {
        (Reply::Bytes(kind), Reply::Bytes(payload)) if kind == b"message" => Some(payload.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const SUBSCRIBED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    const MESSAGE: &[u8] = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n";
    const PONG: &[u8] = b"*2\r\n$4\r\npong\r\n$0\r\n\r\n";

    async fn start(answer: &[u8]) -> (DuplexStream, Result<Subscription<DuplexStream>, Error>) {
        let (mut server, client) = duplex(1024);
        server.write_all(answer).await.expect("there is room");
        let address = Address::parse("redis://cache").expect("it is an address");
        (server, Subscription::start(client, &address, "c").await)
    }

    /// Reads what the client says, until it has said this.
    async fn hear(server: &mut DuplexStream, word: &str) {
        let mut said = String::new();
        let mut byte = [0];
        while !said.ends_with(word) {
            server.read_exact(&mut byte).await.expect("it says more");
            said.push(char::from(byte[0]));
        }
    }

    #[tokio::test]
    async fn who_may_not_listen_is_told_so() {
        let (_server, started) = start(b"-NOPERM this user has no permissions\r\n").await;
        assert!(matches!(started, Err(Error::Rejected(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_silent_is_asked_and_then_given_up() {
        let (mut server, started) = start(SUBSCRIBED).await;
        let mut subscription = started.expect("it is subscribed");
        let next = tokio::spawn(async move { subscription.next().await });
        hear(&mut server, "PING\r\n").await;
        let outcome = next.await.expect("it does not panic");
        assert_eq!(outcome, Err(Error::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_only_quiet_is_waited_for() {
        let (mut server, started) = start(SUBSCRIBED).await;
        let mut subscription = started.expect("it is subscribed");
        let next = tokio::spawn(async move { subscription.next().await });
        for _ in 0..3 {
            hear(&mut server, "PING\r\n").await;
            server.write_all(PONG).await.expect("there is room");
        }
        server.write_all(MESSAGE).await.expect("there is room");
        let outcome = next.await.expect("it does not panic");
        assert_eq!(outcome, Ok(Bytes::from_static(b"hi")));
    }

    #[tokio::test]
    async fn a_connection_that_ends_is_told() {
        let (server, started) = start(SUBSCRIBED).await;
        let mut subscription = started.expect("it is subscribed");
        drop(server);
        assert_eq!(subscription.next().await, Err(Error::Closed));
    }
}
