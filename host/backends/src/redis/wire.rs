//! Commands out, replies in: RESP2 over any stream.

use std::io;

use stoa_capabilities::redis::{Address, Error, Reply};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf,
    WriteHalf,
};
use tracing::debug;

/// A line holds at most so many bytes: a status, a number or an error, never a value.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// What a server says to being greeted holds at most so many bytes.
const GREETING_BYTES_MAX: usize = 4 * 1024;

/// A connection, with what was read too early.
pub(super) struct Wire<S> {
    pub(super) reader: Reader<S>,
    pub(super) writer: WriteHalf<S>,
}

/// The half that replies come from.
pub(super) struct Reader<S> {
    stream: BufReader<ReadHalf<S>>,
    line: Vec<u8>,
}

/// What a reply may still hold.
struct Budget {
    left: usize,
    limit: usize,
}

// === impl Wire ===

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let reader = Reader {
            stream: BufReader::new(reader),
            line: Vec::new(),
        };
        Self { reader, writer }
    }

    /// Says who asks, and chooses the database.
    pub(super) async fn greet(&mut self, address: &Address) -> Result<(), Error> {
        if let Some(password) = &address.password {
            let user = address.user.as_ref().map(|user| user.expose());
            let words = [Some("AUTH"), user, Some(password.expose())];
            self.word(words.into_iter().flatten()).await?;
        }
        if address.database != 0 {
            let database = address.database.to_string();
            self.word(["SELECT", &database]).await?;
        }
        Ok(())
    }

    async fn word<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) -> Result<(), Error> {
        let command: Vec<_> = words
            .into_iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        self.call(&command, GREETING_BYTES_MAX).await.map(drop)
    }

    /// Sends a command and reads its reply, of at most so many bytes.
    pub(super) async fn call(
        &mut self,
        command: &[Vec<u8>],
        reply_bytes_max: usize,
    ) -> Result<Vec<Reply>, Error> {
        send(&mut self.writer, command).await?;
        self.reader.reply(reply_bytes_max).await
    }
}

// === impl Reader ===

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Reader<S> {
    /// Reads one reply to its end, even if there is an error in it. Dropping the future loses what was read of it.
    pub(super) async fn reply(&mut self, bytes_max: usize) -> Result<Vec<Reply>, Error> {
        let mut budget = Budget {
            left: bytes_max,
            limit: bytes_max,
        };
        let (mut replies, mut error) = (Vec::new(), None);
        // A list only says how many more there are. So there is no nesting to keep track of.
        let mut expected: u64 = 1;
        while expected > 0 {
            expected -= 1;
            self.read_line().await?;
            let (&kind, rest) = self.line.split_first().ok_or(Error::Protocol)?;
            let reply = match kind {
                b'+' => Reply::Status(text(rest)),
                b':' => Reply::Integer(number(rest)?),
                b'-' => {
                    error.get_or_insert_with(|| rejected(text(rest)));
                    continue;
                }
                b'$' => match length(rest)? {
                    Some(bytes) => Reply::Bytes(self.read_bytes(bytes, &mut budget).await?),
                    None => Reply::Nil,
                },
                b'*' => match length(rest)? {
                    Some(more) => {
                        expected = expected.checked_add(more).ok_or(Error::Protocol)?;
                        continue;
                    }
                    None => Reply::Nil,
                },
                _ => return Err(Error::Protocol),
            };
            let beside = match &reply {
                Reply::Status(word) => word.len(),
                // Counted before they were read.
                Reply::Nil | Reply::Integer(_) | Reply::Bytes(_) => 0,
            };
            budget.spend(size_of::<Reply>() + beside)?;
            replies.push(reply);
        }
        error.map_or(Ok(replies), Err)
    }

    /// Reads a line, without its end.
    async fn read_line(&mut self) -> Result<(), Error> {
        self.line.clear();
        let mut line = (&mut self.stream).take(LINE_BYTES_MAX);
        let read = line.read_until(b'\n', &mut self.line).await;
        match read.map_err(closed)? {
            0 => Err(Error::Closed),
            _ if self.line.ends_with(b"\r\n") => {
                self.line.truncate(self.line.len() - 2);
                Ok(())
            }
            _ => Err(Error::Protocol),
        }
    }

    /// Reads a value and the end of its line. Memory grows with what arrives, not with what is announced.
    async fn read_bytes(&mut self, bytes: u64, budget: &mut Budget) -> Result<Vec<u8>, Error> {
        let length = usize::try_from(bytes).map_err(|_| budget.exceeded())?;
        budget.spend(length)?;
        let mut value = Vec::new();
        let mut stream = (&mut self.stream).take(bytes);
        stream.read_to_end(&mut value).await.map_err(closed)?;
        let mut end = [0; 2];
        self.stream.read_exact(&mut end).await.map_err(closed)?;
        match value.len() == length && end == *b"\r\n" {
            true => Ok(value),
            false => Err(Error::Protocol),
        }
    }
}

