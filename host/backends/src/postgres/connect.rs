//! How a connection is made: a socket that the network allows, TLS as the address asks for, a login.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use stoa_capabilities::network::{self, Network, Socket};
use stoa_capabilities::postgres::{Error, Root};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_postgres::config::{SslMode, SslNegotiation, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};
use tokio_rustls::TlsConnector;
use tracing::debug;

use super::address::{Address, SCHEME, Server, not_permitted};
use super::failure;
use super::frames::{Frames, Wire};
use super::session::Session;

/// A host has logged us in within this, or the next one is tried.
const HOST_MAX: Duration = Duration::from_secs(10);
/// All hosts together.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// Asks for TLS: a length and a number that no version of the protocol has.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// What a client names its protocol where TLS comes without asking.
const ALPN: &[u8] = b"postgresql";

/// What a connection is made with.
pub(super) struct Connector<'a> {
    pub(super) network: &'a Network,
    pub(super) root: Option<&'a Root>,
    pub(super) result_bytes_max: usize,
}

impl Connector<'_> {
    /// Connects to the first host that lets us in and is of the wanted kind.
    pub(super) async fn connect(&self, address: &Address) -> Result<Session, Error> {
        let connected = timeout(CONNECT_MAX, self.first(address)).await;
        connected.unwrap_or_else(|_| Err(no_answer()))
    }

    async fn first(&self, address: &Address) -> Result<Session, Error> {
        let limit = address.timeout().unwrap_or(HOST_MAX).min(HOST_MAX);
        let mut failed = no_answer();
        for server in &address.servers {
            let connected = timeout(limit, self.server(server, &address.config)).await;
            match connected.unwrap_or_else(|_| Err(no_answer())) {
                Ok(session) => return Ok(session),
                Err(error) => {
                    debug!(host = server.target, port = server.port, "no connection");
                    failed = error;
                }
            }
        }
        Err(failed)
    }

    async fn server(&self, server: &Server, config: &Config) -> Result<Session, Error> {
        let dialled = self.network.dial(SCHEME, &server.host(), server.port).await;
        let socket = dialled.map_err(|error| not_dialled(server, error))?;
        let wire = self.secured(socket, server, config).await?;
        let frames = Frames::new(wire, self.result_bytes_max);
        let session = log_in(frames, config, self.result_bytes_max).await?;
        match is_wanted(&session, config.get_target_session_attrs()).await? {
            true => Ok(session),
            false => Err(failed("the server is not of the wanted kind")),
        }
    }

    /// TLS where the address or the server wants it. A certificate that is not good is never put up with.
    async fn secured(
        &self,
        mut socket: Socket,
        server: &Server,
        config: &Config,
    ) -> Result<Box<dyn Wire>, Error> {
        let mode = config.get_ssl_mode();
        if mode == SslMode::Disable {
            return Ok(Box::new(socket));
        }
        let direct = config.get_ssl_negotiation() == SslNegotiation::Direct;
        if !direct && !offers_tls(&mut socket).await.map_err(|_| lost())? {
            return match mode {
                SslMode::Prefer => Ok(Box::new(socket)),
                _ => Err(failed("the server does not offer TLS")),
            };
        }
        let mut tls = self.tls(server)?;
        tls.alpn_protocols = match direct {
            true => vec![ALPN.to_vec()],
            false => Vec::new(),
        };
        let name = ServerName::try_from(server.name.clone())
            .map_err(|_| failed("the host's name cannot be in a certificate"))?;
        let connecting = TlsConnector::from(Arc::new(tls)).connect(name, socket);
        match connecting.await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(not_trusted(&error)),
        }
    }

    fn tls(&self, server: &Server) -> Result<ClientConfig, Error> {
        let host = self.network.tls(&server.name);
        let Some(root) = self.root else {
            return Ok(ClientConfig::clone(&host));
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(host.crypto_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| failed("TLS is not to be had"))?;
        let roots = root.certificates().clone();
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }
}

/// The answer is one byte. What else has arrived by then stays unread, so that nobody slips it in before the handshake.
async fn offers_tls(socket: &mut Socket) -> io::Result<bool> {
    socket.write_all(&TLS_REQUEST).await?;
    socket.flush().await?;
    Ok(socket.read_u8().await? == b'S')
}

async fn log_in(
    frames: Frames,
    config: &Config,
    result_bytes_max: usize,
) -> Result<Session, Error> {
    let (too_large, kept) = (frames.too_large(), frames.kept());
    // The wire is as secure as it will be, so the driver has nothing to negotiate.
    let mut config = config.clone();
    config.ssl_mode(SslMode::Disable);
    config.ssl_negotiation(SslNegotiation::Postgres);
    let (client, connection) = config
        .connect_raw(frames, NoTls)
        .await
        .map_err(|error| failed(failure::connecting(&error)))?;
    let driving = tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "a connection to PostgreSQL ended");
        }
    });
    Ok(Session::new(
        client,
        driving,
        too_large,
        kept,
        result_bytes_max,
    ))
}

/// Whether a server takes writes is known only to the server.
async fn is_wanted(session: &Session, wanted: TargetSessionAttrs) -> Result<bool, Error> {
    let read_only = match wanted {
        TargetSessionAttrs::ReadWrite => "off",
        TargetSessionAttrs::ReadOnly => "on",
        _ => return Ok(true),
    };
    let worded = |error: tokio_postgres::Error| failed(failure::connecting(&error));
    let asked = session
        .client
        .simple_query_raw("SHOW transaction_read_only");
    // The first row says it. A server may send others without end, so they are not collected.
    let mut shown = pin!(asked.await.map_err(worded)?);
    while let Some(message) = shown.next().await {
        if let SimpleQueryMessage::Row(row) = message.map_err(worded)? {
            return Ok(row.get(0) == Some(read_only));
        }
    }
    Ok(false)
}

fn failed(what: impl Into<String>) -> Error {
    Error::ConnectionFailed(what.into())
}

fn no_answer() -> Error {
    failed("the server does not answer")
}

fn lost() -> Error {
    failed("the server closed the connection")
}

fn not_dialled(server: &Server, error: network::Error) -> Error {
    match error {
        network::Error::Denied => not_permitted(server),
        network::Error::Full => failed("too many connections"),
        error => failed(format!("cannot reach {server}: {error}")),
    }
}

fn not_trusted(error: &io::Error) -> Error {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => {
            failed("the server's certificate is not trusted")
        }
        Some(_) => failed("the TLS handshake failed"),
        None => lost(),
    }
}
