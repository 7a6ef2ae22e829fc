//! A candidate that is only tried: it gets copies of what the stable release answers, and both answers are compared.
//!
//! Nobody waits for a copy. It is on its way when its original is complete, on the same core, in a task of its own, and
//! whatever becomes of it stays in [`Found`].

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

use super::bucket::{Sequence, Share};
use super::observed::Observed;
use super::tap::{Answer, Reading, has_body};
use super::{Lane, Mirrored};
use crate::body::RequestBody;
use crate::connection::Connected;
use crate::stack::Public;

/// Copies under way at once. Each holds a body of at most [`BODY_BYTES_MAX`].
const COPIES_MAX: usize = 64;

/// Bytes of a request's body that is copied. Larger ones, and those that do not say how large they are, are skipped.
const BODY_BYTES_MAX: u64 = 64 * 1024;

/// From the head of the original to both answers. Streams that last longer are not compared.
const COMPARED_WITHIN: Duration = Duration::from_secs(30);

/// Differences that are remembered.
const DIFFERENCES_MAX: usize = 32;

/// Characters of a path in a difference.
const PATH_CHARS_MAX: usize = 200;

/// What came of the copies. Every request of a mirrored release is counted once.
#[derive(Default)]
pub struct Found {
    same: AtomicU64,
    different: AtomicU64,
    skipped: AtomicU64,
    differences: Mutex<VecDeque<String>>,
}

impl Found {
    /// Copies that were answered like their originals.
    pub fn same(&self) -> u64 {
        self.same.load(Ordering::Relaxed)
    }

    /// Copies that were not.
    pub fn different(&self) -> u64 {
        self.different.load(Ordering::Relaxed)
    }

    /// Requests that were not copied (not in the share, too large, too many at once), and copies whose originals got no
    /// answer to compare with.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// The last differences in words, newest last.
    pub fn differences(&self) -> Vec<String> {
        self.remembered().iter().cloned().collect()
    }

    fn skip(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    fn compare(&self, asked: &Asked, stable: &Answer, candidate: Option<&Answer>) {
        let Some(difference) = difference(asked, stable, candidate) else {
            self.same.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let mut remembered = self.remembered();
        if remembered.len() == DIFFERENCES_MAX {
            remembered.pop_front();
        }
        remembered.push_back(difference);
        self.different.fetch_add(1, Ordering::Relaxed);
    }

    fn remembered(&self) -> MutexGuard<'_, VecDeque<String>> {
        let remembered = self.differences.lock();
        remembered.expect("nothing panics under this lock")
    }
}

/// What was asked, in words.
struct Asked(String);

impl Asked {
    /// Without the query: it may carry what is nobody's business.
    fn of<T>(request: &Request<T>) -> Self {
        let path: String = request.uri().path().chars().take(PATH_CHARS_MAX).collect();
        Self(format!("{} {path}", request.method()))
    }
}

fn difference(asked: &Asked, stable: &Answer, candidate: Option<&Answer>) -> Option<String> {
    let (Asked(asked), status) = (asked, stable.status.as_u16());
    let Some(candidate) = candidate else {
        return Some(format!(
            "{asked}: stable {status}, candidate without a complete answer"
        ));
    };
    let parts = [
        (stable.status == candidate.status, ""),
        (stable.has_type_of(candidate), ", content type differs"),
        (stable.has_body_of(candidate), ", body differs"),
    ];
    let differing: Vec<&str> = parts
        .into_iter()
        .filter_map(|(same, words)| (!same).then_some(words))
        .collect();
    let other = candidate.status.as_u16();
    (!differing.is_empty()).then(|| {
        let words = differing.concat();
        format!("{asked}: stable {status}, candidate {other}{words}")
    })
}

/// The copies of one front.
pub(super) struct Mirrors {
    /// Which requests are in the share: not clients, because no client sees a copy.
    sequence: Sequence,
    places: Arc<Semaphore>,
    /// Ends with the front, and each task with its core.
    tasks: Mutex<JoinSet<()>>,
}

impl Default for Mirrors {
    fn default() -> Self {
        Self {
            sequence: Sequence::default(),
            places: Arc::new(Semaphore::new(COPIES_MAX)),
            tasks: Mutex::default(),
        }
    }
}

/// The stable release's side of a comparison.
pub(super) struct Original {
    pub(super) method: Method,
    pub(super) passed: oneshot::Sender<Answer>,
}

impl Mirrors {
    /// The request for the stable release, and what its answer is to be told to if it is copied to this core of the
    /// candidate.
    pub(super) fn copy<B>(
        &self,
        request: Request<RequestBody>,
        (candidate, core): (&Lane<B>, usize),
        (per_10_000, found): (u16, &Arc<Found>),
    ) -> (Request<RequestBody>, Option<Original>)
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
    {
        let Some(place) = self.place(per_10_000) else {
            found.skip();
            return (request, None);
        };
        let (head, body) = request.into_parts();
        let (body, copied) = body.copied(BODY_BYTES_MAX);
        let Some(copied) = copied else {
            found.skip();
            return (Request::from_parts(head, body), None);
        };
        let (passed, original) = oneshot::channel();
        let copy = Copied {
            place,
            found: Arc::clone(found),
            public: candidate.cores[core].clone(),
            observed: Arc::clone(&candidate.observed),
            request: copy_of(&head),
            body: copied,
            original,
        };
        self.spawn(copy.run(COMPARED_WITHIN));
        let method = head.method.clone();
        let request = Request::from_parts(head, body);
        (request, Some(Original { method, passed }))
    }

