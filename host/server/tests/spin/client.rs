//! A client of one request: enough to see an application as its users do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(60);

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// A `host` among them is sent instead of the one made up here.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a str,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            headers: &[],
            body: "",
        }
    }

    pub(crate) fn post(path: &'a str, body: &'a str) -> Self {
        Self {
            method: "POST",
            body,
            ..Self::get(path)
        }
    }

    /// Sends it on a connection of its own, and reads the whole answer.
    pub(crate) fn of(self, address: SocketAddr) -> Answer {
        let mut stream = TcpStream::connect(address).expect("it accepts");
        let bound = Some(CLIENT_MAX);
        stream.set_read_timeout(bound).expect("it can be set");
        stream.set_write_timeout(bound).expect("it can be set");
        stream
            .write_all(self.text().as_bytes())
            .expect("it is sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer comes");
        Answer::read(&String::from_utf8_lossy(&bytes))
    }

    fn text(self) -> String {
        let Self {
            method,
            path,
            headers,
            body,
        } = self;
        let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            text += "host: app.example\r\n";
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if method != "GET" {
            text += &format!("content-length: {}\r\n", body.len());
        }
        text + "\r\n" + body
    }
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("it has a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let fields = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        let headers: Vec<(String, String)> = fields
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Self {
            status: status.expect("it has a status"),
            headers,
            body: body.to_owned(),
        };
        if answer.values("transfer-encoding").contains(&"chunked") {
            answer.body = joined(body);
        }
        answer
    }

    /// The values of a header, in their order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter();
        let named = named.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// The text of a body that comes in pieces.
fn joined(mut pieces: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = pieces.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a piece has a size");
        text.push_str(&rest[..size]);
        pieces = rest[size..].trim_start_matches("\r\n");
    }
    text
}

/// As a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}
