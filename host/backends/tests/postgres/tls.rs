//! TLS, through a server that speaks it in front of the real one.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

/// What the front does when it is asked for TLS.
#[derive(Clone)]
enum Front {
    /// Says that it has none.
    Plain,
    /// Speaks it.
    Tls(TlsAcceptor),
}

/// A front, its port, and who vouches for it.
struct Server {
    port: u16,
    root: String,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    async fn new(tls: bool, name: &str) -> Self {
        let (acceptor, root) = certified(name);
        let front = match tls {
            true => Front::Tls(acceptor),
            false => Front::Plain,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a port");
        let port = listener.local_addr().expect("it has an address").port();
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(front.clone(), socket));
            }
        });
        Self {
            port,
            root,
            serving,
        }
    }

    fn client(&self) -> Arc<dyn Client> {
        client_with(
            &Config::default(),
            &[&format!("postgres://localhost:{}", self.port)],
        )
    }

    fn address(&self, mode: &str) -> String {
        let (_, _, config) = parts();
        let mut address = format!(
            "host=localhost port={} user={} dbname={} {mode}",
            self.port,
            config.get_user().expect("somebody logs in"),
            config.get_dbname().unwrap_or("postgres"),
        );
        if let Some(password) = config.get_password() {
            let password = String::from_utf8_lossy(password);
            address.push_str(&format!(" password={password}"));
        }
        address
    }

    fn root(&self) -> Root {
        Root::from_pem(&self.root).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A certificate for `name`, and in PEM that of the authority that made it.
fn certified(name: &str) -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::new()).expect("there are no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key can be made");
    let authority = params.self_signed(&key).expect("it can be signed");
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key can be made");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
    let certificate = params.signed_by(&key, &issuer).expect("it can be signed");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions are known")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key"),
        );
    let config = config.expect("certificate and key fit");
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

/// It ends as soon as anything fails, which is what the client sees.
async fn serve(front: Front, mut socket: TcpStream) -> Option<()> {
    let mut request = [0; 8];
    socket.read_exact(&mut request).await.ok()?;
    assert_eq!(
        request,
        [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f],
        "it asks for TLS first"
    );
    let (host, port, _) = parts();
    let mut real = TcpStream::connect((host.as_str(), port)).await.ok()?;
    match front {
        Front::Plain => {
            socket.write_all(b"N").await.ok()?;
            copy_bidirectional(&mut socket, &mut real).await.ok()?;
        }
        Front::Tls(acceptor) => {
            socket.write_all(b"S").await.ok()?;
            let mut secured = acceptor.accept(socket).await.ok()?;
            copy_bidirectional(&mut secured, &mut real).await.ok()?;
        }
    }
    Some(())
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::new(true, "localhost").await;
    for mode in ["", "sslmode=prefer", "sslmode=require"] {
        let told = refused(&*server.client(), &server.address(mode), None).await;
        assert!(told.contains("not trusted"), "{mode}: {told}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let server = Server::new(true, "elsewhere.example").await;
    let root = server.root();
    let told = refused(
        &*server.client(),
        &server.address("sslmode=require"),
        Some(&root),
    )
    .await;
    assert!(told.contains("not trusted"), "{told}");
}

#[tokio::test]
async fn another_authority_than_the_named_one_is_refused() {
    let server = Server::new(true, "localhost").await;
    let (_, other) = certified("localhost");
    let other = Root::from_pem(&other).unwrap_or_else(|error| panic!("{error}"));
    let told = refused(
        &*server.client(),
        &server.address("sslmode=require"),
        Some(&other),
    )
    .await;
    assert!(told.contains("not trusted"), "{told}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_required() {
    let server = Server::new(false, "localhost").await;
    let told = refused(&*server.client(), &server.address("sslmode=require"), None).await;
    assert!(told.contains("does not offer TLS"), "{told}");
}

#[tokio::test]
async fn modes_that_the_driver_does_not_know_are_refused() {
    let server = Server::new(true, "localhost").await;
    for mode in ["sslmode=allow", "sslmode=verify-full"] {
        let told = refused(&*server.client(), &server.address(mode), None).await;
        assert!(told.contains("invalid connection string"), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_the_named_authority_vouches_for_is_connected_to() {
    let server = Server::new(true, "localhost").await;
    let root = server.root();
    for mode in ["", "sslmode=prefer", "sslmode=require"] {
        let connection = opened(&*server.client(), &server.address(mode), Some(&root)).await;
        assert_eq!(
            value(&*connection, "SELECT 1").await,
            Value::Int32(1),
            "{mode}"
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_is_connected_to_where_it_is_only_preferred() {
    let server = Server::new(false, "localhost").await;
    for mode in ["", "sslmode=prefer"] {
        let connection = opened(&*server.client(), &server.address(mode), None).await;
        assert_eq!(
            value(&*connection, "SELECT 1").await,
            Value::Int32(1),
            "{mode}"
        );
    }
}

#[tokio::test]
async fn connections_are_not_shared_over_different_trust() {
    let server = Server::new(true, "localhost").await;
    let (client, root) = (server.client(), server.root());
    let address = server.address("sslmode=require");
    drop(opened(&*client, &address, Some(&root)).await);
    let told = refused(&*client, &address, None).await;
    assert!(told.contains("not trusted"), "{told}");
}
