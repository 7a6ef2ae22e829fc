//! A small HTTP/1.1 client: enough to see a server as its users do, down to an answer that breaks off.
//!
//! It follows nothing, retries nothing and pools nothing; every wait has a bound.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

/// The longest line of a head or of chunk framing.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// A larger body is sent while its answer is read.
const BODY_AT_ONCE_BYTES_MAX: usize = 64 * 1024;
/// How much of a body is shown in a message.
const SHOWN_CHARS_MAX: usize = 200;

/// A request whose body, if any, is known.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

/// A connection, used for one request after the other.
pub(crate) struct Connection {
    reader: BufReader<Timed>,
    host: String,
    limit: Duration,
}

/// The sending end of a chunked body.
pub(crate) struct Chunks(TcpStream);

/// The body of an answer, as it arrives. An end that comes too early is an error.
pub(crate) struct Body<R> {
    reader: R,
    framing: Framing,
}

/// Reads until a moment, not one read at a time.
pub(crate) struct Timed {
    stream: TcpStream,
    until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// So many bytes are left of a chunk; `begun` says whether there was one.
    Chunked {
        left: u64,
        begun: bool,
    },
    UntilClose,
}

// === impl Request ===

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            headers: &[],
            body: &[],
        }
    }

    /// Everything but what tells how the body is framed.
    fn preamble(&self, host: &str) -> String {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", self.method, self.path);
        for (name, value) in self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text
    }
}

// === impl Head ===

impl Head {
    fn read(reader: &mut impl BufRead) -> anyhow::Result<Self> {
        let status = line(reader)?;
        let code = status
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1))
            .and_then(|code| code.parse::<u16>().ok());
        let mut head = Self {
            status: code.with_context(|| format!("not a status line: {status:?}"))?,
            headers: Vec::new(),
        };
        loop {
            let field = line(reader)?;
            if field.is_empty() {
                return Ok(head);
            }
            let (name, value) = field
                .split_once(':')
                .with_context(|| format!("not a header field: {field:?}"))?;
            head.headers
                .push((name.to_owned(), value.trim().to_owned()));
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn framing(&self) -> anyhow::Result<Framing> {
        if self.status == 204 || self.status == 304 {
            return Ok(Framing::Length(0));
        }
        let is_chunked = |coding: &str| coding.eq_ignore_ascii_case("chunked");
        if self.header("transfer-encoding").is_some_and(is_chunked) {
            return Ok(Framing::Chunked {
                left: 0,
                begun: false,
            });
        }
        match self.header("content-length") {
            Some(length) => {
                let length = length
                    .parse::<u64>()
                    .context("content-length is no number")?;
                Ok(Framing::Length(length))
            }
            None => Ok(Framing::UntilClose),
        }
    }
}

// === impl Response ===

impl Response {
    /// An answer that a test makes up.
    #[cfg(test)]
    pub(crate) fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = Vec::new();
        Self {
            head: Head { status, headers },
            body: body.into(),
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.status
    }

    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("the answer is no JSON: {}", self.shown()))
    }

    /// Status and the beginning of the body, for messages.
    pub(crate) fn shown(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let body: String = body.chars().take(SHOWN_CHARS_MAX).collect();
        format!("{} {}", self.status(), body.trim())
    }
}

// === impl Connection ===

impl Connection {
    /// Connects. `limit` bounds this and later every exchange, from its request to the end of its answer.
    pub(crate) fn open(address: SocketAddr, limit: Duration) -> anyhow::Result<Self> {
        let stream =
            connect(address, limit).with_context(|| format!("cannot connect to {address}"))?;
        let until = Instant::now() + limit;
        Ok(Self {
            reader: BufReader::new(Timed { stream, until }),
            host: address.to_string(),
            limit,
        })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) fn request(&mut self, request: &Request<'_>) -> anyhow::Result<Response> {
        if request.body.len() <= BODY_AT_ONCE_BYTES_MAX {
            self.send(request)?;
            return self.response();
        }
        self.exchange(request)
    }

    /// Sends a large body while its answer is read: a server that streams it back waits for its reader.
    fn exchange(&mut self, request: &Request<'_>) -> anyhow::Result<Response> {
        self.write(self.head_of(request).as_bytes())?;
        let mut stream = self.stream().try_clone().context("cannot share a socket")?;
        thread::scope(|scope| {
            // If it fails, the answer tells why, or there is none.
            scope.spawn(move || stream.write_all(request.body).ok());
            let response = self.response();
            if response.is_err() {
                self.shut_down();
            }
            response
        })
    }

    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<Response> {
        self.request(&Request::get(path))
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, request: &Request<'_>) -> anyhow::Result<()> {
        let mut bytes = self.head_of(request).into_bytes();
        bytes.extend_from_slice(request.body);
        self.write(&bytes)
    }

    fn head_of(&self, request: &Request<'_>) -> String {
        let mut message = request.preamble(&self.host);
        if request.method != "GET" {
            message.push_str(&format!("content-length: {}\r\n", request.body.len()));
        }
        message.push_str("\r\n");
        message
    }

    /// Sends a request's head; its body goes through the returned end, while the answer may be read here already.
    pub(crate) fn send_chunked(&mut self, request: &Request<'_>) -> anyhow::Result<Chunks> {
        let mut message = request.preamble(&self.host);
        message.push_str("transfer-encoding: chunked\r\n\r\n");
        self.write(message.as_bytes())?;
        let stream = self.stream().try_clone().context("cannot share a socket")?;
        Ok(Chunks(stream))
    }

