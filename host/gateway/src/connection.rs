//! One connection: which protocol it speaks, and the waits it is allowed.
//!
//! hyper's own header timeout starts when a connection falls idle and cannot be told from the wait for a next request,
//! so all waits are watched here, from the outside: first bytes, head, idleness, and a client that does not read.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::debug;

use crate::body::RequestBody;
use crate::config::Limits;
use crate::metrics::GATEWAY_CONNECTIONS_ENDED_TOTAL;
use crate::stack::{Public, PublicBody};
use crate::tls::Acceptor;

/// How a client that speaks HTTP/2 without TLS begins (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection is served with.
pub(crate) struct Server<B> {
    pub(crate) public: Public<B>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) tls: Option<Acceptor>,
    pub(crate) stop: CancellationToken,
}

impl<B> Clone for Server<B> {
    fn clone(&self) -> Self {
        let Self {
            public,
            limits,
            tls,
            stop,
        } = self;
        Self {
            public: public.clone(),
            limits: Arc::clone(limits),
            tls: tls.clone(),
            stop: stop.clone(),
        }
    }
}

/// Why a connection was ended by us.
#[derive(Debug, Clone, Copy)]
enum Expired {
    Head,
    Idle,
    Write,
}

impl Expired {
    fn reason(self) -> &'static str {
        match self {
            Self::Head => "head-read",
            Self::Idle => "idle",
            Self::Write => "write-stall",
        }
    }
}

enum Protocol {
    Http1,
    Http2,
}

impl<B> Server<B>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    /// Serves a connection to its end. Failures are the client's and are logged at `debug`.
    pub(crate) async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        // Small answers must not wait for an acknowledgement of the last one.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%peer, %error, "connection lost before it was served");
            return;
        }
        let (limit, stop) = (self.limits.head_read_max, self.stop.clone());
        let begun = tokio::time::timeout(limit, self.begin(stream, peer));
        // A client that has not asked for anything is not waited for when all is stopped.
        match stop.run_until_cancelled(begun).await {
            Some(Ok(Ok(connection))) => connection.await,
            Some(Ok(Err(error))) => {
                debug!(%peer, %error, "connection ended before its first request");
            }
            Some(Err(_)) => end(peer, Expired::Head),
            None => {}
        }
    }

    /// The TLS handshake or the first bytes, whichever tells the protocol.
    async fn begin(
        self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> io::Result<Pin<Box<dyn Future<Output = ()> + Send>>> {
        match self.tls.clone() {
            Some(tls) => {
                let stream = tls.accept(stream).await?;
                let protocol = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                Ok(Box::pin(self.run(stream, protocol, peer)))
            }
            None => {
                let protocol = sniff(&stream).await?;
                Ok(Box::pin(self.run(stream, protocol, peer)))
            }
        }
    }

    async fn run<IO>(self, stream: IO, protocol: Protocol, peer: SocketAddr)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watch = Arc::new(Watch::new());
        let io = TokioIo::new(Watched {
            stream,
            watch: Arc::clone(&watch),
        });
        let (public, limits) = (self.public.clone(), Arc::clone(&self.limits));
        let service = service_fn({
            let watch = Arc::clone(&watch);
            move |request| {
                answer(
                    public.clone(),
                    request,
                    limits.body_idle_max,
                    Arc::clone(&watch),
                )
            }
        });
        let limits = &*self.limits;
        match protocol {
            Protocol::Http1 => {
                let mut builder = hyper::server::conn::http1::Builder::new();
                builder
                    .timer(TokioTimer::new())
                    .header_read_timeout(None)
                    .max_headers(limits.request_headers_max)
                    .max_buf_size(limits.request_head_bytes_max.max(8192))
                    .half_close(false);
                let connection = pin!(builder.serve_connection(io, service));
                watch
                    .guard(
                        connection,
                        |it| it.graceful_shutdown(),
                        &self.stop,
                        (limits, peer, Protocol::Http1),
                    )
                    .await;
            }
            Protocol::Http2 => {
                let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                builder
                    .timer(TokioTimer::new())
                    .max_concurrent_streams(limits.http2_streams_max)
                    .max_header_list_size(
                        u32::try_from(limits.request_head_bytes_max).unwrap_or(u32::MAX),
                    )
                    .initial_stream_window_size(64 * 1024)
                    .initial_connection_window_size(1024 * 1024);
                let connection = pin!(builder.serve_connection(io, service));
                watch
                    .guard(
                        connection,
                        |it| it.graceful_shutdown(),
                        &self.stop,
                        (limits, peer, Protocol::Http2),
                    )
                    .await;
            }
        }
    }
}

