//! The host's own connections to Redis.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::Context;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use stoa_capabilities::redis::Address;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// From the look-up of the name to the end of the TLS handshake.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Plain or TLS.
pub(super) type Stream = Box<dyn Both>;

pub(super) trait Both: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

/// Whom this machine trusts, read when it is first asked for.
static TRUST: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
});

pub(super) async fn connect(address: &Address) -> anyhow::Result<Stream> {
    let connected = timeout(CONNECT_MAX, connected(address)).await;
    connected.context("there was no connection in time")?
}

async fn connected(address: &Address) -> anyhow::Result<Stream> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
    let stream = stream.context("cannot connect")?;
    if !address.tls {
        return Ok(Box::new(stream));
    }
    let name =
        ServerName::try_from(address.host.clone()).context("no certificate has this name")?;
    let connector = TlsConnector::from(Arc::clone(&TRUST));
    let stream = connector.connect(name, stream).await;
    Ok(Box::new(stream.context("the TLS handshake failed")?))
}
