//! One connection: which protocol it speaks, and what its requests are told about it.
//!
//! hyper's own header timeout starts when a connection falls idle and cannot be told from the wait for a next request,
//! so all waits are watched from the outside, by [`watch`]: first bytes, head, idleness, and a client that does not
//! read.

mod watch;
mod watched;

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use self::watch::{Counted, Expired, InFlight, Watch};
use self::watched::Watched;
use crate::body::RequestBody;
use crate::config::Limits;
use crate::filters::in_flight::Place;
use crate::stack::PublicBody;
use crate::tls::Acceptor;
use crate::traffic::{OnCore, Tapped};

/// How a client that speaks HTTP/2 without TLS begins (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Between two looks at first bytes that are still too few: doubled from the first to the last.
const PEEK_PAUSE_MIN: Duration = Duration::from_millis(1);
const PEEK_PAUSE_MAX: Duration = Duration::from_millis(250);

/// Header fields that hyper still reads beyond those that are allowed. It refuses without a word; the filter that
/// refuses them says what is wrong, and is counted and logged.
const REQUEST_HEADERS_READ_MORE: usize = 100;

/// What a request is told about its connection. In the extensions of every request that reaches the inner service.
#[derive(Debug, Clone)]
pub struct Connected {
    /// HTTPS if the connection has TLS, whatever the request says of itself.
    pub scheme: Scheme,
    /// Whom the socket is connected to.
    pub peer: SocketAddr,
    /// The peer as a header shows it: written once for all requests of the connection.
    pub(crate) client: HeaderValue,
}

impl Connected {
    pub(crate) fn new(scheme: Scheme, peer: SocketAddr) -> Self {
        let client = HeaderValue::try_from(peer.to_string()).expect("an address is printable");
        Self {
            scheme,
            peer,
            client,
        }
    }
}

/// What a connection is served with.
pub(crate) struct Server<B> {
    pub(crate) front: OnCore<B>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) tls: Option<Acceptor>,
    pub(crate) stop: CancellationToken,
}

impl<B> Clone for Server<B> {
    fn clone(&self) -> Self {
        let Self {
            front,
            limits,
            tls,
            stop,
        } = self;
        Self {
            front: front.clone(),
            limits: Arc::clone(limits),
            tls: tls.clone(),
            stop: stop.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
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
            Some(Err(_)) => Expired::Head.report(peer),
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
                let connected = Connected::new(Scheme::HTTPS, peer);
                Ok(Box::pin(self.run(stream, protocol, connected)))
            }
            None => {
                let protocol = sniff(&stream).await?;
                let connected = Connected::new(Scheme::HTTP, peer);
                Ok(Box::pin(self.run(stream, protocol, connected)))
            }
        }
    }

    async fn run<IO>(self, stream: IO, protocol: Protocol, connected: Connected)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (limits, peer) = (&*self.limits, connected.peer);
        // Its own: what all connections look at, whenever they are polled, is locked for each of them.
        let stop = self.stop.child_token();
        let watch = Arc::new(Watch::new(protocol));
        let io = TokioIo::new(Watched::new(stream, Arc::clone(&watch)));
        let service = service_fn({
            let (front, watch) = (self.front.clone(), Arc::clone(&watch));
            let body_idle_max = limits.body_idle_max;
            move |request: Request<Incoming>| {
                let mut request = request.map(|body| RequestBody::new(body, body_idle_max));
                request.extensions_mut().insert(connected.clone());
                answer(front.clone(), request, Arc::clone(&watch))
            }
        });
        match protocol {
            Protocol::Http1 => {
                let connection = pin!(http1(limits).serve_connection(io, service));
                watch
                    .guard(
                        connection,
                        |it| it.graceful_shutdown(),
                        &stop,
                        (limits, peer),
                    )
                    .await;
            }
            Protocol::Http2 => {
                let connection = pin!(http2(limits).serve_connection(io, service));
                watch
                    .guard(
                        connection,
                        |it| it.graceful_shutdown(),
                        &stop,
                        (limits, peer),
                    )
                    .await;
            }
        }
    }
}