    fn place(&self, per_10_000: u16) -> Option<OwnedSemaphorePermit> {
        let share = Share {
            per_10_000,
            salt: 0,
        };
        let chosen = share.has(self.sequence.next());
        let place = chosen.then(|| Arc::clone(&self.places).try_acquire_owned());
        place?.ok()
    }

    fn spawn(&self, copy: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().expect("nothing panics under this lock");
        while let Some(ended) = tasks.try_join_next() {
            report(ended);
        }
        tasks.spawn(copy);
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a mirrored request's task panicked");
    }
}

/// What the candidate is asked: the same, by the same client, and marked.
fn copy_of(head: &Parts) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = head.method.clone();
    *copy.uri_mut() = head.uri.clone();
    *copy.version_mut() = head.version;
    *copy.headers_mut() = head.headers.clone();
    if let Some(connected) = head.extensions.get::<Connected>() {
        copy.extensions_mut().insert(connected.clone());
    }
    copy.extensions_mut().insert(Mirrored);
    copy
}

/// A copy on its way.
struct Copied<B> {
    place: OwnedSemaphorePermit,
    found: Arc<Found>,
    public: Public<B>,
    observed: Arc<Observed>,
    request: Request<()>,
    /// Comes when the stable release has read all of it.
    body: oneshot::Receiver<Bytes>,
    original: oneshot::Receiver<Answer>,
}

impl<B> Copied<B>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    async fn run(self, within: Duration) {
        let Self {
            place: _held,
            found,
            public,
            observed,
            request,
            body,
            original,
        } = self;
        let until = Instant::now() + within;
        let Ok(Ok(body)) = timeout_at(until, body).await else {
            return found.skip();
        };
        let asked = Asked::of(&request);
        let request = request.map(|()| RequestBody::from(body));
        let answered = timeout_at(until, answer(public, request, &observed)).await;
        // Without an original there is nothing to compare, whatever became of the copy.
        let Ok(Ok(original)) = timeout_at(until, original).await else {
            return found.skip();
        };
        found.compare(&asked, &original, answered.ok().flatten().as_ref());
    }
}

