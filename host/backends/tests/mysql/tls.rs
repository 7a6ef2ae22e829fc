//! TLS, through a server that speaks it in front of the real one.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use stoa_capabilities::network::config::Config as NetworkConfig;
use stoa_manifest::ComponentId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

/// Says that TLS is to begin.
const TLS: u32 = 0x800;
/// What asks for it is this long.
const REQUEST_BYTES: usize = 32;

/// A front, its port, and who vouches for it.
struct Front {
    port: u16,
    root: String,
    serving: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Front {
    async fn new(name: &str) -> Self {
        let (acceptor, root) = certified(name);
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a port");
        let port = listener.local_addr().expect("it has an address").port();
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), socket));
            }
        });
        Self {
            port,
            root,
            serving,
        }
    }

    /// A client that trusts whoever a certificate says, or whom this machine trusts.
    fn client(&self, root: Option<&str>) -> Arc<dyn Client> {
        let allowed = format!("mysql://localhost:{}", self.port);
        let network = match root {
            Some(root) => trusting(root, &allowed),
            None => network(&[&allowed]),
        };
        Driver::new(&Config::default()).client(network)
    }

    fn address(&self) -> String {
        let url = url();
        let (_, rest) = url.split_once("://").expect("it is an address");
        let account = rest.rsplit_once('@').map_or("", |(account, _)| account);
        format!(
            "mysql://{account}@localhost:{}?ssl-mode=REQUIRED",
            self.port
        )
    }
}

/// The network of a component that `[[client_tls]]` is for.
fn trusting(root: &str, allowed: &str) -> Network {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let file = format!("mysql-{}-{number}.pem", std::process::id());
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(folder.join(&file), root).expect("it can be written");
    let written = format!(
        "[[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"localhost\"]\nca_roots_file = \"{file}\"\n"
    );
    let source = Source::new("runtime.toml", written);
    let config = stoa_manifest::text::read(&source, NetworkConfig::read);
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let settings = Settings::open(&config, folder);
    let settings = settings.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    std::fs::remove_file(folder.join(&file)).expect("it can be removed");
    let id = ComponentId::new("a").expect("it is a name");
    with_component(&[allowed], |component| {
        Network::held_by(&id, "1", component, &settings)
    })
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

/// It ends as soon as anything fails, which is what the client sees. The real server knows nothing of TLS, so what is
/// said of it is taken out, and the numbers of packets are those without it until the login is over.
async fn serve(acceptor: TlsAcceptor, mut socket: TcpStream) -> Option<()> {
    let mut real = TcpStream::connect(place()).await.ok()?;
    let (number, mut greeting) = hear(&mut real).await?;
    let capabilities = 1 + greeting[1..].iter().position(|byte| *byte == 0)? + 1 + 4 + 8 + 1;
    greeting[capabilities + 1] |= TLS.to_le_bytes()[1];
    say(&mut socket, number, &greeting).await?;
    let (_, request) = hear(&mut socket).await?;
    assert_eq!(request.len(), REQUEST_BYTES, "it asks for TLS first");
    let mut secured = acceptor.accept(socket).await.ok()?;
    let (number, mut response) = hear(&mut secured).await?;
    response[1] &= !TLS.to_le_bytes()[1];
    say(&mut real, number - 1, &response).await?;
    loop {
        let (number, packet) = hear(&mut real).await?;
        say(&mut secured, number + 1, &packet).await?;
        match *packet {
            [0x00 | 0xff, ..] => break,
            // The hidden password was enough, which is not answered.
            [0x01, 0x03] => {}
            _ => {
                let (number, packet) = hear(&mut secured).await?;
                say(&mut real, number - 1, &packet).await?;
            }
        }
    }
    copy_bidirectional(&mut secured, &mut real).await.ok()?;
    Some(())
}

async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
    let mut packet = vec![0; length as usize];
    stream.read_exact(&mut packet).await.ok()?;
    Some((head[3], packet))
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), number: u8, packet: &[u8]) -> Option<()> {
    let length = packet.len().to_le_bytes();
    let frame = [&length[..3], &[number], packet].concat();
    stream.write_all(&frame).await.ok()?;
    stream.flush().await.ok()
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let front = Front::new("localhost").await;
    let (_, other) = certified("localhost");
    for root in [None, Some(&*other)] {
        let told = refused(&*front.client(root), &front.address()).await;
        assert!(told.contains("not trusted"), "{told}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let front = Front::new("elsewhere.example").await;
    let client = front.client(Some(front.root.as_str()));
    let told = refused(&*client, &front.address()).await;
    assert!(told.contains("not trusted"), "{told}");
}

#[tokio::test]
async fn a_server_whose_authority_the_host_names_is_connected_to() {
    let front = Front::new("localhost").await;
    let client = front.client(Some(front.root.as_str()));
    let connection = opened(&*client, &front.address()).await;
    assert_eq!(value(&*connection, "SELECT 1").await, Value::Int32(1));
    let long = value(&*connection, "SELECT repeat('x', 1000000)").await;
    assert_eq!(long, Value::Str("x".repeat(1_000_000)));
}
