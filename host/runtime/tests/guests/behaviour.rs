//! Limits and streams, for both versions of WASI.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc;
use http::Method;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use stoa_runtime::{Error, RequestBodyError, ResponseBodyError};

use crate::fixture::{Fixture, full};

const BOTH: [&str; 2] = ["behaviour-02", "behaviour-03"];
const SHORT: &str = "[component.guest.tool.stoa]\nschema = 1\nlimits = { deadline_ms_max = 300, memory_bytes_max = 33_554_432 }\n";
const LIMIT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn hello_is_answered() {
    let fixture = Fixture::new();
    for probe in ["hello-02", "hello-03"] {
        let answer = fixture.serve(probe, "").get("/").await.expect("it answers");
        assert_eq!(answer.status, 200);
        assert!(
            answer.text().starts_with("Hello from WASI 0."),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_deadline_and_its_neighbour_keeps_answering() {
    let fixture = Fixture::new();
    let neighbour = fixture.serve("hello-02", "");
    for probe in BOTH {
        let guest = fixture.serve(probe, SHORT);
        let looping = tokio::spawn(async move { guest.get("/loop").await });
        let mut answered = 0;
        while !looping.is_finished() {
            assert_eq!(
                neighbour
                    .get("/")
                    .await
                    .expect("the neighbour answers")
                    .status,
                200
            );
            answered += 1;
        }
        assert!(answered > 1, "the loop gave way");
        assert!(
            matches!(
                looping.await.expect("no panic"),
                Err(Error::Deadline { limit: LIMIT })
            ),
            "{probe}"
        );
    }
}

#[tokio::test]
async fn a_guest_that_never_answers_ends_at_the_deadline() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = fixture.serve(probe, SHORT);
        assert!(
            matches!(guest.get("/never").await, Err(Error::Deadline { .. })),
            "{probe}"
        );
        assert_eq!(
            guest
                .get("/ok")
                .await
                .expect("the next instance answers")
                .status,
            200
        );
    }
}

#[tokio::test]
async fn memory_ends_at_its_cap() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = fixture.serve(probe, SHORT);
        assert!(
            matches!(guest.get("/allocate").await, Err(Error::Trapped)),
            "{probe}"
        );
        assert_eq!(
            guest
                .get("/ok")
                .await
                .expect("the next instance answers")
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_of_that_request_alone() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = fixture.serve(probe, "");
        assert!(
            matches!(guest.get("/panic").await, Err(Error::Trapped)),
            "{probe}"
        );
        assert_eq!(
            guest
                .get("/ok")
                .await
                .expect("the next instance answers")
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_trap_after_the_head_breaks_the_body_off() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let (seen, error) = fixture.serve(probe, "").broken("/trap-midway").await;
        assert!(
            matches!(error, ResponseBodyError::Unfinished),
            "{probe}: {error}"
        );
        assert!(seen.is_empty() || seen == "first\n", "{probe}: {seen:?}");
    }
}

#[tokio::test]
async fn a_stream_that_outlives_the_deadline_is_broken_off() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let (seen, error) = fixture
            .serve(probe, SHORT)
            .broken("/stream?count=1000&delay-ms=20")
            .await;
        assert!(
            matches!(error, ResponseBodyError::Deadline(LIMIT)),
            "{probe}: {error}"
        );
        assert!(
            seen.starts_with(b"tick 1\n"),
            "{probe}: it streamed until then"
        );
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_holds_nothing_up() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = fixture.serve(probe, SHORT);
        let response = guest
            .send(Method::POST, "/ignore-body", full(vec![0; 1 << 20]))
            .await
            .expect("it answers");
        assert_eq!(response.status(), 200, "{probe}");
        response
            .into_body()
            .collect()
            .await
            .expect("the body is complete");
    }
}

