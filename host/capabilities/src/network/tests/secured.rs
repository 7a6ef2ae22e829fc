//! TLS: whom a component trusts, and as whom it shows itself.

use std::path::PathBuf;

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

const TRUSTING: &str = "ca_roots_file = \"server.pem\"";
const SHOWING: &str = "ca_roots_file = \"server.pem\"\nclient_cert_file = \"client.pem\"\nclient_private_key_file = \"client.key\"";

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let fixture = Fixture::new();
    // An entry for another component, another host, or other roots does not help.
    for entries in [
        String::new(),
        entry("other", "localhost", TRUSTING),
        entry("guest", "example.com", TRUSTING),
        entry("guest", "localhost", "ca_roots_file = \"client.pem\""),
        entry("guest", "localhost", "ca_use_webpki_roots = true"),
        // The first that is for both counts.
        entry("guest", "localhost", "") + &entry("guest", "localhost", TRUSTING),
    ] {
        let (outcome, server) = fixture.dial(&entries, "localhost", None).await;
        assert_eq!(outcome.err(), Some(Error::Certificate), "{entries}");
        assert!(!server.await.expect("no panic"));
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let fixture = Fixture::new();
    let entries = entry("guest", "127.0.0.1", TRUSTING);
    let (outcome, server) = fixture.dial(&entries, "127.0.0.1", None).await;
    assert_eq!(outcome.err(), Some(Error::Certificate));
    assert!(!server.await.expect("no panic"));
}

#[tokio::test]
async fn a_trusted_host_is_spoken_to() {
    let fixture = Fixture::new();
    for (written, host) in [("localhost", "LOCALHOST"), ("LocalHost.", "localhost")] {
        let entries = entry("guest", written, TRUSTING);
        let (outcome, server) = fixture.dial(&entries, host, None).await;
        let socket = outcome.unwrap_or_else(|error| panic!("{host}: {error}"));
        assert!(!socket.is_http2(), "it was not offered");
        assert!(server.await.expect("no panic"));
    }
}

#[tokio::test]
async fn http2_is_agreed_on_where_it_is_offered() {
    let fixture = Fixture::new();
    let network = fixture.network(&entry("guest", "localhost", TRUSTING));
    let (port, server) = fixture.serve(None).await;
    let place = network.place(Kind::Http).await.expect("there are places");
    let socket = network.connect(place, "https", "localhost", port, Transport::Https);
    assert!(socket.await.expect("it is trusted").is_http2());
    assert!(server.await.expect("no panic"));
}

#[tokio::test]
async fn a_server_that_wants_to_know_its_client_is_shown_the_certificate() {
    let fixture = Fixture::new();
    let clients = fixture.client.cert.der().clone();
    let anonymous = entry("guest", "localhost", TRUSTING);
    let (_, server) = fixture.dial(&anonymous, "localhost", Some(&clients)).await;
    assert!(!server.await.expect("no panic"), "nobody showed itself");
    let shown = entry("guest", "localhost", SHOWING);
    let (outcome, server) = fixture.dial(&shown, "localhost", Some(&clients)).await;
    assert!(outcome.is_ok());
    assert!(server.await.expect("no panic"), "it knows its client");
}

#[test]
fn files_that_cannot_be_used_are_told_with_their_places() {
    let fixture = Fixture::new();
    fixture.write("empty.pem", "");
    let swapped = "ca_roots_file = \"server.pem\"\nclient_cert_file = \"client.pem\"\nclient_private_key_file = \"server.key\"";
    let no_key = "client_cert_file = \"client.pem\"\nclient_private_key_file = \"client.pem\"";
    let entries = [
        entry("guest", "a.com", "ca_roots_file = \"missing.pem\""),
        entry("guest", "b.com", "ca_roots_file = \"empty.pem\""),
        entry("guest", "c.com", swapped),
        entry("guest", "d.com", no_key),
    ]
    .concat();
    let config = text::read(&Source::new("runtime.toml", &*entries), Config::read);
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mistakes = Settings::open(&config, fixture.folder.path());
    let mistakes = mistakes.err().expect("no file is good");
    let line = |start: usize| entries[..start].matches('\n').count() + 1;
    let told: Vec<(usize, &str)> = mistakes
        .iter()
        .map(|mistake| (line(mistake.span.start), mistake.message.as_str()))
        .collect();
    let expected = [
        (4, "`ca_roots_file` names `missing.pem`"),
        (8, "`ca_roots_file` names `empty.pem`"),
        (14, "`client_private_key_file` names `server.key`"),
        (19, "`client_private_key_file` names `client.pem`"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for ((line, message), (expected_line, start)) in told.iter().zip(expected) {
        assert_eq!(*line, expected_line, "{message}");
        assert!(message.starts_with(start), "{message}");
        assert!(!message.contains("BEGIN"), "{message}");
    }
}

// === helpers ===

/// An entry of `[[client_tls]]`, four lines and those of `rest` but one.
fn entry(component: &str, host: &str, rest: &str) -> String {
    format!("[[client_tls]]\ncomponent_ids = [\"{component}\"]\nhosts = [\"{host}\"]\n{rest}\n")
}

/// A server with a certificate for `localhost`, a client with one of its own, and both in files.
struct Fixture {
    folder: TempDir,
    server: CertifiedKey<KeyPair>,
    client: CertifiedKey<KeyPair>,
}

impl Fixture {
    fn new() -> Self {
        let certified = |name: &str| {
            rcgen::generate_simple_self_signed(vec![name.to_owned()])
                .expect("a certificate can be made")
        };
        let fixture = Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
            server: certified("localhost"),
            client: certified("client"),
        };
        for (name, certified) in [("server", &fixture.server), ("client", &fixture.client)] {
            fixture.write(&format!("{name}.pem"), &certified.cert.pem());
            fixture.write(
                &format!("{name}.key"),
                &certified.signing_key.serialize_pem(),
            );
        }
        fixture
    }

    fn write(&self, name: &str, text: &str) {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::write(path, text).expect("it can be written");
    }

    fn network(&self, entries: &str) -> Network {
        let config = text::read(&Source::new("runtime.toml", entries), Config::read);
        let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let settings = Settings::open(&config, self.folder.path());
        let settings = settings.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        network(&["*://*:*"], "", &settings)
    }

    /// Connects to the server as `host`; and whether the server was content.
    async fn dial(
        &self,
        entries: &str,
        host: &str,
        clients: Option<&CertificateDer>,
    ) -> (Result<Socket, Error>, JoinHandle<bool>) {
        let network = self.network(entries);
        let (port, server) = self.serve(clients).await;
        let outcome = network.dial_tls("rediss", host, port).await;
        (outcome, server)
    }

    /// Serves one handshake, with a client that shows one of these certificates if there are any.
    async fn serve(&self, clients: Option<&CertificateDer>) -> (u16, JoinHandle<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let acceptor = self.acceptor(clients);
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("somebody connects");
            acceptor.accept(stream).await.is_ok()
        });
        (port, server)
    }

    fn acceptor(&self, clients: Option<&CertificateDer>) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the versions are known");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(certificate) => {
                let mut roots = RootCertStore::empty();
                roots.add(certificate.clone()).expect("it is one");
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().expect("there are roots"))
            }
        };
        let key = PrivateKeyDer::try_from(self.server.signing_key.serialize_der());
        let chain = vec![self.server.cert.der().clone()];
        let mut config = builder
            .with_single_cert(chain, key.expect("it is a key"))
            .expect("certificate and key fit");
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

type CertificateDer = rustls::pki_types::CertificateDer<'static>;
