//! Exports whose instances have one request at a time: what holds for every export holds for them, in the same words.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::Method;
use http_body_util::BodyExt;
use stoa_runtime::{Error, ProbeError, Revision, Triggers};

use crate::fixture::{Fixture, HTTP, Service, WAGI, full};

/// The probes, and what they are linked for.
const BOTH: [(&str, Triggers); 2] = [("inbound-http", HTTP), ("wagi", WAGI)];
const SHORT: &str = "deadline_ms_max = 300, memory_bytes_max = 33_554_432";
const LIMIT: Duration = Duration::from_millis(300);
/// Nothing here takes as long where it works.
const SOON: Duration = Duration::from_secs(10);

fn prepared(fixture: &Fixture, probe: (&str, Triggers), limits: &str) -> Arc<Revision> {
    let manifest = format!("[component.guest.tool.stoa]\nschema = 1\nlimits = {{ {limits} }}\n");
    fixture
        .prepare_for(probe.0, &manifest, probe.1)
        .unwrap_or_else(|error| panic!("{}: {error}", probe.0))
}

fn served(fixture: &Fixture, probe: (&str, Triggers), limits: &str) -> Service {
    fixture.serve_revision(&prepared(fixture, probe, limits))
}

async fn soon<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    let awaited = tokio::time::timeout(SOON, awaited).await;
    awaited.unwrap_or_else(|_| panic!("not within {SOON:?}: {what}"))
}

/// Lets everything else on this core go on for a while.
async fn yields() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_deadline_and_its_neighbour_keeps_answering() {
    let fixture = Fixture::new();
    let neighbour = fixture.serve("hello-02", "");
    for probe in BOTH {
        let guest = served(&fixture, probe, SHORT);
        let looping = tokio::spawn(async move { guest.get("/loop").await });
        let mut answered = 0;
        while !looping.is_finished() {
            assert_eq!(neighbour.get("/").await.expect("it answers").status, 200);
            answered += 1;
        }
        assert!(answered > 1, "the loop gave way");
        let looping = looping.await.expect("no panic");
        assert!(
            matches!(looping, Err(Error::Deadline { limit: LIMIT })),
            "{probe:?}: {looping:?}"
        );
    }
}

#[tokio::test]
async fn one_that_never_answers_ends_at_the_deadline_and_the_next_is_served() {
    let fixture = Fixture::with_instances(1);
    for probe in BOTH {
        let guest = served(&fixture, probe, SHORT);
        let silent = guest.get("/never").await;
        assert!(
            matches!(silent, Err(Error::Deadline { .. })),
            "{probe:?}: {silent:?}"
        );
        let next = soon("the instance is given back", guest.get("/ok")).await;
        assert_eq!(next.expect("it answers").text(), "ok", "{probe:?}");
    }
}

#[tokio::test]
async fn traps_and_memory_over_the_limit_are_failures_of_that_request_alone() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = served(&fixture, probe, "memory_bytes_max = 33_554_432");
        for path in ["/panic", "/allocate"] {
            let outcome = guest.get(path).await;
            assert!(
                matches!(outcome, Err(Error::Trapped)),
                "{probe:?} {path}: {outcome:?}"
            );
            let next = guest.get("/ok").await.expect("the next one answers");
            assert_eq!(next.status, 200, "{probe:?}");
        }
    }
}

#[tokio::test]
async fn one_that_computes_too_long_overran() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = served(
            &fixture,
            probe,
            "cpu_ms_max = 50, deadline_ms_max = 600_000",
        );
        let outcome = guest.get("/loop").await;
        assert!(
            matches!(outcome, Err(Error::Overran)),
            "{probe:?}: {outcome:?}"
        );
        assert_eq!(guest.get("/ok").await.expect("it answers").status, 200);
    }
}

