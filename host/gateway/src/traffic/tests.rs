//! The front as a connection meets it, around closures instead of stacks.

mod mirroring;
mod shares;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Either, Full};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::connection::Connected;
use crate::metrics::recorded::Recorded;

const KEY: &str = "0123456789abcdef";

/// What a release saw of a request. It answers with its name.
#[derive(Default)]
struct Seen(Mutex<Vec<HeaderMap>>);

impl Seen {
    fn add(&self, headers: HeaderMap) {
        let mut seen = self.0.lock().expect("no test panics under this lock");
        seen.push(headers);
    }

    fn last(&self) -> HeaderMap {
        let seen = self.0.lock().expect("no test panics under this lock");
        seen.last().cloned().expect("it saw a request")
    }

    fn count(&self) -> usize {
        self.0.lock().expect("no test panics under this lock").len()
    }
}

fn lane<F>(
    answer: impl Fn(Request<RequestBody>) -> F + Clone + Send + Sync + 'static,
) -> Lane<Full<Bytes>>
where
    F: Future<Output = Response<&'static str>> + Send + 'static,
{
    let public = tower::service_fn(move |request| {
        let answer = answer(request);
        async move {
            let body = |text: &'static str| Either::Right(Full::from(text));
            Ok::<Response<PublicBody<Full<Bytes>>>, Infallible>(answer.await.map(body))
        }
    });
    Lane {
        cores: vec![Public::new(public)],
        observed: Arc::default(),
    }
}

/// Reads all of a request, then answers.
fn seeing(seen: &Arc<Seen>, status: u16, body: &'static str) -> Lane<Full<Bytes>> {
    let seen = Arc::clone(seen);
    lane(move |request| {
        let seen = Arc::clone(&seen);
        async move {
            let (head, sent) = request.into_parts();
            drop(sent.collect().await);
            seen.add(head.headers);
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).expect("it is a status");
            response
        }
    })
}

fn named(name: &'static str) -> Lane<Full<Bytes>> {
    seeing(&Arc::default(), 200, name)
}

fn tried(lane: Lane<Full<Bytes>>, plan: Plan) -> Option<Candidate<Full<Bytes>>> {
    let key = KEY.to_owned();
    Some(Candidate { lane, plan, key })
}

/// `stable` and `candidate` answer with these words.
fn front(plan: Plan) -> Front<Full<Bytes>> {
    Front::new(Snapshot {
        stable: named("stable"),
        candidate: tried(named("candidate"), plan),
    })
}

fn share(per_10_000: u16, salt: u64, sticky: Sticky) -> Plan {
    Plan::Share {
        per_10_000,
        salt,
        sticky,
    }
}

/// A request from 192.0.2.1 with these headers.
fn request(headers: &[(&'static str, &str)]) -> Request<RequestBody> {
    let mut request = Request::new(RequestBody::from(Bytes::new()));
    let connected = Connected::new(Scheme::HTTP, ([192, 0, 2, 1], 7).into());
    request.extensions_mut().insert(connected);
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).expect("it is a header");
        request.headers_mut().append(*name, value);
    }
    request
}

struct Answered {
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    /// All values of a header, as one text.
    fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        let text = |value: &HeaderValue| value.to_str().expect("it is text").to_owned();
        values.map(text).collect::<Vec<_>>().join(" | ")
    }

    /// The cookie that the answer sets, as a request sends it.
    fn bucket(&self) -> Option<String> {
        let set = self
            .headers
            .get(header::SET_COOKIE)?
            .to_str()
            .expect("it is text");
        set.split(';').next().map(str::to_owned)
    }
}

async fn ask(front: &Front<Full<Bytes>>, request: Request<RequestBody>) -> Answered {
    let response = front.on_core(0).answer(request).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("it is all there");
    Answered {
        headers: head.headers,
        body: body.to_bytes(),
    }
}