// === impl Budget ===

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| self.exceeded())?;
        Ok(())
    }

    fn exceeded(&self) -> Error {
        Error::ReplyTooLarge(self.limit)
    }
}

// === functions ===

/// Sends a command.
pub(super) async fn send(
    writer: &mut (impl AsyncWrite + Unpin),
    command: &[Vec<u8>],
) -> Result<(), Error> {
    writer.write_all(&encoded(command)).await.map_err(closed)?;
    writer.flush().await.map_err(closed)
}

fn encoded(command: &[Vec<u8>]) -> Vec<u8> {
    // Two marks, two ends of lines and a number beside each word.
    const BESIDE: usize = 32;
    let bytes: usize = command.iter().map(|word| word.len() + BESIDE).sum();
    let mut encoded = Vec::with_capacity(BESIDE + bytes);
    encoded.extend(format!("*{}\r\n", command.len()).into_bytes());
    for word in command {
        encoded.extend(format!("${}\r\n", word.len()).into_bytes());
        encoded.extend_from_slice(word);
        encoded.extend_from_slice(b"\r\n");
    }
    encoded
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(digits: &[u8]) -> Result<i64, Error> {
    let digits = std::str::from_utf8(digits).map_err(|_| Error::Protocol)?;
    digits.parse().map_err(|_| Error::Protocol)
}

/// How long something is; -1 is for nothing at all.
fn length(digits: &[u8]) -> Result<Option<u64>, Error> {
    match number(digits)? {
        -1 => Ok(None),
        length => u64::try_from(length).map(Some).map_err(|_| Error::Protocol),
    }
}

fn rejected(why: String) -> Error {
    match why.starts_with("WRONGTYPE") {
        true => Error::WrongType,
        false => Error::Rejected(why),
    }
}

/// What the system says of a connection is for the log.
fn closed(error: io::Error) -> Error {
    debug!(%error, "a connection to Redis broke off");
    Error::Closed
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    const BYTES_MAX: usize = 1024;

    /// What is made of a server's bytes, after which the server closes.
    async fn read(bytes: &[u8]) -> Result<Vec<Reply>, Error> {
        let (mut server, mut wire) = wire();
        server.write_all(bytes).await.expect("there is room");
        drop(server);
        wire.reader.reply(BYTES_MAX).await
    }

    fn wire() -> (DuplexStream, Wire<DuplexStream>) {
        let (server, client) = duplex(64 * 1024);
        (server, Wire::new(client))
    }

    fn bytes(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn what_is_not_resp_is_refused() {
        for wrong in [
            "\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
            "%1\r\n+a\r\n+b\r\n",
            ":one\r\n",
            "$-2\r\n",
            "*-2\r\n",
            "$3\r\nabcde",
            "+OK\n",
            "*2\r\n*9223372036854775807\r\n*9223372036854775807\r\n*9223372036854775807\r\n",
        ] {
            let outcome = read(wrong.as_bytes()).await;
            assert_eq!(outcome, Err(Error::Protocol), "{wrong:?}");
        }
        let endless = vec![b'+'; 2 * LINE_BYTES_MAX as usize];
        let (mut server, mut wire) = wire();
        let send = tokio::spawn(async move { server.write_all(&endless).await });
        assert_eq!(wire.reader.reply(BYTES_MAX).await, Err(Error::Protocol));
        drop(wire);
        assert!(send.await.expect("it does not panic").is_err());
    }

    #[tokio::test]
    async fn a_reply_that_breaks_off_is_none() {
        for part in ["", "$3\r\nab", "*2\r\n+a\r\n"] {
            let outcome = read(part.as_bytes()).await;
            assert_eq!(outcome, Err(Error::Closed), "{part:?}");
        }
    }

    #[tokio::test]
    async fn more_than_the_limit_is_refused_before_it_is_read() {
        let too_large = Err(Error::ReplyTooLarge(BYTES_MAX));
        assert_eq!(read(b"$1025\r\n").await, too_large);
        assert_eq!(read(b"$9223372036854775807\r\n").await, too_large);
        // Small on the wire, and large in memory.
        let numbers = format!("*100\r\n{}", ":1\r\n".repeat(100));
        assert_eq!(read(numbers.as_bytes()).await, too_large);
        let within = BYTES_MAX - size_of::<Reply>();
        let value = format!("${within}\r\n{}\r\n", "x".repeat(within));
        assert!(read(value.as_bytes()).await.is_ok());
        let over = within + 1;
        let value = format!("${over}\r\n{}\r\n", "x".repeat(over));
        assert_eq!(read(value.as_bytes()).await, too_large);
    }

    #[tokio::test]
    async fn a_list_in_a_list_is_one_list() {
        let nested = b"*4\r\n:1\r\n*2\r\n$1\r\na\r\n*1\r\n$-1\r\n*0\r\n*-1\r\n";
        let flat = [Reply::Integer(1), bytes("a"), Reply::Nil, Reply::Nil];
        assert_eq!(read(nested).await, Ok(flat.to_vec()));
        assert_eq!(read(b"*0\r\n").await, Ok(vec![]));
        assert_eq!(read(b"$0\r\n\r\n").await, Ok(vec![bytes("")]));
        assert_eq!(read(b"+OK\r\n").await, Ok(vec![Reply::Status("OK".into())]));
        assert_eq!(
            read(b"$4\r\n\r\n\r\n\r\n").await,
            Ok(vec![bytes("\r\n\r\n")])
        );
    }

    #[tokio::test]
    async fn the_reply_after_one_with_an_error_in_it_is_the_next() {
        let (mut server, mut wire) = wire();
        let sent = b"*3\r\n:1\r\n-ERR no\r\n-ERR again\r\n-WRONGTYPE it is a list\r\n:2\r\n";
        server.write_all(sent).await.expect("there is room");
        let first = wire.reader.reply(BYTES_MAX).await;
        assert_eq!(first, Err(Error::Rejected("ERR no".into())));
        assert_eq!(wire.reader.reply(BYTES_MAX).await, Err(Error::WrongType));
        let last = wire.reader.reply(BYTES_MAX).await;
        assert_eq!(last, Ok(vec![Reply::Integer(2)]));
    }

    #[test]
    fn a_word_is_sent_as_it_is() {
        let command = [b"SET".to_vec(), b"k\r\n".to_vec(), Vec::new()];
        let sent = encoded(&command);
        assert_eq!(sent, b"*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$0\r\n\r\n");
    }

    #[tokio::test]
    async fn who_asks_is_said_first() {
        let address = Address::parse("redis://me:pw@cache/3").expect("it is an address");
        let (mut server, mut wire) = wire();
        server
            .write_all(b"+OK\r\n+OK\r\n")
            .await
            .expect("there is room");
        wire.greet(&address).await.expect("it is welcome");
        drop(wire);
        let mut said = String::new();
        server.read_to_string(&mut said).await.expect("it is text");
        let auth = "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\npw\r\n";
        assert_eq!(said, format!("{auth}*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"));
    }

    #[tokio::test]
    async fn who_is_not_welcome_is_told_so() {
        let address = Address::parse("redis://:pw@cache").expect("it is an address");
        let (mut server, mut wire) = wire();
        let no = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n";
        server.write_all(no).await.expect("there is room");
        let outcome = wire.greet(&address).await;
        assert!(matches!(outcome, Err(Error::Rejected(why)) if why.starts_with("WRONGPASS")));
    }
}
