//! What one revision sends through: where to, how much at once, how long, over which connections.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use stoa_capabilities::network::{CONNECT_MAX, Kind, Network};
use stoa_manifest::Component;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::answer::AnswerBody;
use super::connect::{Connector, WANTED, port};
use super::error;

/// How long an answer may take to begin, and to go on. The deadline of the request that the guest serves ends most waits
/// long before.
const FIRST_BYTE_MAX: Duration = Duration::from_secs(600);
const BETWEEN_BYTES_MAX: Duration = Duration::from_secs(600);
/// Connections to one host that are kept for the next request, and for how long. Each has its place meanwhile, so they are
/// closed before somebody gives up waiting for one: within twice this, since that is how often the client looks.
const IDLE_PER_HOST_MAX: usize = 16;
const IDLE_MAX: Duration = Duration::from_secs(4);
/// What the host buffers of one connection: the head of an answer has to fit.
const BUFFER_BYTES: usize = 64 * 1024;
/// What one HTTP/2 connection may be sent ahead of what guests have taken: per stream, and together.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// How often an HTTP/2 connection in use is asked whether it still lives: all its requests would hang with it.
const PING_EVERY: Duration = Duration::from_secs(20);

/// Sends the requests of one revision. Connections live on the executor of the core that opened them, and serve them all.
pub(crate) struct Client {
    network: Network,
    /// Among the component's open requests.
    places: Arc<Semaphore>,
    http: legacy::Client<Connector, WasiBody>,
}

/// How long the parts of an exchange may take: what the guest asks for, within bounds.
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) first_byte: Duration,
    pub(super) between_bytes: Duration,
}

// === impl Client ===

impl Client {
    pub(crate) fn new(component: &Component, network: &Network) -> Self {
        let places = component.limits.outbound_requests_max as usize;
        Self {
            network: network.clone(),
            places: Arc::new(Semaphore::new(places)),
            http: pooled(network),
        }
    }

    /// Sends a request. Dropping the future, or the body it answers with, ends the exchange.
    pub(super) async fn send(
        &self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<Response<WasiBody>, Error> {
        self.check(&request)?;
        // The client sets it from the URL that was checked, and only where HTTP/2 has no field for it.
        request.headers_mut().remove(header::HOST);
        let timeouts = Timeouts::new(options);
        let place = self.place(timeouts.connect).await?;
        let answer = self.exchange(request, &timeouts).await?;
        Ok(answer.map(|body| AnswerBody::new(body, timeouts.between_bytes, place).boxed_unsync()))
    }

    fn check(&self, request: &Request<WasiBody>) -> Result<(), Error> {
        let uri = request.uri();
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(Error::HttpRequestUriInvalid);
        };
        let (host, port) = (authority.host(), port(uri));
        match () {
            // A tunnel would lead past all that is checked here, and guests have nothing to use it with.
            () if request.method() == Method::CONNECT => Err(Error::HttpRequestMethodInvalid),
            // A name or password in front of the host makes two of what one authority says.
            () if authority.as_str().contains('@') => Err(Error::HttpRequestUriInvalid),
            () if self.network.allows(scheme, host, port) => Ok(()),
            () => Err(Error::HttpRequestDenied),
        }
    }

    /// A place among the component's open requests, also for one that needs no connection.
    pub(super) async fn place(&self, wait: Duration) -> Result<OwnedSemaphorePermit, Error> {
        match timeout(wait, Arc::clone(&self.places).acquire_owned()).await {
            Ok(place) => Ok(place.expect("the semaphore is never closed")),
            Err(_) => Err(Error::ConnectionLimitReached),
        }
    }

    /// Waits for a connection, then for the head of the answer.
    async fn exchange(
        &self,
        mut request: Request<WasiBody>,
        timeouts: &Timeouts,
    ) -> Result<Response<Incoming>, Error> {
        let wanted = CancellationToken::new();
        let _until_answered = wanted.clone().drop_guard();
        let connection = capture_connection(&mut request);
        let answer = WANTED.scope(wanted, self.http.request(request));
        let mut answer = pin!(answer);
        let answered = tokio::select! {
            biased;
            answered = answer.as_mut() => Some(answered),
            () = made(connection) => None,
            () = tokio::time::sleep(timeouts.connect) => return Err(self.unconnected()),
        };
        let answered = match answered {
            Some(answered) => answered,
            None => timeout(timeouts.first_byte, answer)
                .await
                .map_err(|_| Error::HttpResponseTimeout)?,
        };
        answered.map_err(|error| error::of_request(&error))
    }

    /// Why there was no connection in time.
    fn unconnected(&self) -> Error {
        match self.network.is_full(Kind::Http) {
            true => Error::ConnectionLimitReached,
            false => Error::ConnectionTimeout,
        }
    }
}

// === impl Timeouts ===

impl Timeouts {
    pub(super) fn new(options: Option<RequestOptions>) -> Self {
        let options = options.unwrap_or_default();
        let within = |asked: Option<Duration>, most: Duration| asked.map_or(most, |t| t.min(most));
        Self {
            connect: within(options.connect_timeout, CONNECT_MAX),
            first_byte: within(options.first_byte_timeout, FIRST_BYTE_MAX),
            between_bytes: within(options.between_bytes_timeout, BETWEEN_BYTES_MAX),
        }
    }
}

// === functions ===

fn pooled(network: &Network) -> legacy::Client<Connector, WasiBody> {
    let idle = match network.pools_http() {
        true => IDLE_PER_HOST_MAX,
        false => 0,
    };
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(idle)
        // A connection that was kept may turn out to be closed. Then a request is sent again over another one, but only
        // if nothing of it had been written: whatever the other side may have seen fails instead, whichever its method,
        // since only the guest knows whether it can be repeated.
        .retry_canceled_requests(true)
        .http1_max_buf_size(BUFFER_BYTES)
        .timer(TokioTimer::new())
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(BUFFER_BYTES as u32)
        .http2_keep_alive_interval(PING_EVERY)
        .build(Connector::new(network))
}

/// Resolves when the request has a connection.
async fn made(mut connection: CaptureConnection) {
    drop(connection.wait_for_connection_metadata().await);
}