/// Who answers a request with these headers.
async fn side(front: &Front<Full<Bytes>>, headers: &[(&'static str, &str)]) -> String {
    let answered = ask(front, request(headers)).await;
    String::from_utf8_lossy(&answered.body).into_owned()
}

/// Whether it waits for something, once it has begun.
async fn waits<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// Gives way until it is so. What it waits for needs no time but turns.
async fn eventually(fact: impl Fn() -> bool) {
    let all = tokio::time::timeout(Duration::from_secs(30), async {
        while !fact() {
            tokio::task::yield_now().await;
        }
    });
    all.await.expect("it does not come to that");
}

#[test]
#[should_panic(expected = "one stack for each core")]
fn a_release_without_a_stack_for_each_core_is_not_published() {
    let front = front(Plan::Held);
    let mut short = named("short");
    short.cores.clear();
    front.publish(Snapshot {
        stable: short,
        candidate: None,
    });
}

#[tokio::test]
async fn only_the_right_key_reaches_a_candidate_that_is_held() {
    let front = front(Plan::Held);
    for key in [
        "",
        "0123456789abcde",
        "0123456789ABCDEF",
        "0123456789abcdef0",
    ] {
        assert_eq!(
            side(&front, &[("stoa-release", key)]).await,
            "stable",
            "{key}"
        );
    }
    assert_eq!(side(&front, &[]).await, "stable");
    assert_eq!(side(&front, &[("stoa-release", KEY)]).await, "candidate");
}

#[tokio::test]
async fn the_key_reaches_the_candidate_on_any_plan() {
    let matcher = Matcher::header("x-beta", "yes").expect("it is a name");
    let found = Arc::default();
    for plan in [
        share(0, 0, Sticky::Cookie),
        Plan::Match(matcher),
        Plan::Mirror {
            per_10_000: 10_000,
            found: Arc::clone(&found),
        },
    ] {
        let front = front(plan);
        let answered = ask(&front, request(&[("stoa-release", KEY)])).await;
        assert_eq!(answered.body, "candidate");
        assert_eq!(answered.bucket(), None);
        assert_eq!(answered.header("vary"), "stoa-release");
    }
    assert_eq!(found.skipped() + found.same() + found.different(), 0);
}

#[tokio::test]
async fn no_release_sees_what_is_told_to_the_gateway() {
    let (stable, candidate) = (Arc::<Seen>::default(), Arc::<Seen>::default());
    let front = Front::new(Snapshot {
        stable: seeing(&stable, 200, ""),
        candidate: None,
    });
    let headers = [
        ("stoa-release", KEY),
        ("stoa-release", "twice"),
        ("cookie", "a=1; stoa-bucket=7; b=2"),
    ];
    ask(&front, request(&headers)).await;
    front.publish(Snapshot {
        stable: seeing(&stable, 200, ""),
        candidate: tried(seeing(&candidate, 200, ""), Plan::Held),
    });
    ask(&front, request(&headers)).await;
    for seen in [stable.last(), candidate.last()] {
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen["cookie"], "a=1; b=2");
    }
}

#[tokio::test]
async fn without_a_candidate_nothing_is_added_to_an_answer() {
    let front = Front::new(Snapshot {
        stable: named("stable"),
        candidate: None,
    });
    let answered = ask(&front, request(&[("stoa-release", KEY)])).await;
    assert_eq!(answered.body, "stable");
    assert!(answered.headers.is_empty(), "{:?}", answered.headers);
}

#[tokio::test]
async fn whoever_says_so_is_the_candidates() {
    let matcher = Matcher::cookie("side", "b").expect("it is a name");
    let front = front(Plan::Match(matcher));
    let stays = ask(&front, request(&[("cookie", "side=a")])).await;
    assert_eq!(stays.body, "stable");
    assert_eq!(stays.header("vary"), "stoa-release, cookie");
    assert_eq!(stays.bucket(), None);
    let cookies = "stoa-bucket=1; side=b";
    assert_eq!(side(&front, &[("cookie", cookies)]).await, "candidate");
}

#[tokio::test]
async fn the_hosts_own_answers_are_neither_divided_nor_counted() {
    let front = front(share(10_000, 0, Sticky::Cookie));
    for path in ["/.well-known/spin/health", "/.well-known/stoa/blobs/a"] {
        let mut request = request(&[]);
        *request.uri_mut() = path.parse().expect("it is a path");
        let answered = ask(&front, request).await;
        assert_eq!(answered.body, "stable");
        assert!(answered.headers.is_empty(), "{:?}", answered.headers);
    }
    let snapshot = front.0.snapshot.load();
    assert_eq!(snapshot.stable.observed.requests(), 0);
}

#[tokio::test]
async fn each_side_is_observed_by_itself() {
    let recorded = Recorded::default();
    let _local = metrics::set_default_local_recorder(&recorded);
    let failing = seeing(&Arc::default(), 503, "candidate");
    let (stable, observed) = (named("stable"), Arc::clone(&failing.observed));
    let untouched = Arc::clone(&stable.observed);
    let front = Front::new(Snapshot {
        stable,
        candidate: tried(failing, Plan::Held),
    });
    for _ in 0..3 {
        ask(&front, request(&[("stoa-release", KEY)])).await;
    }
    ask(&front, request(&[])).await;
    assert_eq!((observed.requests(), observed.errors()), (3, 3));
    assert!(observed.p95().is_some());
    assert_eq!((untouched.requests(), untouched.errors()), (1, 0));
    let lanes = |lane| recorded.count(GATEWAY_LANE_REQUESTS_TOTAL, lane);
    assert_eq!((lanes("candidate"), lanes("stable")), (3, 1));
}

#[tokio::test]
async fn a_request_in_flight_is_answered_by_the_release_that_began_it() {
    let recorded = Recorded::default();
    let _local = metrics::set_default_local_recorder(&recorded);
    let release = CancellationToken::new();
    let held = release.clone();
    let slow = lane(move |_: Request<RequestBody>| {
        let held = held.clone();
        async move {
            held.cancelled().await;
            Response::new("old")
        }
    });
    let front = Front::new(Snapshot {
        stable: slow,
        candidate: None,
    });
    let core = front.on_core(0);
    let mut in_flight = pin!(core.answer(request(&[])));
    assert!(waits(in_flight.as_mut()).await);
    front.publish(Snapshot {
        stable: named("new"),
        candidate: None,
    });
    assert_eq!(side(&front, &[]).await, "new");
    release.cancel();
    let answer = in_flight.await.into_body().collect().await;
    assert_eq!(answer.expect("it is all there").to_bytes(), "old");
    assert_eq!(recorded.total(GATEWAY_SWAPS_TOTAL), 1);
}

#[tokio::test]
async fn whoever_leaves_before_the_head_is_not_observed() {
    let never = lane(|_: Request<RequestBody>| std::future::pending());
    let observed = Arc::clone(&never.observed);
    let front = Front::new(Snapshot {
        stable: never,
        candidate: None,
    });
    let core = front.on_core(0);
    let mut gone = Box::pin(core.answer(request(&[])));
    assert!(waits(gone.as_mut()).await);
    drop(gone);
    assert_eq!((observed.requests(), observed.p95()), (0, None));
}
