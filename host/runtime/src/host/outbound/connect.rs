//! New connections of HTTP, through the component's network, which decides what is connected to and how many there are.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use stoa_capabilities::network::{Error, Kind, Network, Socket, Transport};
use tokio_util::sync::CancellationToken;
use tower::Service;

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
    network: Network,
}

/// A connection, as the client of HTTP wants it.
pub(super) struct Wire(TokioIo<Socket>);

// === impl Connector ===

impl Connector {
    pub(super) fn new(network: &Network) -> Self {
        Self {
            network: network.clone(),
        }
    }

    async fn connect(&self, destination: &Uri, wanted: &CancellationToken) -> Result<Wire, Error> {
        let place = tokio::select! {
            biased;
            place = self.network.place(Kind::Http) => place?,
            () = wanted.cancelled() => return Err(Error::Full),
        };
        let (scheme, transport) = match destination.scheme_str() {
            Some("https") => ("https", Transport::Https),
            _ => ("http", Transport::Plain),
        };
        let host = destination.host().ok_or(Error::Name)?;
        let port = port(destination);
        let socket = self.network.connect(place, scheme, host, port, transport);
        Ok(Wire(TokioIo::new(socket.await?)))
    }
}

impl Service<Uri> for Connector {
    type Response = Wire;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, Error>> + Send>>;

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

// === impl Wire ===

impl Connection for Wire {
    fn connected(&self) -> Connected {
        match self.0.inner().is_http2() {
            true => Connected::new().negotiated_h2(),
            false => Connected::new(),
        }
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::network::Settings;
    use stoa_manifest::text::Source;

    use super::*;

    /// A connector of a component that may have one connection, to anywhere.
    fn connector() -> Connector {
        let text = "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
            [component.guest]\nsource = \"guest.wasm\"\nallowed_outbound_hosts = [\"*://*:*\"]\n\
            [component.guest.tool.stoa]\nschema = 1\nlimits = { outbound_connections_max = 1 }\n\
            [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n";
        let app = stoa_manifest::parse(&Source::new("spin.toml", text), None);
        let app = app.unwrap_or_else(|error| panic!("{error}"));
        let component = app.components.values().next().expect("there is one");
        Connector::new(&Network::new(component, &Settings::default()))
    }

    #[tokio::test]
    async fn a_connection_that_nobody_waits_for_stops_waiting_for_its_place() {
        let connector = connector();
        let wanted = CancellationToken::new();
        let first = connector.network.place(Kind::Http).await;
        let destination = Uri::from_static("http://127.0.0.1:9/");
        let mut second = Box::pin(connector.connect(&destination, &wanted));
        let waits = std::future::poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending()));
        assert!(waits.await);
        wanted.cancel();
        assert_eq!(second.await.err(), Some(Error::Full));
        drop(first);
        assert!(connector.network.try_place(Kind::Http).is_ok());
    }

    #[tokio::test]
    async fn what_the_network_does_not_allow_is_not_connected_to() {
        let mut connector = Connector::new(&Network::default());
        let outcome = connector.call(Uri::from_static("http://127.0.0.1:9/"));
        assert_eq!(outcome.await.err(), Some(Error::Denied));
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