/// The candidate's answer as far as it is compared. None if it broke off.
async fn answer<B>(
    public: Public<B>,
    request: Request<RequestBody>,
    observed: &Arc<Observed>,
) -> Option<Answer>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    let method = request.method().clone();
    let observing = observed.begin();
    let Ok(response) = public.answer(request).await;
    observing.answered(response.status());
    let (head, body) = response.into_parts();
    let mut reading = Reading::new(head.status, &head.headers);
    let has_body = has_body(&method, head.status, &head.extensions);
    let mut body = pin!(body);
    while has_body && !reading.is_full() {
        match body.frame().await {
            None => break,
            Some(Ok(frame)) => frame
                .data_ref()
                .into_iter()
                .for_each(|data| reading.add(data)),
            Some(Err(_)) => return None,
        }
    }
    Some(reading.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use http::{HeaderMap, Response, StatusCode};
    use http_body_util::{Either, Full};

    use crate::stack::PublicBody;

    fn read(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).expect("it is a status");
        let mut reading = Reading::new(status, &HeaderMap::new());
        reading.add(body.as_bytes());
        reading.end()
    }

    async fn hello(
        _: Request<RequestBody>,
    ) -> Result<Response<PublicBody<Full<Bytes>>>, Infallible> {
        Ok(Response::new(Either::Right(Full::from("hello"))))
    }

    async fn never(
        _: Request<RequestBody>,
    ) -> Result<Response<PublicBody<Full<Bytes>>>, Infallible> {
        std::future::pending().await
    }

    /// A copy with its body there, and the side of its original.
    fn copy(
        public: Public<Full<Bytes>>,
        found: &Arc<Found>,
    ) -> (Copied<Full<Bytes>>, oneshot::Sender<Answer>) {
        let (passed, original) = oneshot::channel();
        let (complete, body) = oneshot::channel();
        complete.send(Bytes::new()).expect("it is waited for");
        let places = Arc::new(Semaphore::new(1));
        let copy = Copied {
            place: places.try_acquire_owned().expect("there is a place"),
            found: Arc::clone(found),
            public,
            observed: Arc::default(),
            request: Request::new(()),
            body,
            original,
        };
        (copy, passed)
    }

    fn counts(found: &Found) -> (u64, u64, u64) {
        (found.same(), found.different(), found.skipped())
    }

    #[test]
    fn differences_are_told_without_the_query() {
        let request = Request::builder().method("PUT").uri("/a/b?token=secret");
        let asked = Asked::of(&request.body(()).expect("it is a request"));
        let told = |candidate: Option<&Answer>| difference(&asked, &read(200, "x"), candidate);
        assert_eq!(
            told(Some(&read(500, "y"))).as_deref(),
            Some("PUT /a/b: stable 200, candidate 500, body differs")
        );
        assert_eq!(
            told(Some(&read(201, "x"))).as_deref(),
            Some("PUT /a/b: stable 200, candidate 201")
        );
        assert_eq!(
            told(None).as_deref(),
            Some("PUT /a/b: stable 200, candidate without a complete answer")
        );
        assert_eq!(told(Some(&read(200, "x"))), None);
    }

    #[test]
    fn the_last_differences_are_remembered_and_no_more() {
        let found = Found::default();
        for number in 0..DIFFERENCES_MAX + 2 {
            let asked = Asked(format!("GET /{number}"));
            found.compare(&asked, &read(200, ""), None);
        }
        let differences = found.differences();
        assert_eq!(differences.len(), DIFFERENCES_MAX);
        assert!(differences[0].starts_with("GET /2:"));
        assert_eq!(counts(&found), (0, DIFFERENCES_MAX as u64 + 2, 0));
    }

    #[test]
    fn a_long_path_is_cut() {
        let path = format!("/{}", "x".repeat(5_000));
        let request = Request::builder().uri(path).body(());
        let Asked(asked) = Asked::of(&request.expect("it is a request"));
        assert_eq!(asked.len(), "GET ".len() + PATH_CHARS_MAX);
    }

    #[tokio::test]
    async fn a_copy_whose_original_went_away_is_skipped() {
        let found = Arc::default();
        let public = Public::new(tower::service_fn(hello));
        let (copy, passed) = copy(public, &found);
        drop(passed);
        copy.run(COMPARED_WITHIN).await;
        assert_eq!(counts(&found), (0, 0, 1));
    }

    #[tokio::test]
    async fn a_candidate_that_does_not_answer_in_time_is_different() {
        let found = Arc::default();
        let public = Public::new(tower::service_fn(never));
        let (copy, passed) = copy(public, &found);
        passed.send(read(200, "")).expect("it is waited for");
        let observed = Arc::clone(&copy.observed);
        copy.run(Duration::ZERO).await;
        assert_eq!(counts(&found), (0, 1, 0));
        assert_eq!(observed.requests(), 0);
    }

    #[tokio::test]
    async fn a_copy_is_compared_and_observed() {
        for (stable, expected) in [("hello", (1, 0, 0)), ("bye", (0, 1, 0))] {
            let found = Arc::default();
            let public = Public::new(tower::service_fn(hello));
            let (copy, passed) = copy(public, &found);
            passed.send(read(200, stable)).expect("it is waited for");
            let observed = Arc::clone(&copy.observed);
            copy.run(COMPARED_WITHIN).await;
            assert_eq!(counts(&found), expected);
            assert_eq!(observed.requests(), 1);
        }
    }
}
