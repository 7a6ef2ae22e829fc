//! New connections: which addresses a name has, which of them may be reached, and how many connections there are.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use stoa_manifest::hosts::{self, Network};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::tls;

/// How long a connection may take to be there, from the look-up of its name to the end of its TLS handshake.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Look-ups of one component at once. Each holds a thread for as long as the resolver takes, which nobody can cut short.
const LOOKUPS_MAX: usize = 16;
/// Addresses of one name that are tried, one after the other.
const ADDRESSES_MAX: usize = 8;

const OPEN: &str = "the semaphore is never closed";

/// Why there is no connection. A closed list, so that no text of the system reaches a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("the name has no address")]
    Name,
    #[error("every address is in a blocked network")]
    Blocked,
    #[error("the connection was refused")]
    Refused,
    #[error("the address cannot be reached")]
    Unreachable,
    #[error("the connection ended during its handshake")]
    Terminated,
    #[error("there was no connection in time")]
    TimedOut,
    #[error("nobody waits for the connection any more")]
    Unwanted,
    #[error("the certificate is not trusted")]
    Certificate,
    #[error("the other side sent the TLS alert {0}")]
    Alert(u8),
    #[error("the TLS handshake failed")]
    Tls,
}

tokio::task_local! {
    /// Cancelled when the request that asked for a connection has its answer or is gone. The client goes on making a
    /// connection whose request was served by another one that became idle; while that waits for its place, there would
    /// be no bound to how many do.
    pub(super) static WANTED: CancellationToken;
}

/// The port that a URL leads to.
pub(super) fn port(uri: &Uri) -> u16 {
    let default = match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    uri.port_u16().unwrap_or(default)
}

/// Makes connections for one revision. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector {
    blocked: Arc<[Network]>,
    places: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
}

impl Connector {
    /// Each connection takes one of `places` for as long as it is open.
    pub(super) fn new(blocked: &[Network], places: &Arc<Semaphore>) -> Self {
        Self {
            blocked: blocked.into(),
            places: Arc::clone(places),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }
    }

    async fn connect(
        &self,
        destination: &Uri,
        wanted: &CancellationToken,
    ) -> Result<TokioIo<Socket>, Error> {
        let place = self.place(wanted).await?;
        let established = tokio::time::timeout(CONNECT_MAX, self.establish(destination));
        let (stream, http2) = established.await.map_err(|_| Error::TimedOut)??;
        Ok(TokioIo::new(Socket {
            stream,
            http2,
            _place: place,
        }))
    }

    /// Waits for a place, which ends with the request that waits.
    async fn place(&self, wanted: &CancellationToken) -> Result<OwnedSemaphorePermit, Error> {
        tokio::select! {
            biased;
            place = Arc::clone(&self.places).acquire_owned() => Ok(place.expect(OPEN)),
            () = wanted.cancelled() => Err(Error::Unwanted),
        }
    }

    async fn establish(&self, destination: &Uri) -> Result<(Box<dyn Stream>, bool), Error> {
        let host = destination.host().ok_or(Error::Name)?;
        // What was checked is what is connected to: the name is not resolved a second time, which might answer otherwise.
        let addresses = self.addresses(host, port(destination)).await?;
        let stream = dial(&addresses).await?;
        if destination.scheme_str() != Some("https") {
            return Ok((Box::new(stream), false));
        }
        let stream = tls::connect(host, stream).await?;
        let http2 = tls::is_http2(&stream);
        Ok((Box::new(stream), http2))
    }

    /// The addresses of a host that are not blocked.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let mut addresses = match hosts::address(host) {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => self.look_up(host, port).await?,
        };
        if addresses.is_empty() {
            return Err(Error::Name);
        }
        addresses.retain(|address| !self.blocks(address.ip()));
        addresses.truncate(ADDRESSES_MAX);
        match addresses.is_empty() {
            true => Err(Error::Blocked),
            false => Ok(addresses),
        }
    }

    fn blocks(&self, address: IpAddr) -> bool {
        self.blocked.iter().any(|network| network.contains(address))
    }

    async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let turn = Arc::clone(&self.lookups).acquire_owned().await.expect(OPEN);
        let host = host.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            // Given back by the thread, not by who waits for it: that one may be gone long before.
            drop(turn);
            found.map(Iterator::collect::<Vec<_>>)
        });
        match found.await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(_)) | Err(_) => Err(Error::Name),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Socket>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        // Asked here, where the request is what is polled: later it may be a task of the client's.
        let wanted = WANTED
            .try_with(CancellationToken::clone)
            .unwrap_or_default();
        let connector = self.clone();
        Box::pin(async move { connector.connect(&destination, &wanted).await })
    }
}

/// The first of the addresses that answers. Each gets its share of the time, so that a silent one does not use it up.
async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let share = CONNECT_MAX / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut last = Error::Unreachable;
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it, small requests would wait for the acknowledgement of what went before. If it cannot be set
                // they only take longer.
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Ok(Err(error)) => last = worded(error.kind()),
            Err(_) => last = Error::TimedOut,
        }
    }
    Err(last)
}

fn worded(kind: ErrorKind) -> Error {
    match kind {
        ErrorKind::ConnectionRefused => Error::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Error::Terminated,
        ErrorKind::TimedOut => Error::TimedOut,
        _ => Error::Unreachable,
    }
}

/// Plain or TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One connection. Its place is free again when the socket is closed.
pub(super) struct Socket {
    stream: Box<dyn Stream>,
    http2: bool,
    _place: OwnedSemaphorePermit,
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        match self.http2 {
            true => Connected::new().negotiated_h2(),
            false => Connected::new(),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
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

    fn connector(blocked: &[&str]) -> Connector {
        let parse = |text: &&str| text.parse::<Network>().expect("it is a network");
        let blocked: Vec<Network> = blocked.iter().map(parse).collect();
        Connector::new(&blocked, &Arc::new(Semaphore::new(1)))
    }

    #[tokio::test]
    async fn blocked_addresses_are_left_out_however_they_are_written() {
        let connector = connector(&["127.0.0.0/8", "::1"]);
        for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
            let outcome = connector.addresses(host, 80).await;
            assert_eq!(outcome, Err(Error::Blocked), "{host}");
        }
        // Forms that only the resolver takes for an address.
        for host in ["2130706433", "0x7f.1"] {
            let outcome = connector.addresses(host, 80).await;
            assert!(
                matches!(outcome, Err(Error::Blocked | Error::Name)),
                "{host}: {outcome:?}"
            );
        }
        let other = connector.addresses("203.0.113.7", 80).await;
        assert_eq!(other, Ok(vec![SocketAddr::from(([203, 0, 113, 7], 80))]));
    }

    #[tokio::test]
    async fn a_connection_that_nobody_waits_for_stops_waiting_for_its_place() {
        let connector = connector(&[]);
        let wanted = CancellationToken::new();
        let first = connector.place(&wanted).await.expect("there is one place");
        wanted.cancel();
        let second = connector.place(&wanted).await;
        assert_eq!(second.err(), Some(Error::Unwanted));
        drop(first);
        assert!(connector.place(&wanted).await.is_ok());
    }

    #[test]
    fn a_url_without_a_port_leads_to_that_of_its_scheme() {
        for (url, expected) in [
            ("http://a.com/", 80),
            ("https://a.com/", 443),
            ("https://a.com:8443/", 8443),
            ("http://[::1]:81/", 81),
        ] {
            assert_eq!(port(&Uri::from_static(url)), expected, "{url}");
        }
    }
}
