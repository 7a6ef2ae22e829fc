//! From a host to a stream: its addresses, those of them that may be reached, the first that answers.

use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use stoa_manifest::hosts;
use tokio::net::TcpStream;

use super::socket::Stream;
use super::{Error, Gate, Transport, tls};

/// Addresses of one name that are tried, one after the other.
const ADDRESSES_MAX: usize = 8;

impl Gate {
    /// A stream to a host, and whether it speaks HTTP/2. `configured` is for TLS.
    pub(super) async fn establish(
        &self,
        host: &str,
        port: u16,
        transport: Transport,
        configured: Option<tls::Configured>,
    ) -> Result<(Box<dyn Stream>, bool), Error> {
        // What was checked is what is connected to: the name is not resolved a second time, which might answer otherwise.
        let addresses = self.addresses(host, port).await?;
        let stream = dial(&addresses, self.settings.connect_max()).await?;
        let Some(configured) = configured else {
            return Ok((Box::new(stream), false));
        };
        let stream = tls::connect(&configured, transport, host, stream).await?;
        let http2 = tls::is_http2(&stream);
        Ok((Box::new(stream), http2))
    }

    /// The addresses of a host that are not blocked. There is at least one.
    pub(super) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let mut addresses = match hosts::address(host) {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => self.resolved(host, port).await?,
        };
        if addresses.is_empty() {
            return Err(Error::Name);
        }
        addresses.retain(|address| !self.settings.blocks(address.ip()));
        addresses.truncate(ADDRESSES_MAX);
        match addresses.is_empty() {
            true => Err(Error::Blocked),
            false => Ok(addresses),
        }
    }

    async fn resolved(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let turn = self.lookups.turn().await;
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

/// The first of the addresses that answers. Each gets its share of the time, so that a silent one does not use it up.
async fn dial(addresses: &[SocketAddr], within: Duration) -> Result<TcpStream, Error> {
    let share = within / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
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
