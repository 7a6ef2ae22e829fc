//! The one socket that clients connect to.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::config::Config;
use crate::connection::Server;
use crate::core::{Accepted, Core, Load};
use crate::errands::{self, Errand, Errands};
use crate::metrics::{GATEWAY_ACCEPT_FAILED_TOTAL, GATEWAY_CONNECTIONS};
use crate::tls::{self, Acceptor};
use crate::traffic::Front;

/// Pause after an accept that failed for want of something: descriptors come back when connections end.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has the port.
    #[error("port {} of {} is in use: stop what listens there, or choose another with `--listen`", .0.port(), .0.ip())]
    InUse(SocketAddr),
    /// The address cannot be bound.
    #[error("cannot listen on {address}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// Bound and not yet accepting: binding is the last thing that can fail.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Acceptor>,
    config: Config,
    /// By core; empty where nobody has any.
    errands: Vec<mpsc::Receiver<Errand>>,
}

impl Listener {
    /// Reads the certificate, then binds.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind(config: Config) -> Result<Self, BindError> {
        let tls = config.tls.as_ref().map(Acceptor::load).transpose()?;
        let address = config.listen;
        let socket = listen(address).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            _ => BindError::Refused { address, source },
        })?;
        Ok(Self {
            socket,
            tls,
            config,
            errands: Vec::new(),
        })
    }

    /// Where it listens; tells the port where port 0 was asked for.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// For work that no client brings, on so many cores: as many as the front will have stacks. Asked for once.
    pub fn errands(&mut self, cores: usize) -> Errands {
        let (errands, queues) = errands::errands(cores);
        self.errands = queues;
        errands
    }

    /// Accepts until `stop`, then waits for what is in flight, at most the drain bound. Has as many cores as the front has
    /// stacks. Must be called on a runtime; connections live on the cores' own.
    ///
    /// # Errors
    /// When no core can be started.
    pub async fn serve<B>(self, front: Front<B>, stop: CancellationToken) -> io::Result<()>
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
    {
        let limits = Arc::new(self.config.limits);
        let mut errands = self.errands.into_iter();
        let cores = (0..front.cores())
            .map(|core| {
                let server = Server {
                    front: front.on_core(core),
                    limits: Arc::clone(&limits),
                    tls: self.tls.clone(),
                    stop: stop.clone(),
                };
                // A queue that nobody sends to ends at once.
                let errands = errands.next().unwrap_or_else(|| mpsc::channel(1).1);
                Core::spawn(format!("core-{core}"), server, errands)
            })
            .collect::<io::Result<Vec<_>>>()?;
        let socket = tokio::net::TcpListener::from_std(self.socket)?;
        stop.run_until_cancelled(accept(&socket, &cores, limits.connections_max))
            .await;
        // Closed first, so that clients go elsewhere while the rest finishes.
        drop(socket);
        // All cores are told before the first is waited for: their drain bounds run side by side.
        let threads: Vec<_> = cores.into_iter().map(Core::close).collect();
        tokio::task::spawn_blocking(move || threads.into_iter().for_each(join)).await?;
        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a core's thread panicked");
    }
}

async fn accept(socket: &tokio::net::TcpListener, cores: &[Core], connections_max: usize) {
    let places = Arc::new(Semaphore::new(connections_max));
    loop {
        // A place first: without one, connections wait in the kernel's queue and cost us nothing.
        let place = Arc::clone(&places)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        match socket.accept().await {
            Ok((stream, peer)) => {
                metrics::gauge!(GATEWAY_CONNECTIONS)
                    .set((connections_max - places.available_permits()) as f64);
                match stream.into_std() {
                    Ok(stream) => hand_over(cores, stream, peer, place).await,
                    Err(error) => debug!(%peer, %error, "connection lost before it was served"),
                }
            }
            Err(error) => pause(&error).await,
        }
    }
}

/// To the core with the fewest connections. A core whose queue is full is busy beyond its means: the client waits.
async fn hand_over(
    cores: &[Core],
    stream: std::net::TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
) {
    let core = cores
        .iter()
        .min_by_key(|core| core.load.load(Ordering::Relaxed))
        .expect("there is a core");
    let accepted = Accepted {
        stream,
        peer,
        place,
        load: Load::on(core),
    };
    if core.connections.send(accepted).await.is_err() {
        tracing::error!("a core is gone, its connections are lost");
    }
}

/// Nothing that `accept` says ends the listener: a client that gave up is forgotten, want of descriptors or memory is
/// waited out.
async fn pause(error: &io::Error) {
    metrics::counter!(GATEWAY_ACCEPT_FAILED_TOTAL).increment(1);
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted => {
            debug!(%error, "a client gave up before it was accepted");
        }
        _ => {
            warn!(%error, retry = ?ACCEPT_RETRY, "cannot accept connections, will retry");
            tokio::time::sleep(ACCEPT_RETRY).await;
        }
    }
}