#[tokio::test]
async fn tables_over_the_limit_let_no_instance_start() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = served(&fixture, probe, "table_elements_max = 1");
        let outcome = guest.get("/ok").await;
        assert!(
            matches!(outcome, Err(Error::Trapped)),
            "{probe:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_full_queue_refuses_and_so_does_a_wait_over_its_limit() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let limits = "requests_in_flight_max = 1, requests_queued_max = 1, queue_ms_max = 100, deadline_ms_max = 60_000";
        let guest = served(&fixture, probe, limits);
        let mut first = Box::pin(guest.get("/never"));
        assert!(futures::poll!(first.as_mut()).is_pending());
        let mut second = Box::pin(guest.get("/ok"));
        assert!(futures::poll!(second.as_mut()).is_pending(), "it waits");
        let third = guest.get("/ok").await;
        assert!(
            matches!(third, Err(Error::Overloaded)),
            "{probe:?}: {third:?}"
        );
        let second = second.await;
        assert!(
            matches!(second, Err(Error::Overloaded)),
            "{probe:?}: {second:?}"
        );
        drop(first);
        let next = soon("there is a place", async {
            loop {
                match guest.get("/ok").await {
                    Err(Error::Overloaded) => {}
                    outcome => return outcome,
                }
            }
        });
        assert_eq!(next.await.expect("it answers").status, 200, "{probe:?}");
    }
}

#[tokio::test]
async fn requests_wait_for_room_instead_of_failing() {
    let fixture = Fixture::with_instances(2);
    for probe in BOTH {
        let guest = served(&fixture, probe, "queue_ms_max = 60_000");
        let requests = (0..16).map(|_| guest.get("/compute?rounds=100000"));
        let answers: Vec<_> = futures::stream::iter(requests)
            .buffer_unordered(16)
            .collect()
            .await;
        for answer in answers {
            assert_eq!(answer.expect("its turn came").status, 200, "{probe:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_guest() {
    // The only instance there is room for would be busy for half a minute.
    let fixture = Fixture::with_instances(1);
    for probe in BOTH {
        let guest = served(&fixture, probe, "");
        for path in ["/never", "/loop"] {
            let left = tokio::time::timeout(Duration::from_millis(100), guest.get(path)).await;
            assert!(left.is_err(), "{probe:?} {path} was left while it worked");
            let next = soon("the instance is given back", guest.get("/ok")).await;
            assert_eq!(next.expect("it answers").status, 200, "{probe:?} {path}");
        }
    }
}

#[tokio::test]
async fn announced_bodies_over_the_limit_are_refused_before_a_guest_sees_them() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = served(&fixture, probe, "request_body_bytes_max = 10");
        let large = guest.send(Method::POST, "/echo", full("12345678901")).await;
        assert!(
            matches!(large, Err(Error::BodyTooLarge { limit: 10 })),
            "{probe:?}"
        );
        let fits = guest.send(Method::POST, "/echo", full("1234567890")).await;
        let body = fits.expect("it fits").into_body().collect().await;
        assert_eq!(body.expect("it is complete").to_bytes(), "1234567890");
    }
}

#[tokio::test]
async fn answers_over_the_limits_are_refused() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let limits = "response_body_bytes_max = 100, response_headers_max = 20";
        let guest = served(&fixture, probe, limits);
        for path in ["/large?bytes=101", "/fields?count=21"] {
            let refused = guest.get(path).await;
            assert!(
                matches!(refused, Err(Error::AnswerTooLarge)),
                "{probe:?} {path}: {refused:?}"
            );
        }
        let fits = guest.get("/large?bytes=100").await.expect("it fits");
        assert_eq!(fits.body.len(), 100, "{probe:?}");
    }
}

#[tokio::test]
async fn every_request_has_an_instance_of_its_own_whatever_the_manifest_says() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = served(&fixture, probe, "requests_per_instance_max = 100");
        for _ in 0..3 {
            let count = guest.get("/count").await.expect("it answers");
            assert_eq!(count.text(), "1", "{probe:?}");
        }
    }
}