    /// Reads an answer's head.
    pub(crate) fn head(&mut self) -> anyhow::Result<Head> {
        loop {
            let head = Head::read(&mut self.reader).context("no answer")?;
            // An interim answer: the final one follows.
            if head.status >= 200 {
                return Ok(head);
            }
        }
    }

    /// The body of the answer whose head was read last.
    pub(crate) fn body(&mut self, head: &Head) -> anyhow::Result<Body<&mut BufReader<Timed>>> {
        let framing = head.framing()?;
        Ok(Body {
            reader: &mut self.reader,
            framing,
        })
    }

    /// Reads a whole answer.
    pub(crate) fn response(&mut self) -> anyhow::Result<Response> {
        let head = self.head()?;
        let mut body = Vec::new();
        self.body(&head)?
            .read_to_end(&mut body)
            .context("the answer broke off")?;
        Ok(Response { head, body })
    }

    /// Ends both directions at once, for whoever waits at either end.
    pub(crate) fn shut_down(&self) {
        // It fails only where the other side was faster.
        self.stream().shutdown(Shutdown::Both).ok();
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.reader.get_mut().until = Instant::now() + self.limit;
        let mut stream = self.stream();
        stream.write_all(bytes).context("cannot send a request")
    }

    fn stream(&self) -> &TcpStream {
        &self.reader.get_ref().stream
    }
}

// === impl Chunks ===

impl Chunks {
    /// Sends a chunk; waits while the other side takes nothing.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            // A chunk of no bytes would be the end.
            return Ok(());
        }
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.0.write_all(&chunk)
    }

    /// Ends the body.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.0.write_all(b"0\r\n\r\n")
    }
}

// === impl Body ===

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Framing::Chunked { left: 0, begun } = self.framing {
            self.framing = next_chunk(&mut self.reader, begun)?;
        }
        match &mut self.framing {
            Framing::UntilClose => self.reader.read(buffer),
            Framing::Length(left) | Framing::Chunked { left, .. } => {
                some(&mut self.reader, left, buffer)
            }
        }
    }
}

// === impl Timed ===

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream
            .read(buffer)
            .map_err(|error| match error.kind() {
                // What Linux calls a read that took too long.
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => error,
            })
    }
}

// === functions ===

/// One request on a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str, limit: Duration) -> anyhow::Result<Response> {
    Connection::open(address, limit)?.get(path)
}

fn connect(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(limit))?;
    Ok(stream)
}

/// A line without its end.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    Read::take(&mut *reader, LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn next_chunk(reader: &mut impl BufRead, begun: bool) -> io::Result<Framing> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if begun && !line(reader)?.is_empty() {
        return Err(invalid("a chunk is longer than it says"));
    }
    let size = line(reader)?;
    let digits = size.split(';').next().unwrap_or_default().trim();
    match u64::from_str_radix(digits, 16) {
        Ok(0) => {
            // Trailers, up to the empty line that ends them.
            while !line(reader)?.is_empty() {}
            Ok(Framing::Length(0))
        }
        Ok(left) => Ok(Framing::Chunked { left, begun: true }),
        Err(_) => Err(invalid("a chunk does not say how long it is")),
    }
}

/// Reads some of what is left.
fn some(reader: &mut impl Read, left: &mut u64, buffer: &mut [u8]) -> io::Result<usize> {
    if *left == 0 {
        return Ok(0);
    }
    let most = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
    let read = reader.read(&mut buffer[..most])?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    *left -= read as u64;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str, body: &str) -> io::Result<String> {
        let text = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
        let framing = Head::read(&mut text.as_bytes())
            .and_then(|head| head.framing())
            .expect("the head is valid");
        let mut text = String::new();
        let reader = body.as_bytes();
        Body { reader, framing }.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn a_body_ends_where_its_framing_says() {
        let length = read("Content-Length: 3\r\n", "abcdef").expect("it is complete");
        assert_eq!(length, "abc");
        let body = "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nx: y\r\n\r\nrest";
        let chunked = read("transfer-encoding: chunked\r\n", body).expect("it is complete");
        assert_eq!(chunked, "abc");
        assert_eq!(read("", "abc").expect("it is complete"), "abc");
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error() {
        let broken = |head, body| read(head, body).expect_err("it is incomplete").kind();
        let end = io::ErrorKind::UnexpectedEof;
        assert_eq!(broken("content-length: 3\r\n", "ab"), end);
        for body in ["", "2\r\n", "2\r\na", "2\r\nab\r\n", "2\r\nab\r\n0\r\n"] {
            assert_eq!(
                broken("transfer-encoding: chunked\r\n", body),
                end,
                "{body:?}"
            );
        }
        let wrong = broken("transfer-encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n");
        assert_eq!(wrong, io::ErrorKind::InvalidData);
    }

    #[test]
    fn headers_are_found_in_any_case() {
        let head = Head::read(&mut &b"HTTP/1.1 201 Created\r\nETag: \"1\"\r\n\r\n"[..]);
        let head = head.expect("it is valid");
        assert_eq!((head.status, head.header("etag")), (201, Some("\"1\"")));
    }
}
