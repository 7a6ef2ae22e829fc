//! Connections of operators: HTTP/1.1, few, and each bounded in all it may wait for.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::Behind;
use super::front::Front;
use super::gate::Peer;
use super::stall::Watched;
use super::tls;

/// Connections at once; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 64;
/// From the start of a TLS handshake to its end.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// From the last answer to the end of the next request's head. hyper counts both the idle time and the head's.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// Header fields of a request.
const HEADERS_MAX: usize = 64;
/// Until a client that does not read must have taken something.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);
/// From the signal to stop until requests still in flight are cut off; changes are waited for longer.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// Pause after an accept that failed for want of something.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What one connection needs. Cheap to clone.
pub(super) struct Connections<B> {
    pub(super) front: Arc<Front<B>>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) stop: CancellationToken,
}

impl<B> Clone for Connections<B> {
    fn clone(&self) -> Self {
        Self {
            front: Arc::clone(&self.front),
            tls: self.tls.clone(),
            stop: self.stop.clone(),
        }
    }
}

impl<B: Behind> Connections<B> {
    /// Accepts until the stop, then waits for what is in flight, at most [`DRAIN_MAX`].
    pub(super) async fn serve(self, socket: TcpListener) {
        let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
        let accepting = self.accept(&socket, &tasks, &cut);
        self.stop.run_until_cancelled(accepting).await;
        drop(socket);
        tasks.close();
        if tokio::time::timeout(DRAIN_MAX, tasks.wait()).await.is_err() {
            cut.cancel();
            tasks.wait().await;
        }
    }

    async fn accept(&self, socket: &TcpListener, tasks: &TaskTracker, cut: &CancellationToken) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let place = Arc::clone(&places)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            match socket.accept().await {
                Ok((stream, address)) => {
                    let (connections, cut) = (self.clone(), cut.clone());
                    tasks.spawn(async move {
                        let _place = place;
                        let served = Box::pin(connections.connection(stream, address));
                        cut.run_until_cancelled(served).await;
                    });
                }
                Err(error) => pause(&error).await,
            }
        }
    }

    async fn connection(self, stream: TcpStream, address: SocketAddr) {
        // Answers are small and waited for.
        drop(stream.set_nodelay(true));
        let stream = Watched::new(stream, WRITE_STALL_MAX);
        let Some(acceptor) = &self.tls else {
            let certificate = None;
            let peer = Peer {
                address,
                certificate,
            };
            return self.http(stream, peer).await;
        };
        match tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates();
                // Verified in the handshake, or it would have failed.
                let certificate = shown.and_then(|chain| chain.first()).map(tls::owner);
                let peer = Peer {
                    address,
                    certificate,
                };
                self.http(stream, peer).await;
            }
            Ok(Err(error)) => debug!(%address, %error, "no TLS connection of an operator"),
            Err(_) => debug!(%address, "a TLS handshake took too long"),
        }
    }

    async fn http<S>(&self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let address = peer.address;
        let (front, peer) = (Arc::clone(&self.front), Arc::new(peer));
        let service = service_fn(move |request: Request<Incoming>| {
            let (front, peer) = (Arc::clone(&front), Arc::clone(&peer));
            async move { Ok::<_, Infallible>(front.answer(&peer, request.map(Body::new)).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            debug!(%address, %error, "a connection of an operator broke");
        }
    }
}

/// Nothing that `accept` says ends the listener.
async fn pause(error: &io::Error) {
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted => {
            debug!(%error, "an operator gave up before being accepted");
        }
        _ => {
            warn!(%error, retry = ?ACCEPT_RETRY, "cannot accept admin connections, will retry");
            tokio::time::sleep(ACCEPT_RETRY).await;
        }
    }
}