fn http1(limits: &Limits) -> http1::Builder {
    let headers_max = limits
        .request_headers_max
        .saturating_add(REQUEST_HEADERS_READ_MORE);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(headers_max)
        .max_buf_size(limits.request_head_bytes_max.max(8192))
        .half_close(false);
    builder
}

fn http2(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let head_bytes_max = u32::try_from(limits.request_head_bytes_max).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams_max)
        .max_header_list_size(head_bytes_max)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024);
    builder
}

/// Looks at the first bytes without taking them.
async fn sniff(stream: &TcpStream) -> io::Result<Protocol> {
    let mut first = [0; HTTP2_PREFACE.len()];
    let mut pause = PEEK_PAUSE_MIN;
    loop {
        let seen = stream.peek(&mut first).await?;
        match &first[..seen] {
            [] => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes if !HTTP2_PREFACE.starts_with(bytes) => return Ok(Protocol::Http1),
            bytes if bytes.len() == HTTP2_PREFACE.len() => return Ok(Protocol::Http2),
            // Bytes that are there make `peek` return at once; the caller's deadline bounds this.
            _ => tokio::time::sleep(pause).await,
        }
        pause = longer(pause);
    }
}

/// A client that sends its first bytes one by one must not keep a core busy.
fn longer(pause: Duration) -> Duration {
    (pause * 2).min(PEEK_PAUSE_MAX)
}

/// The connection knows no release: each of its requests is given to whichever serves it.
async fn answer<B>(
    front: OnCore<B>,
    request: Request<RequestBody>,
    watch: Arc<Watch>,
) -> Result<Response<Counted<Tapped<PublicBody<B>>>>, std::convert::Infallible>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    let in_flight = InFlight::new(watch);
    let mut response = front.answer(request).await;
    let place = response.extensions_mut().remove::<Arc<Place>>();
    Ok(response.map(|inner| Counted::new(inner, in_flight, place)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use http_body_util::{Either, Full};
    use tokio::io::AsyncWriteExt;

    use crate::metrics::GATEWAY_REQUESTS_TOTAL;
    use crate::metrics::recorded::Recorded;
    use crate::stack::Public;
    use crate::traffic::{Front, Lane, Snapshot};

    async fn empty(
        _: Request<RequestBody>,
    ) -> Result<Response<PublicBody<Full<Bytes>>>, Infallible> {
        Ok(Response::new(Either::Left(Full::default())))
    }

    fn server() -> Server<Full<Bytes>> {
        let stable = Lane {
            cores: vec![Public::new(tower::service_fn(empty))],
            observed: Arc::default(),
        };
        let candidate = None;
        Server {
            front: Front::new(Snapshot { stable, candidate }).on_core(0),
            limits: Arc::default(),
            tls: None,
            stop: CancellationToken::new(),
        }
    }

    #[tokio::test]
    async fn an_answer_that_hyper_gives_by_itself_is_counted() {
        let recorded = Recorded::default();
        let _local = metrics::set_default_local_recorder(&recorded);
        let (mut client, stream) = tokio::io::duplex(1024);
        client
            .write_all(b"this is no request\r\n\r\n")
            .await
            .expect("it can be sent");
        let connected = Connected::new(Scheme::HTTP, ([127, 0, 0, 1], 1).into());
        server().run(stream, Protocol::Http1, connected).await;
        assert_eq!(recorded.count(GATEWAY_REQUESTS_TOTAL, "4xx"), 1);
    }

    #[test]
    fn pauses_between_looks_grow_to_a_quarter_of_a_second() {
        let mut pauses = std::iter::successors(Some(PEEK_PAUSE_MIN), |last| Some(longer(*last)));
        assert_eq!(pauses.nth(1), Some(PEEK_PAUSE_MIN * 2));
        assert_eq!(pauses.nth(8), Some(PEEK_PAUSE_MAX));
    }
}