#[tokio::test]
async fn what_is_at_work_when_the_drain_begins_finishes_and_then_nothing_is_left() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(
            &fixture,
            probe,
            "requests_in_flight_max = 1, queue_ms_max = 60_000",
        );
        let guest = fixture.serve_revision(&revision);
        let ask = |path: &'static str| {
            let guest = guest.clone();
            tokio::spawn(async move { guest.get(path).await })
        };
        let (first, queued) = (ask("/compute?rounds=10000000"), ask("/ok"));
        yields().await;
        revision.drain();
        let gone = revision.gone();
        let late = guest.get("/ok").await.expect("it is served");
        assert_eq!(late.status, 200, "{probe:?}");
        for request in [first, queued] {
            let answer = request.await.expect("no panic").expect("it is served");
            assert_eq!(answer.status, 200, "{probe:?}");
        }
        drop((revision, guest));
        soon("it drains", gone).await;
    }
}

#[tokio::test]
async fn the_end_cuts_off_what_is_left_and_the_wait_for_an_instance() {
    let fixture = Fixture::with_instances(1);
    for probe in BOTH {
        for path in ["/never", "/loop"] {
            let revision = prepared(&fixture, probe, "cpu_ms_max = 30_000");
            let guest = fixture.serve_revision(&revision);
            let ask = |path: &'static str| {
                let guest = guest.clone();
                tokio::spawn(async move { guest.get(path).await })
            };
            let (at_work, waiting) = (ask(path), ask("/ok"));
            yields().await;
            assert!(!at_work.is_finished() && !waiting.is_finished());
            revision.end();
            for cut in [at_work, waiting] {
                let cut = soon("it is cut off", cut).await.expect("no panic");
                assert!(matches!(cut, Err(Error::Retired)), "{probe:?}: {cut:?}");
            }
            let late = guest.get("/ok").await;
            assert!(matches!(late, Err(Error::Retired)), "{probe:?}: {late:?}");
            let gone = revision.gone();
            drop((revision, guest));
            soon("nothing is left", gone).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_is_slow_to_take_its_answer_does_not_hold_the_revision() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(&fixture, probe, "");
        let guest = fixture.serve_revision(&revision);
        let answer = guest.head("/ok").await.expect("it answers");
        let gone = revision.gone();
        revision.drain();
        drop((revision, guest));
        soon("nothing is left", gone).await;
        let body = answer.into_body().collect().await;
        assert_eq!(body.expect("it is complete").to_bytes(), "ok", "{probe:?}");
    }
}

#[tokio::test]
async fn a_probe_asks_for_a_path_and_needs_2xx() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(&fixture, probe, SHORT);
        let refused = revision.probe(Some("/status?code=503")).await;
        assert!(
            matches!(&refused, Err(ProbeError::Status { status, .. }) if *status == 503),
            "{probe:?}: {refused:?}"
        );
        let trapped = revision.probe(Some("/panic")).await;
        assert!(
            matches!(trapped, Err(ProbeError::Trapped { .. })),
            "{probe:?}: {trapped:?}"
        );
        for path in ["/never", "/loop"] {
            let slow = revision.probe(Some(path)).await;
            assert!(
                matches!(slow, Err(ProbeError::Deadline { limit: LIMIT })),
                "{probe:?} {path}: {slow:?}"
            );
        }
        for path in [None, Some("/ok")] {
            let passed = revision.probe(path).await;
            assert!(passed.is_ok(), "{probe:?} {path:?}: {passed:?}");
        }
        let gone = revision.gone();
        drop(revision);
        soon("nothing is left", gone).await;
    }
}

#[tokio::test]
async fn a_probe_tells_of_instances_that_do_not_start() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(&fixture, probe, "table_elements_max = 1");
        let outcome = revision.probe(None).await;
        assert!(
            matches!(&outcome, Err(ProbeError::Start(why)) if !why.is_empty()),
            "{probe:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_nobody_announced_breaks_off_over_the_limit() {
    let fixture = Fixture::new();
    let guest = served(&fixture, BOTH[0], "request_body_bytes_max = 10");
    let pieces = ["123456", "789012"].map(|piece| Ok(http_body::Frame::data(Bytes::from(piece))));
    let body = http_body_util::StreamBody::new(futures::stream::iter(pieces));
    let answer = guest.send(Method::POST, "/echo", body).await;
    assert_eq!(answer.expect("it is told").status(), 413);
}
