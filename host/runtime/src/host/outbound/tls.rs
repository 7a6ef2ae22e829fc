//! TLS towards other hosts: their certificates must be vouched for by who this machine trusts.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use stoa_manifest::hosts;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tracing::warn;

use super::connect::Error;

/// Made at the first use, because reading what a machine trusts takes longer than many hosts live that never use it.
static CONNECTOR: OnceCell<TlsConnector> = OnceCell::const_new();

/// Whether the two sides agreed on HTTP/2.
pub(super) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2".as_slice())
}

pub(super) async fn connect(host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
    let connector = CONNECTOR.get_or_try_init(load).await?;
    handshake(connector, host, stream).await
}

async fn load() -> Result<TlsConnector, Error> {
    let roots = tokio::task::spawn_blocking(trusted).await;
    roots.map(connector).map_err(|_| Error::Certificate)
}

/// The certificates that this machine trusts, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
fn trusted() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, unusable) = roots.add_parsable_certificates(found.certs);
    if added == 0 || unusable > 0 || !found.errors.is_empty() {
        let errors = found.errors;
        warn!(
            added,
            unusable,
            ?errors,
            "not all trusted certificates could be read"
        );
    }
    roots
}

fn connector(roots: RootCertStore) -> TlsConnector {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn handshake(
    connector: &TlsConnector,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Error> {
    let name = server_name(host)?;
    connector
        .connect(name, stream)
        .await
        .map_err(|error| worded(&error))
}

fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    if let Some(address) = hosts::address(host) {
        return Ok(address.into());
    }
    // Certificates name hosts without the dot of the root.
    let name = host.strip_suffix('.').unwrap_or(host);
    ServerName::try_from(name.to_owned()).map_err(|_| Error::Name)
}

fn worded(error: &io::Error) -> Error {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => Error::Certificate,
        Some(rustls::Error::AlertReceived(alert)) => Error::Alert(u8::from(*alert)),
        Some(_) => Error::Tls,
        None => Error::Terminated,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    fn certified() -> CertifiedKey<KeyPair> {
        rcgen::generate_simple_self_signed(vec!["localhost".into()])
            .expect("a certificate can be made")
    }

    fn acceptor(certified: &CertifiedKey<KeyPair>, protocol: &[u8]) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the versions are known")
            .with_no_client_auth()
            .with_single_cert(
                vec![certified.cert.der().clone()],
                key.expect("it is a key"),
            )
            .expect("certificate and key fit");
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Connects to a server with a certificate for `localhost`, as `host`, trusting what is given.
    async fn outcome(
        certified: &CertifiedKey<KeyPair>,
        trust: Option<CertificateDer<'static>>,
        host: &str,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let acceptor = acceptor(certified, b"h2");
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("somebody connects");
            // It fails where the client refuses, which is the client's to tell.
            acceptor.accept(stream).await.is_ok()
        });
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trust);
        let stream = TcpStream::connect(address).await.expect("it connects");
        let outcome = handshake(&connector(roots), host, stream).await;
        server.await.expect("no panic");
        outcome
    }

    #[tokio::test]
    async fn a_certificate_that_nobody_vouches_for_is_refused() {
        let outcome = outcome(&certified(), None, "localhost").await;
        assert_eq!(outcome.err(), Some(Error::Certificate));
    }

    #[tokio::test]
    async fn a_certificate_of_another_host_is_refused() {
        let certified = certified();
        for host in ["example.com", "127.0.0.1", "[::1]"] {
            let trust = certified.cert.der().clone();
            let outcome = outcome(&certified, Some(trust), host).await;
            assert_eq!(outcome.err(), Some(Error::Certificate), "{host}");
        }
    }

    #[tokio::test]
    async fn a_trusted_host_is_connected_to_and_agrees_on_http2() {
        let certified = certified();
        for host in ["localhost", "LOCALHOST."] {
            let trust = certified.cert.der().clone();
            let stream = outcome(&certified, Some(trust), host).await;
            assert!(is_http2(&stream.expect("it is trusted")), "{host}");
        }
    }
}
