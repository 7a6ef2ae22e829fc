//! A client in HTTP/1.1, on a connection that it keeps.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(120);

pub(crate) struct Connection(BufReader<TcpStream>);

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it accepts");
        let bound = Some(CLIENT_MAX);
        stream.set_read_timeout(bound).expect("it can be set");
        Self(BufReader::new(stream))
    }

    pub(crate) fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"
        ));
        self.answer()
    }

    /// Sends a part of a request.
    pub(crate) fn send(&mut self, text: &str) {
        let stream = self.0.get_mut();
        stream.write_all(text.as_bytes()).expect("it is sent");
    }

    /// Reads on until this has come, and answers all that came.
    pub(crate) fn read_until(&mut self, part: &str) -> String {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(part) {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("the answer goes on");
            seen.extend_from_slice(&byte);
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    fn answer(&mut self) -> Answer {
        let first = self.line();
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut answer = Answer {
            status: status.unwrap_or_else(|| panic!("an answer begins with `{first}`")),
            headers: self.headers(),
            body: String::new(),
        };
        let length = answer.header("content-length");
        let length = length.map(|length| length.parse::<usize>().expect("it is a number"));
        let body = match (length, answer.header("transfer-encoding")) {
            (_, Some("chunked")) => self.chunks(),
            (length, _) => self.bytes(length.unwrap_or(0)),
        };
        answer.body = String::from_utf8(body).expect("it is text");
        answer
    }

    fn headers(&mut self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            match line.split_once(':') {
                Some((name, value)) => {
                    headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                None => return headers,
            }
        }
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let size = self.line();
            let size = usize::from_str_radix(&size, 16).expect("it is a size");
            body.extend(self.bytes(size));
            // What ends the chunk; there are no trailers.
            assert_eq!(self.line(), "");
            if size == 0 {
                return body;
            }
        }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("the body is whole");
        bytes
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line comes");
        assert!(line.ends_with("\r\n"), "the connection ended: `{line}`");
        line.trim_end().to_owned()
    }
}

// === impl Answer ===

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The cookie it sets, as a client sends it back.
    pub(crate) fn cookie(&self) -> Option<&str> {
        self.header("set-cookie")?.split(';').next()
    }

    /// The one revision that all of it is of.
    #[track_caller]
    pub(crate) fn word(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        let mut lines = self.body.lines().map(str::trim);
        let first = lines.next().expect("it says something");
        assert!(lines.all(|line| line == first), "two revisions: {self:?}");
        first.to_owned()
    }
}
