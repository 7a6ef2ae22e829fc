//! The server as its clients meet it: over TCP, with and without TLS.

use std::io;
use std::net::TcpListener;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::super::config::Tls;
use super::*;

/// A server that runs.
struct Running {
    folder: tempfile::TempDir,
    fake: Fake,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(config: impl FnOnce(&Path) -> Config) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let config = Config {
            listen: Some(([127, 0, 0, 1], 0).into()),
            ..config(folder.path())
        };
        let server = Server::bind(&config, folder.path()).expect("it binds");
        let (fake, stop) = (
            Fake::new(&folder.path().join("releases")),
            CancellationToken::new(),
        );
        let address = server.address;
        let serving = server.serve(fake.clone(), Logs::new(), stop.clone());
        Self {
            folder,
            fake,
            address,
            stop,
            serving: tokio::spawn(serving),
        }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("it is there")
    }

    async fn connect(&self) -> TcpStream {
        let connected = TcpStream::connect(self.address).await;
        connected.expect("it accepts")
    }

    fn authorization(&self) -> String {
        format!("authorization: Bearer {}\r\n", self.read(tokens::FILE))
    }
}

/// Sends a request, and reads until the connection ends.
async fn exchange<S>(mut stream: S, line: &str, headers: &str, body: &str) -> io::Result<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Somebody who signs certificates.
struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = named(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        Self {
            certificate: params.self_signed(&key).expect("it can be signed"),
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = named(name, &[name]).signed_by(&key, &self.issuer);
        let certificate = certificate.expect("it can be signed");
        Identity {
            chain: vec![certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }
}

fn named(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("these are names");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// A request over TLS, by whoever has this certificate.
async fn by(
    running: &Running,
    authority: &Authority,
    identity: Option<Identity>,
    line: &str,
    headers: &str,
) -> io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    let trusted = roots.add(authority.certificate.der().clone());
    trusted.expect("it is a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions are known")
        .with_root_certificates(roots);
    let config = match identity {
        Some(identity) => config
            .with_client_auth_cert(identity.chain, identity.key)
            .expect("they belong together"),
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").expect("it is a name");
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, running.connect().await).await?;
    exchange(stream, line, headers, "{}").await
}

#[tokio::test]
async fn a_port_that_was_asked_for_and_is_taken_is_a_mistake() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let config = Config {
        listen: Some(taken.local_addr().expect("it has an address")),
        ..Config::default()
    };
    let refused = Server::bind(&config, folder.path()).err();
    let refused = refused.expect("it is taken");
    assert!(refused.is::<Invalid>(), "{refused:#}");
    assert!(refused.to_string().contains("is in use"), "{refused:#}");
    assert!(!folder.path().join(URL_FILE).exists());
}

#[tokio::test]
async fn another_port_is_taken_where_none_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    // Whether it is ours or was somebody else's: it is taken.
    let _taken = TcpListener::bind(LISTEN);
    let server = Server::bind(&Config::default(), folder.path()).expect("it binds");
    assert_ne!(server.address, LISTEN);
    assert!(server.address.ip().is_loopback());
}

#[test]
fn nothing_is_written_through_a_link() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let theirs = folder.path().join("theirs");
    fs::write(&theirs, "theirs").expect("it can be written");
    let file = folder.path().join(URL_FILE);
    for name in [URL_FILE.to_owned(), format!("{URL_FILE}.new")] {
        std::os::unix::fs::symlink(&theirs, folder.path().join(name)).expect("it can be made");
    }
    file::replace(&file, "ours", URL_MODE).expect("it can be written");
    let read = |path: &Path| fs::read_to_string(path).expect("it is there");
    assert_eq!(
        (read(&file), read(&theirs)),
        ("ours".into(), "theirs".into())
    );
    let kind = fs::symlink_metadata(&file)
        .expect("it is there")
        .file_type();
    assert!(kind.is_file());
}

