//! TLS towards other hosts: their certificates must be vouched for by who this machine trusts, or by whom `[[client_tls]]`
//! names instead, which may also say as whom we show ourselves.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use stoa_manifest::text::{Mistake, Spanned};
use stoa_manifest::{ComponentId, hosts};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tracing::warn;

use super::config::{ClientTls, Identity};
use super::{Error, Transport};

/// What this machine trusts. Made at the first use, because reading it takes longer than many hosts live that never use it.
static SYSTEM: OnceLock<Pair> = OnceLock::new();

/// The same settings for any protocol and for HTTP.
#[derive(Clone)]
struct Pair {
    plain: Arc<ClientConfig>,
    https: Arc<ClientConfig>,
}

/// What to speak TLS with.
#[derive(Clone)]
pub(super) enum Configured {
    System,
    Client(Client),
}

/// An entry of `[[client_tls]]`, with its files read. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client(Arc<Inner>);

struct Inner {
    components: Vec<ComponentId>,
    /// As [`normal`] makes them.
    hosts: Vec<String>,
    pair: Pair,
}

// === impl Configured ===

impl Configured {
    pub(super) fn plain(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.pair().plain)
    }

    fn pair(&self) -> &Pair {
        match self {
            Self::System => SYSTEM.get_or_init(|| Pair::new(anonymous(trusted()))),
            Self::Client(client) => &client.0.pair,
        }
    }

    fn config(&self, transport: Transport) -> Arc<ClientConfig> {
        match transport {
            Transport::Https => Arc::clone(&self.pair().https),
            Transport::Plain | Transport::Tls => self.plain(),
        }
    }

    /// [`config`](Self::config), without blocking the caller's thread.
    async fn ready(&self, transport: Transport) -> Result<Arc<ClientConfig>, Error> {
        if matches!(self, Self::System) && SYSTEM.get().is_none() {
            let read = tokio::task::spawn_blocking(|| drop(Self::System.plain()));
            read.await.map_err(|_| Error::Certificate)?;
        }
        Ok(self.config(transport))
    }
}

// === impl Client ===

impl Client {
    /// Reads the files of an entry.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub(super) fn read(config: &ClientTls, folder: &Path) -> Result<Self, Mistake> {
        let (platform, public) = config.roots();
        let mut roots = match platform {
            true => trusted(),
            false => RootCertStore::empty(),
        };
        if public {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        if let Some(file) = &config.roots_file {
            for certificate in certificates("ca_roots_file", file, folder)? {
                let added = roots.add(certificate);
                added.map_err(|_| {
                    unusable("ca_roots_file", file, "a certificate in it is not one")
                })?;
            }
        }
        let settings = match &config.identity {
            Some(identity) => authenticated(roots, identity, folder)?,
            None => anonymous(roots),
        };
        Ok(Self(Arc::new(Inner {
            components: config.components.clone(),
            hosts: config.hosts.iter().map(|host| normal(host)).collect(),
            pair: Pair::new(settings),
        })))
    }

    pub(super) fn is_for(&self, id: &ComponentId, host: &str) -> bool {
        self.0.components.contains(id) && self.0.hosts.contains(&normal(host))
    }

    pub(super) fn configured(&self) -> Configured {
        Configured::Client(self.clone())
    }
}

// === impl Pair ===

impl Pair {
    fn new(config: ClientConfig) -> Self {
        let mut https = config.clone();
        https.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self {
            plain: Arc::new(config),
            https: Arc::new(https),
        }
    }
}

// === functions ===

/// Whether the two sides agreed on HTTP/2.
pub(super) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2".as_slice())
}

pub(super) async fn connect(
    configured: &Configured,
    transport: Transport,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Error> {
    let name = server_name(host)?;
    let config = configured.ready(transport).await?;
    TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| worded(&error))
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

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn builder(roots: RootCertStore) -> Builder {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
}

fn anonymous(roots: RootCertStore) -> ClientConfig {
    builder(roots).with_no_client_auth()
}

fn authenticated(
    roots: RootCertStore,
    identity: &Identity,
    folder: &Path,
) -> Result<ClientConfig, Mistake> {
    let Identity { chain, key } = identity;
    let certificates = certificates("client_cert_file", chain, folder)?;
    let private = PrivateKeyDer::from_pem_file(folder.join(&key.value))
        .map_err(|error| unusable("client_private_key_file", key, reason(&error)))?;
    let config = builder(roots).with_client_auth_cert(certificates, private);
    config.map_err(|_| {
        unusable(
            "client_private_key_file",
            key,
            "it does not fit the certificate",
        )
    })
}

fn certificates(
    field: &str,
    file: &Spanned<PathBuf>,
    folder: &Path,
) -> Result<Vec<CertificateDer<'static>>, Mistake> {
    let read = CertificateDer::pem_file_iter(folder.join(&file.value));
    let read = read.and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unusable(field, file, reason(&error)))?;
    match found.is_empty() {
        true => Err(unusable(field, file, "there is no certificate in it")),
        false => Ok(found),
    }
}

fn reason(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => "there is no such file",
        pem::Error::Io(_) => "it cannot be read",
        _ => "it is not PEM of the right kind",
    }
}

/// Never says what the file contains.
fn unusable(field: &str, file: &Spanned<PathBuf>, reason: &str) -> Mistake {
    let shown = file.value.display();
    Mistake::new(
        file.span,
        format!("`{field}` names `{shown}`, which cannot be used: {reason}"),
    )
}

/// Hosts are compared without regard to case, brackets or the dot of the root.
fn normal(host: &str) -> String {
    match hosts::address(host) {
        Some(address) => address.to_canonical().to_string(),
        None => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    }
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
