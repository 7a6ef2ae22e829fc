//! Whoever has no right to be here, and whatever cannot be understood.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use futures::future::join_all;
use futures::stream;
use http::Method;
use http_body::{Frame, SizeHint};
use stoa_capabilities::releases::{Digest, FILE_BYTES_MAX};

use super::super::api::CHANGES_MAX;
use super::super::attempts::WAITING_MAX;
use super::super::body::{JSON_BYTES_MAX, whole};
use super::super::routes::{HEALTH, NOTE_BYTES_MAX, routes};
use super::*;

/// A request that comes without a token.
fn bare(method: &Method, path: &str) -> http::request::Builder {
    let path = path
        .replace("{digest}", &Digest::of(b"x").to_string())
        .replace("{number}", "1");
    let request = Request::builder().method(method).uri(path);
    request.header(header::HOST, "localhost")
}

fn empty(request: http::request::Builder) -> Request<Body> {
    request.body(Body::empty()).expect("it is a request")
}

/// A body that says that it is larger than it may be, and must not be read for that.
struct Huge(u64);

impl http_body::Body for Huge {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        panic!("it is read although it is too large");
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

#[tokio::test]
async fn without_a_token_there_is_nothing_but_health() {
    for route in routes::<Fake>() {
        let bench = Bench::new();
        let answered = bench.answer(empty(bare(&route.method, route.path))).await;
        if route.path == HEALTH {
            assert_eq!(answered.json(), json!({ "status": "serving" }));
            continue;
        }
        answered.refused(401, "unauthenticated");
        assert_eq!(answered.header(header::WWW_AUTHENTICATE), "Bearer");
    }
    let bench = Bench::new();
    let unknown = bench.answer(empty(bare(&Method::GET, "/v1/secrets"))).await;
    unknown.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_token_that_is_not_ours_is_no_token() {
    let (bench, other) = (Bench::new(), Bench::new());
    let token = &bench.token;
    let wrong = [
        format!("Bearer {}", other.token),
        format!("Bearer {}", &token[..63]),
        format!("Basic {token}"),
        token.clone(),
        "Bearer ".to_owned(),
    ];
    for authorization in wrong {
        let request = bare(&Method::GET, "/v1/status");
        let request = request.header(header::AUTHORIZATION, authorization);
        let answered = bench.answer(empty(request)).await;
        answered.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_token_counts_only_where_it_belongs() {
    let bench = Bench::new();
    let path = format!("/v1/status?token={}", bench.token);
    let answered = bench.answer(empty(bare(&Method::GET, &path))).await;
    answered.refused(401, "unauthenticated");
    let twice = bench.request("GET", "/v1/status");
    let twice = twice.header(header::AUTHORIZATION, "Bearer another");
    bench
        .answer(empty(twice))
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_certificate_does_not_make_up_for_a_wrong_token() {
    let bench = Bench::new();
    let peer = peer(Some("cert:ci"));
    let ask = async |request: http::request::Builder| {
        let answer = bench.front.answer(&peer, empty(request)).await;
        Answered::read(answer).await
    };
    let request = bare(&Method::GET, "/v1/status");
    let wrong = request.header(header::AUTHORIZATION, "Bearer wrong");
    ask(wrong).await.refused(401, "unauthenticated");
    ask(bare(&Method::GET, "/v1/status")).await.json();
}

#[tokio::test]
async fn a_certificate_that_a_browser_shows_does_not_speak_for_the_page() {
    let bench = Bench::configured(false, |_| Config::default());
    let ask = async |name: &str, value: &str| {
        let request = bare(&Method::POST, "/v1/rollback").header(name, value);
        let request = request.body(Body::from("{}")).expect("it is a request");
        let answer = bench.front.answer(&peer(Some("cert:me")), request).await;
        Answered::read(answer).await
    };
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        ask(name, value).await.refused(401, "unauthenticated");
    }
    ask("sec-fetch-site", "none").await.json();
    let actions: Vec<_> = bench.audited().await;
    assert_eq!(actions.len(), 5, "{actions:?}");
}

#[tokio::test]
async fn refused_attempts_to_change_something_are_in_the_audit_log() {
    let bench = Bench::new();
    let digest = Digest::of(b"x").to_string();
    let attempts = [
        (Method::POST, "/v1/deploys"),
        (Method::POST, "/v1/rollback"),
        (Method::PUT, "/v1/artifacts/{digest}"),
        (Method::GET, "/v1/audit"),
        (Method::POST, "/v1/artifacts/missing"),
    ];
    for (method, path) in attempts {
        let request = bare(&method, path).header(header::AUTHORIZATION, "Bearer guessed");
        bench
            .answer(empty(request))
            .await
            .refused(401, "unauthenticated");
    }
    let actions = ["deploy", "rollback", "upload"];
    let expected = actions.map(|action| {
        let outcome = "refused: unauthenticated".to_owned();
        ("nobody".to_owned(), action.to_owned(), outcome)
    });
    assert_eq!(bench.audited().await, expected);
    let told = format!("{:?}", bench.audit().await);
    assert!(told.contains("127.0.0.1:50000"), "{told}");
    assert!(
        !told.contains("guessed") && !told.contains(&digest),
        "{told}"
    );
}

#[tokio::test]
async fn a_flood_of_attempts_keeps_nobody_out_who_may_come_in() {
    let bench = Bench::new();
    let attempts = join_all((0..3 * WAITING_MAX).map(|_| {
        let request = bare(&Method::POST, "/v1/deploys");
        bench.answer(empty(request))
    }));
    let (attempts, invited) = tokio::join!(attempts, bench.get("/v1/status"));
    invited.json();
    let too_many = attempts.iter().filter(|answered| answered.status == 429);
    let too_many: Vec<_> = too_many.collect();
    assert!(too_many.len() >= WAITING_MAX, "{}", too_many.len());
    assert!(too_many.len() < attempts.len());
    too_many[0].refused(429, "too-many-attempts");
}

#[tokio::test]
async fn a_page_whose_name_was_made_to_lead_here_gets_nothing() {
    let bench = Bench::new();
    for path in ["/v1/status", HEALTH] {
        let mut request = empty(bench.request("GET", path));
        let host = http::HeaderValue::from_static("evil.example:3001");
        request.headers_mut().insert(header::HOST, host);
        bench.answer(request).await.refused(403, "foreign-host");
    }
    let beyond = Bench::configured(false, |_| Config::default());
    let mut request = empty(beyond.request("GET", "/v1/status"));
    let host = http::HeaderValue::from_static("admin.example");
    request.headers_mut().insert(header::HOST, host);
    beyond.answer(request).await.json();
}

#[tokio::test]
async fn no_other_page_may_ever_read_an_answer() {
    let bench = Bench::new();
    for method in ["GET", "OPTIONS"] {
        let request = bench.request(method, "/v1/status");
        let request = request.header(header::ORIGIN, "http://localhost:8080");
        let answered = bench.answer(empty(request)).await;
        assert_eq!(answered.status, if method == "GET" { 200 } else { 405 });
        let names = answered.headers.keys();
        let allowed: Vec<_> = names
            .filter(|name| name.as_str().starts_with("access-control-"))
            .collect();
        assert!(allowed.is_empty(), "{allowed:?}");
        assert_eq!(answered.header(header::CACHE_CONTROL), "no-store");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let bench = Bench::new();
    for path in ["/", "/v1", "/v2/status", "/v1/status/", "/v1/releases/1/2"] {
        bench.get(path).await.refused(404, "unknown-path");
    }
    let wrong = bench.send("DELETE", "/v1/releases", Body::empty()).await;
    wrong.refused(405, "wrong-method");
    bench.get("/v1/deploys").await.refused(405, "wrong-method");
    bench
        .get("/v1/releases/99")
        .await
        .refused(404, "unknown-release");
}

#[tokio::test]
async fn what_is_too_large_is_refused_unread_and_what_grows_too_large_on_the_way() {
    let bench = Bench::new();
    let announced = Body::new(Huge(JSON_BYTES_MAX + 1));
    let answered = bench.send("POST", "/v1/deploys", announced).await;
    answered.refused(413, "too-large");

    let piece = Bytes::from(vec![b' '; 1 << 20]);
    let pieces = std::iter::repeat_n(piece, 17).map(Ok::<_, std::convert::Infallible>);
    let growing = Body::from_stream(stream::iter(pieces));
    let answered = bench.send("POST", "/v1/artifacts/missing", growing).await;
    answered.refused(413, "too-large");

    let path = format!("/v1/artifacts/{}", Digest::of(b"x"));
    let announced = Body::new(Huge(FILE_BYTES_MAX as u64 + 1));
    let answered = bench.send("PUT", &path, announced).await;
    let problem = answered.refused(413, "too-large");
    assert_eq!(
        problem.serving.as_deref(),
        Some("release 2 serves (version 3)")
    );
}

#[tokio::test]
async fn who_sends_a_byte_now_and_then_is_given_up() {
    let trickle = stream::unfold((), |()| async {
        tokio::task::yield_now().await;
        let piece = Bytes::from_static(b" ");
        Some((Ok::<_, std::convert::Infallible>(piece), ()))
    });
    let body = Body::from_stream(trickle);
    let refused = whole(body, u64::MAX, Duration::from_millis(1)).await;
    assert_eq!(refused.expect_err("it never ends").code(), "too-slow");
}

#[tokio::test]
async fn notes_that_are_no_notes_are_refused_and_audited() {
    let bench = Bench::new();
    let long = "x".repeat(NOTE_BYTES_MAX + 1);
    let deploy = bench.post("/v1/deploys", &deploy_of(&long)).await;
    let problem = deploy.refused(400, "malformed");
    assert!(problem.problems[0].contains("`note`"), "{problem:?}");
    for path in ["/v1/promote", "/v1/rollback"] {
        let order = json!({ "note": long });
        bench.post(path, &order).await.refused(400, "malformed");
    }
    assert_eq!(bench.audited().await.len(), 3);
    let longest = deploy_of(&long[1..]);
    bench.post("/v1/deploys", &longest).await.json();
}

#[tokio::test]
async fn changes_beyond_those_that_fit_are_refused_and_audited() {
    let bench = Bench::new();
    let waiting = join_all((0..CHANGES_MAX).map(|_| {
        let deploy = deploy_of("wait");
        let bench = &bench;
        async move { bench.post("/v1/deploys", &deploy).await }
    }));
    let further = async {
        bench.fake.begun(CHANGES_MAX).await;
        let further = bench.post("/v1/rollback", &json!({})).await;
        let problem = further.refused(503, "busy");
        let serving = problem.serving.as_deref();
        assert_eq!(serving, Some("release 2 serves (version 3)"));
        let audited = bench.audited().await;
        let (_, action, outcome) = &audited[0];
        assert_eq!(
            (action.as_str(), outcome.as_str()),
            ("rollback", "refused: busy")
        );
        bench.fake.go.notify_waiters();
    };
    tokio::join!(waiting, further);
}

#[tokio::test]
async fn bytes_of_another_digest_are_not_stored() {
    let bench = Bench::new();
    let digest = Digest::of(b"announced");
    let path = format!("/v1/artifacts/{digest}");
    bench
        .send("PUT", &path, "others")
        .await
        .refused(422, "mismatch");
    let asked = json!({ "digests": [digest] });
    let missing = bench.post("/v1/artifacts/missing", &asked).await;
    assert_eq!(missing.json(), asked);
    let unnamed = bench.send("PUT", "/v1/artifacts/sha256:abc", "x").await;
    unnamed.refused(400, "malformed");
    let outcomes: Vec<_> = bench.audited().await;
    let outcomes: Vec<_> = outcomes.iter().map(|(_, _, outcome)| outcome).collect();
    assert_eq!(outcomes, ["refused: mismatch", "refused: malformed"]);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_with_what_is_wrong() {
    let bench = Bench::new();
    let mut unknown = deploy_of("");
    unknown["allow_everything"] = json!(true);
    let answered = bench.post("/v1/deploys", &unknown).await;
    let problem = answered.refused(400, "malformed");
    assert!(
        problem.problems[0].contains("allow_everything"),
        "{problem:?}"
    );
    let cases = [
        ("/v1/deploys", "{"),
        ("/v1/deploys", ""),
        ("/v1/promote", "7"),
        ("/v1/rollback", r#"{"to": 7}"#),
        ("/v1/artifacts/missing", r#"{"digests": ["md5:1"]}"#),
    ];
    for (path, body) in cases {
        let answered = bench.send("POST", path, body).await;
        answered.refused(400, "malformed");
    }
}

#[tokio::test]
async fn questions_that_mean_nothing_are_refused() {
    let bench = Bench::new();
    for path in [
        "/v1/releases?after=7",
        "/v1/releases?limit=0",
        "/v1/changes?limit=1001",
        "/v1/audit?before=yesterday",
        "/v1/releases/latest",
        "/v1/differences?to=candidate",
        "/v1/logs?lines=-1",
        "/v1/logs?follow=please",
        "/v1/logs?since=1h",
    ] {
        bench.get(path).await.refused(400, "malformed");
    }
}