#[test]
fn an_address_that_stands_for_all_is_reached_by_loopback() {
    assert_eq!(
        url(([0, 0, 0, 0], 4000).into(), true),
        "https://127.0.0.1:4000"
    );
    let all: SocketAddr = "[::]:4000".parse().expect("it is an address");
    assert_eq!(url(all, true), "https://[::1]:4000");
    assert_eq!(url(([10, 0, 0, 7], 1).into(), false), "http://10.0.0.7:1");
}

#[tokio::test]
async fn it_announces_itself_while_it_runs_and_ends_when_told() {
    let running = Running::start(|_| Config::default());
    assert_eq!(
        running.read(URL_FILE),
        format!("http://{}", running.address)
    );
    let idle = running.connect().await;
    let denied = exchange(running.connect().await, "GET /v1/status", "", "").await;
    let denied = denied.expect("it answers");
    assert!(denied.starts_with("HTTP/1.1 401 "), "{denied}");
    let authorization = running.authorization();
    let status = exchange(
        running.connect().await,
        "GET /v1/status",
        &authorization,
        "",
    )
    .await;
    let status = status.expect("it answers");
    assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
    assert!(status.contains("\"version\":3"), "{status}");

    running.stop.cancel();
    running
        .serving
        .await
        .expect("it ends")
        .expect("it ends well");
    assert!(!running.folder.path().join(URL_FILE).exists());
    assert!(TcpStream::connect(running.address).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn a_follower_does_not_keep_the_host_from_stopping() {
    let running = Running::start(|_| Config::default());
    let mut stream = running.connect().await;
    let head = format!(
        "GET /v1/logs?follow=true HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
        running.authorization()
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.expect("it answers");
    assert_eq!(&first, b"HTTP/1.1 200");
    running.stop.cancel();
    let mut rest = String::new();
    let ended = stream.read_to_string(&mut rest).await;
    ended.expect("it ends as it should");
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    running
        .serving
        .await
        .expect("it ends")
        .expect("it ends well");
}

#[tokio::test]
async fn certificates_of_our_authority_are_known_by_name_and_others_are_not() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let host = ours.issue("localhost");
    let running = Running::start(|folder| {
        let write = |name: &str, pem: &str| {
            let file = folder.join(name);
            fs::write(&file, pem).expect("it can be written");
            file
        };
        let tls = Tls {
            certificate: write("host.pem", &host.certificate_pem),
            key: write("host.key", &host.key_pem),
            client_ca: Some(write("ca.pem", &ours.certificate.pem())),
        };
        Config {
            tls: Some(tls),
            ..Config::default()
        }
    });
    assert_eq!(
        running.read(URL_FILE),
        format!("https://{}", running.address)
    );

    let plain = exchange(running.connect().await, "GET /v1/health", "", "").await;
    assert!(!plain.is_ok_and(|answer| answer.contains("HTTP/1.1 200")));
    let foreign = theirs.issue("ci.example");
    let foreign = by(&running, &ours, Some(foreign), "GET /v1/status", "").await;
    assert!(foreign.is_err(), "{foreign:?}");
    let nobody = by(&running, &ours, None, "GET /v1/status", "").await;
    let nobody = nobody.expect("it answers");
    assert!(nobody.starts_with("HTTP/1.1 401 "), "{nobody}");

    let token = running.authorization();
    let local = by(&running, &ours, None, "POST /v1/rollback", &token).await;
    let local = local.expect("it answers");
    assert!(local.starts_with("HTTP/1.1 200 "), "{local}");
    let known = ours.issue("ci.example");
    let known = by(&running, &ours, Some(known), "POST /v1/rollback", "").await;
    let known = known.expect("it answers");
    assert!(known.starts_with("HTTP/1.1 200 "), "{known}");

    let audit = running
        .fake
        .store
        .audit(None, 10)
        .await
        .expect("it is there");
    let owners: Vec<_> = audit.iter().map(|entry| entry.by.as_str()).collect();
    assert_eq!(owners, ["cert:ci.example", "local"]);
    running.stop.cancel();
    running
        .serving
        .await
        .expect("it ends")
        .expect("it ends well");
}