/// Looks at the first bytes without taking them.
async fn sniff(stream: &TcpStream) -> io::Result<Protocol> {
    let mut first = [0; HTTP2_PREFACE.len()];
    loop {
        let seen = stream.peek(&mut first).await?;
        match &first[..seen] {
            [] => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes if !HTTP2_PREFACE.starts_with(bytes) => return Ok(Protocol::Http1),
            bytes if bytes.len() == HTTP2_PREFACE.len() => return Ok(Protocol::Http2),
            // Bytes that are there make `peek` return at once; the caller's deadline bounds this.
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

async fn answer<B>(
    mut public: Public<B>,
    request: Request<Incoming>,
    body_idle_max: Duration,
    watch: Arc<Watch>,
) -> Result<Response<Counted<PublicBody<B>>>, std::convert::Infallible>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    let in_flight = InFlight::new(watch);
    let request = request.map(|body| RequestBody::new(body, body_idle_max));
    let response = public.call(request).await?;
    Ok(response.map(|inner| Counted { inner, in_flight }))
}

fn end(peer: SocketAddr, expired: Expired) {
    let reason = expired.reason();
    metrics::counter!(GATEWAY_CONNECTIONS_ENDED_TOTAL, "reason" => reason).increment(1);
    debug!(%peer, reason, "connection ended by a limit");
}

// === waits ===

/// What a connection is doing, written by its reads, writes and requests. Times are milliseconds since it began, plus
/// one, so that 0 means "not".
struct Watch {
    begun: Instant,
    requests: AtomicUsize,
    /// Since when there is no request.
    idle_since: AtomicU64,
    /// Since when the head of a next request is arriving.
    head_since: AtomicU64,
    /// Since when the client takes nothing of what is written.
    stalled_since: AtomicU64,
}

impl Watch {
    fn new() -> Self {
        // The first head begins with the connection: its first bytes have been seen.
        let (head_since, requests) = (AtomicU64::new(1), AtomicUsize::new(0));
        Self {
            begun: Instant::now(),
            requests,
            idle_since: AtomicU64::new(1),
            head_since,
            stalled_since: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn at(&self, mark: u64, wait: Duration) -> Instant {
        self.begun + Duration::from_millis(mark - 1) + wait
    }

    fn begin(&self) {
        self.requests.fetch_add(1, Ordering::AcqRel);
        self.head_since.store(0, Ordering::Release);
    }

    fn finish(&self) {
        if self.requests.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle_since.store(self.now(), Ordering::Release);
        }
    }

    fn read(&self, bytes: usize) {
        if bytes > 0
            && self.requests.load(Ordering::Acquire) == 0
            && self.head_since.load(Ordering::Acquire) == 0
        {
            self.head_since.store(self.now(), Ordering::Release);
        }
    }

    fn write(&self, pending: bool) {
        let stalled = self.stalled_since.load(Ordering::Acquire);
        match (pending, stalled) {
            (true, 0) => self.stalled_since.store(self.now(), Ordering::Release),
            (false, 1..) => self.stalled_since.store(0, Ordering::Release),
            _ => {}
        }
    }

    /// The wait that is running, and when it is over.
    fn wait(&self, limits: &Limits, protocol: &Protocol) -> Option<(Expired, Instant)> {
        let stalled = self.stalled_since.load(Ordering::Acquire);
        if stalled > 0 {
            return Some((Expired::Write, self.at(stalled, limits.write_stall_max)));
        }
        if self.requests.load(Ordering::Acquire) > 0 {
            return None;
        }
        // In HTTP/2 bytes without a request are often not a head at all (settings, window updates, pings).
        match (protocol, self.head_since.load(Ordering::Acquire)) {
            (Protocol::Http1, head @ 1..) => {
                Some((Expired::Head, self.at(head, limits.head_read_max)))
            }
            _ => Some((
                Expired::Idle,
                self.at(
                    self.idle_since.load(Ordering::Acquire),
                    limits.connection_idle_max,
                ),
            )),
        }
    }

    /// Drives a connection until it ends, a wait is over, or all is stopped and it has finished what is in flight.
    async fn guard<C, E>(
        &self,
        mut connection: Pin<&mut C>,
        shut_down: impl Fn(Pin<&mut C>),
        stop: &CancellationToken,
        (limits, peer, protocol): (&Limits, SocketAddr, Protocol),
    ) where
        C: Future<Output = Result<(), E>>,
        E: std::fmt::Display,
    {
        let mut stopping = false;
        loop {
            // Looked at again when the earliest wait that could run now would be over.
            let longest = limits
                .head_read_max
                .min(limits.connection_idle_max)
                .min(limits.write_stall_max);
            let look = self
                .wait(limits, &protocol)
                .map_or_else(|| Instant::now() + longest, |(_, at)| at);
            tokio::select! {
                outcome = connection.as_mut() => {
                    if let Err(error) = outcome {
                        debug!(%peer, %error, "connection broke");
                    }
                    return;
                }
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    shut_down(connection.as_mut());
                }
                () = tokio::time::sleep_until(look) => {
                    if let Some((expired, at)) = self.wait(limits, &protocol) && at <= Instant::now() {
                        return end(peer, expired);
                    }
                }
            }
        }
    }
}

/// One request of a connection, until its answer is out.
struct InFlight(Arc<Watch>);

impl InFlight {
    fn new(watch: Arc<Watch>) -> Self {
        watch.begin();
        Self(watch)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.finish();
    }
}

pin_project! {
    /// A response body that keeps its request in flight.
    struct Counted<B> {
        #[pin]
        inner: B,
        in_flight: InFlight,
    }
}

impl<B: Body> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A stream that tells the watch what passes through it.
struct Watched<IO> {
    stream: IO,
    watch: Arc<Watch>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Watched<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.watch.read(buffer.filled().len() - before);
        poll
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Watched<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch.write(poll.is_pending());
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch.write(poll.is_pending());
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
