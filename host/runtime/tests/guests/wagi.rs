//! Commands as CGI programs: what they are told, and what they print.

use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, StreamBody};
use stoa_runtime::{Abi, Error, PrepareError, RequestBodyError, ResponseBody, ResponseBodyError};

use crate::fixture::{Fixture, HTTP, Service, WAGI, full, nothing};

const PROBE: &str = "wagi";
const SHORT: &str = "[component.guest.tool.stoa]\nschema = 1\nlimits = { deadline_ms_max = 300 }\n";
const LIMIT: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_secs(10);

fn served(fixture: &Fixture, manifest: &str) -> Service {
    let revision = fixture.prepare_for(PROBE, manifest, WAGI);
    fixture.serve_revision(&revision.unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn a_command_serves_with_the_wagi_executor_only_and_others_do_not_with_it() {
    let fixture = Fixture::new();
    for (probe, triggers) in [(PROBE, HTTP), ("hello-02", WAGI)] {
        let refused = fixture.prepare_for(probe, "", triggers).err();
        assert!(
            matches!(refused, Some(PrepareError::NoHandler { .. })),
            "{probe}: {refused:?}"
        );
    }
    let revision = fixture.prepare_for(PROBE, "", WAGI);
    assert_eq!(revision.expect("it can be deployed").abi(), Abi::Wagi);
}

#[tokio::test]
async fn a_component_that_is_no_command_is_not_run_as_one() {
    let fixture = Fixture::new();
    let hello = fixture.serve("hello-02", "").with_argv("hello");
    let outcome = hello.get("/").await;
    assert!(matches!(outcome, Err(Error::NoAnswer)), "{outcome:?}");
}

#[tokio::test]
async fn what_is_no_cgi_answer_is_none() {
    let fixture = Fixture::new();
    for head in ["x-a: 1", "hello", "content-type: a\\u0001b"] {
        let guest = served(
            &fixture,
            &format!("environment = {{ HEAD = \"{head}\" }}\n"),
        );
        let outcome = guest.get("/head").await;
        assert!(
            matches!(outcome, Err(Error::NoAnswer)),
            "{head:?}: {outcome:?}"
        );
    }
    let guest = served(&fixture, "");
    for path in ["/nothing", "/flood-head"] {
        let outcome = guest.get(path).await;
        assert!(
            matches!(outcome, Err(Error::NoAnswer)),
            "{path}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_command_that_exits_with_a_failure_has_not_answered_and_breaks_off_what_it_began() {
    let fixture = Fixture::new();
    let guest = served(&fixture, "");
    let failed = guest.get("/exit?code=3").await;
    assert!(matches!(failed, Err(Error::Trapped)), "{failed:?}");
    assert_eq!(
        guest.get("/exit?code=0").await.expect("it answers").text(),
        "ok"
    );
    for path in ["/exit-midway?code=3", "/trap-midway"] {
        let (seen, error) = guest.broken(path).await;
        assert!(
            matches!(error, ResponseBodyError::Unfinished),
            "{path}: {error}"
        );
        assert!(seen.is_empty() || seen == "first\n", "{path}: {seen:?}");
    }
}

#[tokio::test]
async fn statuses_locations_and_fields_are_what_is_printed() {
    let fixture = Fixture::new();
    let guest = served(
        &fixture,
        "environment = { HEAD = \"Status: 418 I'm a teapot\\r\\nSet-Cookie: a=1\\r\\nset-cookie: b=2\\r\\nConnection: close\\r\" }\n",
    );
    let (head, body) = taken(guest.head("/head").await).await;
    assert_eq!((head.status.as_u16(), body.as_str()), (418, "ok"));
    let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert!(!head.headers.contains_key("connection"));
    let (head, _) = taken(guest.head("/redirect").await).await;
    assert_eq!(head.status, 302);
    assert_eq!(head.headers["location"], "/there");
    for (said, status) in [(404, 404), (99, 502), (1000, 502)] {
        let answer = guest.get(&format!("/status?code={said}")).await;
        assert_eq!(answer.expect("it answers").status, status, "{said}");
    }
}

async fn taken(answer: Result<Response<ResponseBody>, Error>) -> (http::response::Parts, String) {
    let (head, body) = answer.expect("it answers").into_parts();
    let body = body.collect().await.expect("it is complete").to_bytes();
    (head, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_command_is_told_of_its_request_and_its_author_has_the_last_word() {
    let fixture = Fixture::new();
    let guest = served(
        &fixture,
        "environment = { HTTP_X_ROLE = \"guest\", GRANTED = \"yes\" }\n",
    );
    let guest = guest.with_argv("/environment ${ARGS}");
    let ask = async |name: &str| {
        let request = Request::get(format!("/shop/a%20b?name={name}"))
            .header("host", "shop.example:8080")
            .header("x-role", "admin")
            .header("proxy", "http://evil.example")
            .header("authorization", "Bearer secret")
            .header("spin-matched-route", "/shop/...")
            .header("spin-path-info", "/a%20b")
            .header("spin-client-addr", "192.0.2.1:5000")
            .body(nothing())
            .expect("the request is good");
        let answer = guest.handle(request).await;
        let (head, body) = taken(answer).await;
        (head.status == 200).then_some(body)
    };
    for absent in [
        "HTTP_PROXY",
        "HTTP_AUTHORIZATION",
        "HTTP_SPIN_PATH_INFO",
        "PATH",
    ] {
        assert_eq!(ask(absent).await, None, "{absent}");
    }
    for (name, value) in [
        ("HTTP_X_ROLE", "guest"),
        ("GRANTED", "yes"),
        ("REQUEST_METHOD", "GET"),
        ("SCRIPT_NAME", "/shop"),
        ("PATH_INFO", "/a%20b"),
        ("PATH_TRANSLATED", "/a b"),
        ("QUERY_STRING", "name=QUERY_STRING"),
        ("SERVER_NAME", "shop.example"),
        ("SERVER_PORT", "8080"),
        ("REMOTE_ADDR", "192.0.2.1"),
        ("CONTENT_LENGTH", "0"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
    ] {
        assert_eq!(ask(name).await.as_deref(), Some(value), "{name}");
    }
}

#[tokio::test]
async fn arguments_are_the_template_filled_in() {
    let fixture = Fixture::new();
    let guest = served(&fixture, "");
    let told = guest.get("/arguments?a=1&b=%20").await.expect("it answers");
    assert_eq!(told.text(), "/arguments\na=1\nb=%20");
    let guest = guest.with_argv("/arguments --path ${SCRIPT_NAME}");
    let told = guest.get("/x/y?a=1").await.expect("it answers");
    assert_eq!(told.text(), "/arguments\n--path\n/x/y");
}

#[tokio::test]
async fn bodies_stream_both_ways_with_backpressure() {
    let fixture = Fixture::new();
    let guest = served(&fixture, "");
    let (mut sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, RequestBodyError>>(0);
    let answer = guest.send(Method::POST, "/echo", StreamBody::new(receiver));
    let mut body = answer.await.expect("it answers at once").into_body();
    // Each piece comes back before the next one is sent.
    for piece in ["one", "two", "three"] {
        let frame = Frame::data(Bytes::from(piece));
        sender.try_send(Ok(frame)).expect("the guest takes it");
        let mut back = Vec::new();
        while back.len() < piece.len() {
            let frame = body.frame().await.expect("it goes on");
            let frame = frame.expect("it is not broken");
            back.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
        assert_eq!(back, piece.as_bytes());
    }
    // With nobody reading, the guest stops taking: buffers on the way are bounded.
    let piece = Bytes::from(vec![7; 64 * 1024]);
    let mut taken = 0;
    while taken < 1024 {
        let ready = futures::future::poll_fn(|cx| sender.poll_ready(cx));
        match tokio::time::timeout(Duration::from_millis(200), ready).await {
            Ok(_) => sender
                .try_send(Ok(Frame::data(piece.clone())))
                .expect("the guest takes it"),
            Err(_) => break,
        }
        taken += 1;
    }
    assert!(taken < 64, "the guest took {taken} pieces of 64 KiB");
    drop(sender);
    let mut rest = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.expect("it is not broken");
        rest += frame.data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(rest, taken * piece.len(), "nothing is lost");
}

/// A body that breaks off after it began.
struct Broken(bool);

impl Body for Broken {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let frame = match std::mem::replace(&mut self.0, true) {
            false => Ok(Frame::data(Bytes::from_static(b"begun"))),
            true => Err(RequestBodyError::Disconnected),
        };
        std::task::Poll::Ready(Some(frame))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(100)
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_of_standard_input_and_not_its_end() {
    let fixture = Fixture::new();
    let guest = served(&fixture, "");
    let answer = guest.send(Method::POST, "/echo", Broken(false)).await;
    // The probe fails then, before or after its head is out.
    match answer {
        Err(error) => assert!(matches!(error, Error::Trapped), "{error}"),
        Ok(answer) => {
            let broken = answer.into_body().collect().await;
            assert!(
                matches!(broken, Err(ResponseBodyError::Unfinished)),
                "{:?}",
                broken.map(http_body_util::Collected::to_bytes)
            );
        }
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_holds_nothing_up() {
    let fixture = Fixture::new();
    let guest = served(&fixture, SHORT);
    let body = full(vec![0; 1 << 20]);
    let answer = guest.send(Method::POST, "/ignore-body", body).await;
    let (_, text) = taken(answer).await;
    assert_eq!(text, "ignored");
}

#[tokio::test]
async fn a_stream_that_outlives_the_deadline_is_broken_off() {
    let fixture = Fixture::new();
    let guest = served(&fixture, SHORT);
    let (seen, error) = guest.broken("/stream?count=1000&delay-ms=20").await;
    assert!(
        matches!(error, ResponseBodyError::Deadline(LIMIT)),
        "{error}"
    );
    assert!(seen.starts_with(b"tick 1\n"), "it streamed until then");
}

#[tokio::test]
async fn waiting_is_not_computing() {
    let fixture = Fixture::new();
    let manifest = "[component.guest.tool.stoa]\nschema = 1\nlimits.cpu_ms_max = 10\n";
    let guest = served(&fixture, manifest);
    let answer = guest.get("/stream?count=10&delay-ms=10").await;
    assert!(answer.expect("it answers").text().ends_with("tick 10\n"));
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_stops_it() {
    let fixture = Fixture::with_instances(1);
    let guest = served(&fixture, "");
    let streaming = guest.head("/stream?count=100000&delay-ms=5").await;
    drop(streaming.expect("it streams"));
    let next = tokio::time::timeout(SOON, guest.get("/ok")).await;
    let next = next.expect("the instance is given back");
    assert_eq!(next.expect("it answers").status, 200);
}

#[tokio::test]
async fn what_a_command_does_after_its_answer_ends_at_the_deadline() {
    let fixture = Fixture::with_instances(1);
    let guest = served(&fixture, SHORT);
    for path in ["/linger", "/linger-loop"] {
        let answer = guest.get(path).await.expect("it answers first");
        assert_eq!(answer.text(), "ok", "{path}");
        // There is room for one instance: the next request is answered once the lingering one is gone.
        let next = async {
            loop {
                match guest.get("/ok").await {
                    Ok(answer) => return answer,
                    Err(error) => assert!(
                        matches!(error, Error::Deadline { .. } | Error::Overloaded),
                        "{error}"
                    ),
                }
            }
        };
        let next = tokio::time::timeout(SOON, next).await;
        assert_eq!(next.expect("the instance is given back").status, 200);
    }
}

#[tokio::test]
async fn answers_that_nobody_announced_break_off_over_the_limit() {
    let fixture = Fixture::new();
    let manifest = "[component.guest.tool.stoa]\nschema = 1\nlimits.response_body_bytes_max = 10\n";
    let guest = served(&fixture, manifest);
    let echoed = guest.send(Method::POST, "/echo", full("12345678901")).await;
    let broken = echoed.expect("the head arrives").into_body().collect();
    assert!(matches!(broken.await, Err(ResponseBodyError::TooLarge(10))));
}

#[tokio::test]
async fn a_stream_of_events_ends_well_after_a_whole_one_when_the_drain_begins() {
    let fixture = Fixture::new();
    let revision = fixture
        .prepare_for(PROBE, "", WAGI)
        .expect("it is a command");
    let guest = fixture.serve_revision(&revision);
    let (mut sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, RequestBodyError>>(0);
    let events = StreamBody::new(receiver);
    let answer = guest.send(Method::POST, "/echo?type=text/event-stream", events);
    let mut body = answer.await.expect("it begins").into_body();
    let event = Bytes::from_static(b"data: 1\n\n");
    sender
        .try_send(Ok(Frame::data(event.clone())))
        .expect("it is taken");
    let mut seen = Vec::new();
    while seen.len() < event.len() {
        let frame = body.frame().await.expect("it goes on");
        let frame = frame.expect("it is not broken");
        seen.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    let reading = tokio::spawn(body.collect());
    tokio::task::yield_now().await;
    revision.drain();
    let rest = tokio::time::timeout(SOON, reading).await.expect("it ends");
    let rest = rest.expect("no panic").expect("it ends well");
    assert_eq!(rest.to_bytes(), "");
    let gone = revision.gone();
    drop((revision, guest));
    let gone = tokio::time::timeout(SOON, gone).await;
    assert!(gone.is_ok(), "nothing is left");
    drop(sender);
}
