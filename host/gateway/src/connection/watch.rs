//! What one connection is doing, and the waits that end it.
//!
//! It learns of everything from the outside: from the bytes that pass, and from the answers' bodies.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Protocol;
use crate::config::Limits;
use crate::filters::in_flight::Place;
use crate::metrics::{GATEWAY_CONNECTIONS_ENDED_TOTAL, GATEWAY_REQUESTS_TOTAL};
use crate::router::class;

/// How much of an HTTP/2 answer is handed over at once. A client that reads slowly must have taken so much before
/// `write_stall_max` has passed: of a larger piece it could not be told from one that does not read.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// Why a connection was ended by us.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expired {
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

    /// Counts and logs it.
    pub(super) fn report(self, peer: SocketAddr) {
        let reason = self.reason();
        metrics::counter!(GATEWAY_CONNECTIONS_ENDED_TOTAL, "reason" => reason).increment(1);
        debug!(%peer, reason, "connection ended by a limit");
    }
}

/// What a connection is doing, written by its reads, writes and requests. Times are milliseconds since it began, plus
/// one, so that 0 means "not".
pub(super) struct Watch {
    begun: Instant,
    protocol: Protocol,
    requests: AtomicUsize,
    /// Since when there is no request.
    idle_since: AtomicU64,
    /// Since when the head of a next request is arriving.
    head_since: AtomicU64,
    /// Since when the client takes nothing of what is written.
    stalled_since: AtomicU64,
    /// The number of the next HTTP/2 request.
    number: AtomicU64,
    /// HTTP/2 requests by number, and since when a piece of their answer waits for room at the client.
    untaken: Mutex<BTreeMap<u64, u64>>,
}

impl Watch {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self {
            begun: Instant::now(),
            protocol,
            requests: AtomicUsize::new(0),
            idle_since: AtomicU64::new(1),
            // The first head begins with the connection: its first bytes have been seen.
            head_since: AtomicU64::new(1),
            stalled_since: AtomicU64::new(0),
            number: AtomicU64::new(0),
            untaken: Mutex::default(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn at(&self, mark: u64, wait: Duration) -> Instant {
        self.begun + Duration::from_millis(mark - 1) + wait
    }

    /// A request's head is there. HTTP/2 requests get a number.
    fn begin(&self) -> Option<u64> {
        self.requests.fetch_add(1, Ordering::AcqRel);
        self.head_since.store(0, Ordering::Release);
        match self.protocol {
            Protocol::Http1 => None,
            Protocol::Http2 => Some(self.number.fetch_add(1, Ordering::Relaxed)),
        }
    }

    fn finish(&self) {
        if self.requests.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle_since.store(self.now(), Ordering::Release);
        }
    }

    pub(super) fn read(&self, bytes: usize) {
        match self.protocol {
            Protocol::Http1 => self.read_head(bytes),
            // Bytes without a request are often not a head at all: settings, window updates, pings.
            Protocol::Http2 => {}
        }
    }

    fn read_head(&self, bytes: usize) {
        if bytes > 0
            && self.requests.load(Ordering::Acquire) == 0
            && self.head_since.load(Ordering::Acquire) == 0
        {
            self.head_since.store(self.now(), Ordering::Release);
        }
    }

    pub(super) fn write(&self, pending: bool) {
        let stalled = self.stalled_since.load(Ordering::Acquire);
        match (pending, stalled) {
            (true, 0) => self.stalled_since.store(self.now(), Ordering::Release),
            (false, 1..) => self.stalled_since.store(0, Ordering::Release),
            _ => {}
        }
    }

    /// A piece of the answer is on its way to the client.
    fn hand_over(&self, number: u64) {
        let now = self.now();
        self.untaken().insert(number, now);
    }

    /// The client took the last piece, or the answer has ended.
    fn take(&self, number: u64) {
        self.untaken().remove(&number);
    }

    fn untaken(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.untaken.lock().expect("nothing panics under this lock")
    }

    /// Since when the client takes nothing, of the connection or of one answer.
    fn stalled(&self) -> Option<u64> {
        let connection = self.stalled_since.load(Ordering::Acquire);
        let answer = self.untaken().values().min().copied();
        answer
            .into_iter()
            .chain((connection > 0).then_some(connection))
            .min()
    }

    /// The wait that is running, and when it is over.
    fn wait(&self, limits: &Limits) -> Option<(Expired, Instant)> {
        if let Some(stalled) = self.stalled() {
            return Some((Expired::Write, self.at(stalled, limits.write_stall_max)));
        }
        if self.requests.load(Ordering::Acquire) > 0 {
            return None;
        }
        let idle = self.idle_since.load(Ordering::Acquire);
        Some(match self.head_since.load(Ordering::Acquire) {
            0 => (Expired::Idle, self.at(idle, limits.connection_idle_max)),
            head => (Expired::Head, self.at(head, limits.head_read_max)),
        })
    }

    /// When to look again: when the running wait is over, and never later than the shortest wait that could have begun
    /// meanwhile.
    fn look(&self, limits: &Limits) -> Instant {
        let longest = limits
            .head_read_max
            .min(limits.connection_idle_max)
            .min(limits.write_stall_max);
        let latest = Instant::now() + longest;
        self.wait(limits).map_or(latest, |(_, at)| at.min(latest))
    }

