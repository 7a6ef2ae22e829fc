//! The admin API: what serves, what served, and how to change it. HTTP/1.1 with JSON, for operators and the command line.
//!
//! It listens apart from the public side, on loopback unless told otherwise, and answers nobody without a token or
//! certificate. It decides nothing about releases: that is `deploy`, which it knows as [`Behind`]. What the two ends say
//! to each other is in [`messages`].

mod api;
mod attempts;
mod body;
mod config;
mod connections;
mod front;
mod gate;
mod history;
mod lines;
pub(crate) mod messages;
mod refusal;
mod routes;
mod stall;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use stoa_capabilities::releases::Store;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub(crate) use config::Config;
pub(crate) use refusal::Refusal;
pub(crate) use tokens::FILE as TOKEN_FILE;

use crate::commands::Invalid;
use crate::deploy::Host;
use crate::file;
use crate::logs::Logs;
use api::Api;
use connections::Connections;
use front::Front;
use messages::{Deploy, Deployed, Difference, Move, Moved, Status};
use tokens::Tokens;

/// Where a host in a state directory can be reached, while it runs.
pub(crate) const URL_FILE: &str = "admin.url";

/// Anybody on this machine may know it: it is not what lets them in.
const URL_MODE: u32 = 0o644;

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3001);
const LISTEN_ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What is administered. `by` is who asks, as the history has it.
pub(crate) trait Behind: Clone + Send + Sync + 'static {
    fn deploy(
        &self,
        deploy: Deploy,
        by: &str,
    ) -> impl Future<Output = Result<Deployed, Refusal>> + Send;

    fn promote(&self, to: Move, by: &str) -> impl Future<Output = Result<Moved, Refusal>> + Send;

    fn rollback(&self, to: Move, by: &str) -> impl Future<Output = Result<Moved, Refusal>> + Send;

    /// Without `from`, from the stable release; without `to`, to the candidate.
    fn differences(
        &self,
        from: Option<u64>,
        to: Option<u64>,
    ) -> impl Future<Output = Result<Vec<Difference>, Refusal>> + Send;

    fn status(&self) -> impl Future<Output = Status> + Send;

    /// What serves, in words.
    fn serving(&self) -> String;

    fn store(&self) -> &Arc<dyn Store>;
}

/// Boxed where a release may be made ready: such futures are large.
impl Behind for Host {
    async fn deploy(&self, deploy: Deploy, by: &str) -> Result<Deployed, Refusal> {
        let outcome = Box::pin(Host::deploy(self, deploy, by)).await;
        outcome.map_err(|refused| refused.problem(self.words()).into())
    }

    async fn promote(&self, to: Move, by: &str) -> Result<Moved, Refusal> {
        let outcome = Box::pin(Host::promote(self, to, by)).await;
        outcome.map_err(|refused| refused.problem(self.words()).into())
    }

    async fn rollback(&self, to: Move, by: &str) -> Result<Moved, Refusal> {
        let outcome = Box::pin(Host::rollback(self, to, by)).await;
        outcome.map_err(|refused| refused.problem(self.words()).into())
    }

    async fn differences(
        &self,
        from: Option<u64>,
        to: Option<u64>,
    ) -> Result<Vec<Difference>, Refusal> {
        let outcome = Box::pin(Host::differences(self, from, to)).await;
        outcome.map_err(|refused| refused.problem(self.words()).into())
    }

    async fn status(&self) -> Status {
        Host::status(self).await
    }

    fn serving(&self) -> String {
        self.words()
    }

    fn store(&self) -> &Arc<dyn Store> {
        Host::store(self)
    }
}

/// Bound and not yet accepting: binding is the last thing that can fail.
pub(crate) struct Server {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    tokens: Tokens,
    announced: Announced,
}

/// The file that tells the command line where we are. It goes when the host stops.
struct Announced {
    file: PathBuf,
    url: String,
}

impl Server {
    /// Reads tokens and certificates, binds, and tells the command line where.
    pub(crate) fn bind(config: &Config, state_folder: &Path) -> anyhow::Result<Self> {
        let tokens = Tokens::load(config, state_folder)?;
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let socket = listen(config.listen)?;
        let address = socket.local_addr();
        let address = address.context("cannot tell where the admin API listens")?;
        Ok(Self {
            announced: Announced::write(state_folder, url(address, tls.is_some()))?,
            socket,
            address,
            tls,
            tokens,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.announced.url
    }

    /// Serves until `stop`, then finishes what is in flight: a minute at most, half of it for requests and half for
    /// changes whose clients have left.
    pub(crate) async fn serve<B: Behind>(
        self,
        behind: B,
        logs: Logs,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let socket =
            tokio::net::TcpListener::from_std(self.socket).context("cannot serve the admin API")?;
        let api = Api::new(behind, logs, stop.clone());
        let loopback = self.address.ip().is_loopback();
        let front = Front::new(api.clone(), self.tokens, loopback);
        let connections = Connections {
            front: Arc::new(front),
            tls: self.tls,
            stop,
        };
        connections.serve(socket).await;
        api.finish().await;
        // Until here, somebody may ask how it goes.
        drop(self.announced);
        Ok(())
    }
}

/// At the address that was written; else at ours, or at a free port when another host has that.
fn listen(written: Option<SocketAddr>) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(written.unwrap_or(LISTEN));
    let socket = match (bound, written) {
        (Err(error), None) if error.kind() == ErrorKind::AddrInUse => {
            TcpListener::bind(LISTEN_ANYWHERE).context("cannot find a port for the admin API")?
        }
        (Err(error), Some(address)) if error.kind() == ErrorKind::AddrInUse => {
            return Err(Invalid(format!(
                "port {} of {} is in use: stop what listens there, or write another `listen` under `[admin]`",
                address.port(),
                address.ip()
            ))
            .into());
        }
        (bound, _) => bound.context("the admin API cannot listen")?,
    };
    socket
        .set_nonblocking(true)
        .context("the admin API cannot listen")?;
    Ok(socket)
}

/// How this machine reaches it.
fn url(address: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

// === impl Announced ===

impl Announced {
    fn write(state_folder: &Path, url: String) -> anyhow::Result<Self> {
        let file = state_folder.join(URL_FILE);
        let written = file::replace(&file, &url, URL_MODE);
        written.with_context(|| format!("cannot write `{}`", file.display()))?;
        Ok(Self { file, url })
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        // A file that stays leads nowhere, and the next start replaces it.
        drop(fs::remove_file(&self.file));
    }
}