#[tokio::test]
async fn no_response_is_a_failure_of_the_guest() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let outcome = fixture.serve(probe, "").get("/no-response").await;
        assert!(
            matches!(outcome, Err(Error::NoAnswer | Error::Trapped)),
            "{probe}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn bodies_stream_both_ways_with_backpressure() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = fixture.serve(probe, "");
        let (mut sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, RequestBodyError>>(0);
        let response = guest
            .send(Method::POST, "/echo", StreamBody::new(receiver))
            .await
            .expect("it answers at once");
        let mut body = response.into_body();
        // Each piece comes back before the next one is sent.
        for piece in ["one", "two", "three"] {
            sender
                .try_send(Ok(Frame::data(Bytes::from(piece))))
                .expect("the guest takes a piece");
            let mut back = Vec::new();
            while back.len() < piece.len() {
                let frame = body
                    .frame()
                    .await
                    .expect("the stream goes on")
                    .expect("it is not broken");
                back.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            }
            assert_eq!(back, piece.as_bytes(), "{probe}");
        }
        // With nobody reading, the guest stops taking: buffers on the way are bounded.
        let piece = Bytes::from(vec![7; 64 * 1024]);
        let mut taken = 0;
        while taken < 1024 {
            let ready = tokio::time::timeout(
                Duration::from_millis(200),
                futures::future::poll_fn(|cx| sender.poll_ready(cx)),
            );
            match ready.await {
                Ok(_) => sender
                    .try_send(Ok(Frame::data(piece.clone())))
                    .expect("the guest takes a piece"),
                Err(_) => break,
            }
            taken += 1;
        }
        assert!(
            taken < 512,
            "{probe}: the guest took {taken} pieces of 64 KiB that nobody reads"
        );
        drop(sender);
        let mut rest = 0;
        while let Some(frame) = body.frame().await {
            rest += frame
                .expect("it is not broken")
                .data_ref()
                .map_or(0, Bytes::len);
        }
        assert_eq!(rest, taken * piece.len(), "{probe}: nothing is lost");
    }
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_guest() {
    let fixture = Fixture::with_instances(1);
    for probe in BOTH {
        // The only instance there is room for would be busy for half a minute.
        let guest = fixture.serve(
            probe,
            "[component.guest.tool.stoa]\nschema = 1\nlimits.requests_per_instance_max = 1\n",
        );
        for path in ["/never", "/loop"] {
            let left = tokio::time::timeout(Duration::from_millis(100), guest.get(path)).await;
            assert!(left.is_err(), "{probe} {path} was left while it worked");
            let next = tokio::time::timeout(Duration::from_secs(10), guest.get("/ok")).await;
            assert_eq!(
                next.expect("the instance was given back")
                    .expect("it answers")
                    .status,
                200
            );
        }
        let streaming = guest
            .head("/stream?count=100000&delay-ms=5")
            .await
            .expect("it streams");
        drop(streaming);
        let next = tokio::time::timeout(Duration::from_secs(10), guest.get("/ok")).await;
        assert_eq!(
            next.expect("the instance was given back")
                .expect("it answers")
                .status,
            200,
            "{probe}"
        );
    }
}

#[tokio::test]
async fn what_a_guest_does_after_its_answer_ends_at_the_deadline() {
    let fixture = Fixture::with_instances(1);
    let manifest = "[component.guest.tool.stoa]\nschema = 1\nlimits = { deadline_ms_max = 300, requests_per_instance_max = 1 }\n";
    for probe in BOTH {
        let guest = fixture.serve(probe, manifest);
        for path in ["/linger", "/linger-loop"] {
            let answer = guest.get(path).await.expect("it answers first");
            assert_eq!(answer.text(), "ok", "{probe} {path}");
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
            let next = tokio::time::timeout(Duration::from_secs(20), next).await;
            assert_eq!(
                next.expect("the instance was given back").status,
                200,
                "{probe} {path}"
            );
        }
    }
}

#[tokio::test]
async fn instances_of_0_2_are_fresh_and_those_of_0_3_are_reused_up_to_their_limit() {
    let fixture = Fixture::new();
    let fresh = fixture.serve("behaviour-02", "");
    for _ in 0..3 {
        assert_eq!(
            fresh.get("/count").await.expect("it answers").text().trim(),
            "1"
        );
    }
    let limits = "[component.guest.tool.stoa]\nschema = 1\nlimits = { requests_per_instance_max = 2, requests_concurrent_per_instance_max = 1 }\n";
    let reused = fixture.serve("behaviour-03", limits);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(
            reused
                .get("/count")
                .await
                .expect("it answers")
                .text()
                .trim()
                .to_owned(),
        );
    }
    assert_eq!(seen, ["1", "2", "1", "2"]);
}