    /// Drives a connection until it ends, a wait is over, or all is stopped and it has finished what is in flight.
    pub(super) async fn guard<C>(
        &self,
        mut connection: Pin<&mut C>,
        shut_down: impl Fn(Pin<&mut C>),
        stop: &CancellationToken,
        (limits, peer): (&Limits, SocketAddr),
    ) where
        C: Future<Output = Result<(), hyper::Error>>,
    {
        let mut stopping = false;
        loop {
            tokio::select! {
                outcome = connection.as_mut() => {
                    if let Err(error) = outcome {
                        broke(peer, &error);
                    }
                    return;
                }
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    shut_down(connection.as_mut());
                }
                () = tokio::time::sleep_until(self.look(limits)) => {
                    if let Some((expired, at)) = self.wait(limits) && at <= Instant::now() {
                        return expired.report(peer);
                    }
                }
            }
        }
    }
}

/// A request that hyper cannot read it answers itself, before any filter: counted here, or nowhere.
fn broke(peer: SocketAddr, error: &hyper::Error) {
    match error.is_parse() {
        true => {
            let status = class(http::StatusCode::BAD_REQUEST);
            metrics::counter!(GATEWAY_REQUESTS_TOTAL, "route" => "", "status" => status)
                .increment(1);
            debug!(target: "access", %peer, %error, status, "request that cannot be read");
        }
        false => debug!(%peer, %error, "connection broke"),
    }
}

/// One request of a connection, until its answer is out.
pub(super) struct InFlight {
    watch: Arc<Watch>,
    /// HTTP/2 only. In HTTP/1 the writes themselves tell whether the client takes what it gets.
    number: Option<u64>,
}

impl InFlight {
    pub(super) fn new(watch: Arc<Watch>) -> Self {
        let number = watch.begin();
        Self { watch, number }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.watch.take(number);
        }
        self.watch.finish();
    }
}

pin_project! {
    /// A response body that keeps its request in flight: on its connection, and with `place` on the host.
    pub(super) struct Counted<B> {
        #[pin]
        inner: B,
        in_flight: InFlight,
        place: Option<Arc<Place>>,
        // What is left of a frame that was handed over in part.
        rest: Bytes,
    }
}

impl<B> Counted<B> {
    pub(super) fn new(inner: B, in_flight: InFlight, place: Option<Arc<Place>>) -> Self {
        Self {
            inner,
            in_flight,
            place,
            rest: Bytes::new(),
        }
    }
}

impl<B: Body<Data = Bytes>> Counted<B> {
    /// hyper takes a frame, waits for room at the client, and does not ask for the next one until there is some: the
    /// time from one call to the next is how long the client took nothing.
    fn poll_piece(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        number: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let watch = &this.in_flight.watch;
        watch.take(number);
        if this.rest.is_empty() {
            let data = match ready!(this.inner.poll_frame(cx)) {
                Some(Ok(frame)) => frame.into_data(),
                end => return Poll::Ready(end),
            };
            match data {
                Ok(data) => *this.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        watch.hand_over(number);
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES_MAX));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl<B: Body<Data = Bytes>> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let number = self.in_flight.number;
        match number {
            None => self.project().inner.poll_frame(cx),
            Some(number) => self.poll_piece(cx, number),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, inner) = (self.rest.len() as u64, self.inner.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};

    fn counted(watch: &Arc<Watch>, bytes: usize) -> Counted<Full<Bytes>> {
        let body = Full::new(Bytes::from(vec![b'x'; bytes]));
        Counted::new(body, InFlight::new(Arc::clone(watch)), None)
    }

    #[tokio::test]
    async fn a_frame_is_handed_over_in_pieces_and_all_of_it() {
        let watch = Arc::new(Watch::new(Protocol::Http2));
        let mut body = counted(&watch, PIECE_BYTES_MAX + 1);
        let mut pieces = Vec::new();
        while let Some(piece) = body.frame().await {
            let piece = piece.expect("it is all there").into_data();
            pieces.push(piece.expect("there are no trailers").len());
        }
        assert_eq!(pieces, [PIECE_BYTES_MAX, 1]);
    }

    #[tokio::test]
    async fn an_http_2_answer_stalls_from_one_piece_to_the_next() {
        let watch = Arc::new(Watch::new(Protocol::Http2));
        let mut body = counted(&watch, 2);
        assert!(watch.stalled().is_none(), "nothing was handed over");
        body.frame().await.expect("a piece").expect("is there");
        assert!(watch.stalled().is_some(), "the piece waits for room");
        assert!(body.frame().await.is_none());
        assert!(watch.stalled().is_none(), "it was taken");
        let mut other = counted(&watch, 2);
        other.frame().await.expect("a piece").expect("is there");
        drop(other);
        assert!(watch.stalled().is_none(), "nobody sends it any more");
    }

    #[tokio::test]
    async fn a_look_is_never_later_than_the_shortest_wait() {
        let limits = Limits::default();
        let watch = Arc::new(Watch::new(Protocol::Http1));
        drop(InFlight::new(Arc::clone(&watch)));
        let (_, idle) = watch.wait(&limits).expect("it is idle");
        let look = watch.look(&limits);
        assert!(look < idle, "a head may begin at any time");
        assert!(look <= Instant::now() + limits.head_read_max);
    }
}
