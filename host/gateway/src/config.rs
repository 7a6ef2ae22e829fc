//! Limits of the public side, each with its default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The gateway of one host.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients connect. Default `127.0.0.1:3000`.
    pub listen: SocketAddr,
    /// Certificate and key; plain HTTP without. Default none.
    pub tls: Option<Tls>,
    /// What a client may use.
    pub limits: Limits,
}

/// Files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, followed by those that signed it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What a client may use. The numbers follow what the edge guides of Envoy and Kong recommend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; further ones wait in the listen queue. Default 10,000.
    pub connections_max: usize,
    /// Requests in flight on the host; further ones get 503. Default 4,096.
    pub requests_in_flight_max: usize,
    /// Bytes of one request body, unless the route says otherwise; more gets 413. Default 16 MiB.
    pub request_body_bytes_max: u64,
    /// Header fields of a request; more gets 431. Default 100.
    pub request_headers_max: usize,
    /// Bytes of a request's head; more gets 431. In HTTP/1 what is in one read with them may pass: never twice as many. As
    /// much of a body is read and written at once: with 32 KiB a megabyte that passes through took up to two fifths longer,
    /// with more than 64 KiB no less. Default 64 KiB.
    pub request_head_bytes_max: usize,
    /// From the first byte of a request, or of a TLS handshake, to the end of its head; in HTTP/2, from the first byte of
    /// the connection to its first request. Default 10 s.
    pub head_read_max: Duration,
    /// Between two reads of a request body. Default 30 s.
    pub body_idle_max: Duration,
    /// Without a request, until the connection is closed. Default 60 s.
    pub connection_idle_max: Duration,
    /// Until a client that does not read must have taken something. Default 30 s.
    pub write_stall_max: Duration,
    /// From the signal to stop until requests still in flight are cut off. Default 30 s.
    pub drain_max: Duration,
    /// Streams of one HTTP/2 connection at once. Default 100.
    pub http2_streams_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            requests_in_flight_max: 4_096,
            request_body_bytes_max: 16 * 1024 * 1024,
            request_headers_max: 100,
            request_head_bytes_max: 64 * 1024,
            head_read_max: Duration::from_secs(10),
            body_idle_max: Duration::from_secs(30),
            connection_idle_max: Duration::from_secs(60),
            write_stall_max: Duration::from_secs(30),
            drain_max: Duration::from_secs(30),
            http2_streams_max: 100,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            tls: None,
            limits: Limits::default(),
        }
    }
}