#[tokio::test]
async fn requests_that_share_an_instance_with_a_trap_are_unavailable_not_broken() {
    let fixture = Fixture::new();
    let guest = fixture.serve("behaviour-03", "");
    let waiting = {
        let guest = guest.clone();
        tokio::spawn(async move { guest.get("/never").await })
    };
    // The first is inside the instance when the second one traps it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let trapped = guest.get("/panic").await;
    assert!(
        matches!(trapped, Err(Error::Trapped | Error::Retired)),
        "{trapped:?}"
    );
    let shared = waiting.await.expect("no panic");
    assert!(matches!(shared, Err(Error::Retired)), "{shared:?}");
    assert_eq!(
        guest
            .get("/ok")
            .await
            .expect("the next instance answers")
            .status,
        200
    );
}

#[tokio::test]
async fn a_cancelled_request_does_not_break_those_beside_it() {
    let fixture = Fixture::new();
    let guest = fixture.serve("behaviour-03", "");
    let beside = {
        let guest = guest.clone();
        tokio::spawn(async move { guest.get("/stream?count=20&delay-ms=20").await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(
        tokio::time::timeout(Duration::from_millis(50), guest.get("/never"))
            .await
            .is_err()
    );
    let beside = beside.await.expect("no panic").expect("it is answered");
    assert!(beside.text().ends_with("tick 20\n"), "{}", beside.text());
}

#[tokio::test]
async fn requests_wait_for_room_instead_of_failing() {
    let fixture = Fixture::with_instances(2);
    let guest = fixture.serve("behaviour-02", "");
    let requests = (0..16).map(|_| guest.get("/stream?count=2&delay-ms=5"));
    let answers: Vec<_> = futures::stream::iter(requests)
        .buffer_unordered(16)
        .collect()
        .await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)),
        "{answers:?}"
    );
}

#[tokio::test]
async fn nothing_is_reached_that_was_not_granted() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = fixture.serve(probe, "environment = { GRANTED = \"yes\" }\n");
        let outbound = guest.get("/outbound").await.expect("it answers").text();
        assert!(
            outbound.to_lowercase().contains("denied"),
            "{probe}: {outbound}"
        );
        assert_eq!(
            guest
                .get("/environment?name=GRANTED")
                .await
                .expect("it answers")
                .text()
                .trim(),
            "yes"
        );
        let path = guest
            .get("/environment?name=PATH")
            .await
            .expect("it answers")
            .text();
        assert!(
            !path.contains('/'),
            "{probe}: the host's environment is not the guest's: {path}"
        );
    }
}

#[tokio::test]
async fn json_is_transformed() {
    let fixture = Fixture::new();
    for probe in ["transform-02", "transform-03"] {
        let guest = fixture.serve(probe, "");
        let orders = r#"[{"sku":"A-1","stock":2}]"#;
        let answer = guest.send(Method::POST, "/", full(orders)).await;
        let body = answer.expect("it answers").into_body().collect().await;
        let body = body.expect("it is complete").to_bytes();
        let text = String::from_utf8_lossy(&body);
        for part in [r#""sku":"A-1""#, r#""stock":3"#, r#""checked":true"#] {
            assert!(text.contains(part), "{probe}: {text}");
        }
    }
}

#[tokio::test]
async fn a_request_without_a_host_is_malformed() {
    let fixture = Fixture::new();
    let guest = fixture.serve("hello-03", "");
    let request = http::Request::builder()
        .uri("/")
        .body(full(""))
        .expect("the request is good");
    assert!(matches!(
        guest.handle(request).await,
        Err(Error::Malformed(_))
    ));
}
