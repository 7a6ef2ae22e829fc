//! What a component may use: each limit from both versions of WASI, with fresh and with reused instances.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::Method;
use http_body_util::BodyExt;
use stoa_runtime::{Error, ResponseBodyError};

use crate::fixture::{Fixture, Service, full};

const BOTH: [&str; 2] = ["behaviour-02", "behaviour-03"];

fn limited(fixture: &Fixture, probe: &str, limits: &str) -> Service {
    fixture.serve(
        probe,
        &format!("[component.guest.tool.stoa]\nschema = 1\nlimits = {{ {limits} }}\n"),
    )
}

#[tokio::test]
async fn a_request_that_computes_too_long_ends_its_instance_and_the_next_gets_a_new_one() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = limited(
            &fixture,
            probe,
            "cpu_ms_max = 50, deadline_ms_max = 600_000",
        );
        let outcome = guest.get("/loop").await;
        assert!(
            matches!(outcome, Err(Error::Overran)),
            "{probe}: {outcome:?}"
        );
        assert_eq!(
            guest
                .get("/count")
                .await
                .expect("a new one answers")
                .text()
                .trim(),
            "1"
        );
    }
}

#[tokio::test]
async fn waiting_is_not_computing() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = limited(&fixture, probe, "cpu_ms_max = 10");
        let answer = guest
            .get("/stream?count=10&delay-ms=10")
            .await
            .expect("it answers");
        assert!(answer.text().ends_with("tick 10\n"), "{probe}");
    }
}

#[tokio::test]
async fn requests_beside_one_that_computes_too_long_are_unavailable() {
    let fixture = Fixture::new();
    let guest = limited(
        &fixture,
        "behaviour-03",
        "cpu_ms_max = 50, deadline_ms_max = 600_000",
    );
    let beside = {
        let guest = guest.clone();
        tokio::spawn(async move { guest.get("/never").await })
    };
    // In the instance before the other comes: it has no answer until that one takes it down.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let outcome = guest.get("/loop").await;
    assert!(
        matches!(outcome, Err(Error::Overran | Error::Retired)),
        "{outcome:?}"
    );
    let beside = beside.await.expect("no panic");
    assert!(matches!(beside, Err(Error::Retired)), "{beside:?}");
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_place_that_becomes_free_goes_to_who_waits() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let limits = "requests_in_flight_max = 1, requests_queued_max = 1, queue_ms_max = 60_000";
        let guest = limited(&fixture, probe, limits);
        let first = guest
            .head("/stream?count=5&delay-ms=20")
            .await
            .expect("it begins");
        let mut second = Box::pin(guest.get("/ok"));
        assert!(
            futures::poll!(second.as_mut()).is_pending(),
            "{probe}: it waits"
        );
        let third = guest.get("/ok").await;
        assert!(
            matches!(third, Err(Error::Overloaded)),
            "{probe}: {third:?}"
        );
        first
            .into_body()
            .collect()
            .await
            .expect("the first is complete");
        assert_eq!(
            second.await.expect("its turn has come").status,
            200,
            "{probe}"
        );
    }
}

#[tokio::test]
async fn waiting_ends_at_its_limit_and_who_gave_up_makes_room_in_the_queue() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let limits = "requests_in_flight_max = 1, requests_queued_max = 1, queue_ms_max = 100, deadline_ms_max = 2_000";
        let guest = limited(&fixture, probe, limits);
        let mut first = Box::pin(guest.get("/never"));
        assert!(futures::poll!(first.as_mut()).is_pending());
        for _ in 0..2 {
            let waited = guest.get("/ok").await;
            assert!(
                matches!(waited, Err(Error::Overloaded)),
                "{probe}: {waited:?}"
            );
        }
        drop(first);
        assert_eq!(
            guest.get("/ok").await.expect("there is room again").status,
            200,
            "{probe}"
        );
    }
}

#[tokio::test]
async fn a_component_without_instances_left_queues_and_its_neighbour_starts() {
    let fixture = Fixture::with_instances(8);
    let neighbour = fixture.serve("hello-02", "");
    let guest = limited(
        &fixture,
        "behaviour-02",
        "instances_max = 2, queue_ms_max = 60_000",
    );
    let slow: Vec<_> = (0..6)
        .map(|_| {
            let guest = guest.clone();
            tokio::spawn(async move { guest.get("/stream?count=3&delay-ms=20").await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(neighbour.get("/").await.expect("it has room").status, 200);
    for outcome in futures::stream::iter(slow)
        .buffered(6)
        .collect::<Vec<_>>()
        .await
    {
        assert_eq!(
            outcome.expect("no panic").expect("its turn came").status,
            200
        );
    }
}

#[tokio::test]
async fn tables_end_at_their_cap() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = limited(&fixture, probe, "table_elements_max = 1");
        let outcome = guest.get("/ok").await;
        assert!(
            matches!(outcome, Err(Error::Trapped)),
            "{probe}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn announced_bodies_over_the_limit_are_refused_before_a_guest_sees_them() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = limited(&fixture, probe, "request_body_bytes_max = 10");
        let large = guest.send(Method::POST, "/echo", full("12345678901")).await;
        assert!(
            matches!(large, Err(Error::BodyTooLarge { limit: 10 })),
            "{probe}"
        );
        let fits = guest.send(Method::POST, "/echo", full("1234567890")).await;
        let body = fits.expect("it fits").into_body().collect().await;
        assert_eq!(body.expect("it is complete").to_bytes(), "1234567890");
    }
}

#[tokio::test]
async fn answers_over_the_limit_break_off_or_are_refused_where_they_announce_it() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = limited(&fixture, probe, "response_body_bytes_max = 10");
        let body = Bytes::from(vec![b'x'; 100_000]);
        let echoed = guest.send(Method::POST, "/echo", full(body)).await;
        let broken = echoed
            .expect("the head arrives")
            .into_body()
            .collect()
            .await;
        assert!(
            matches!(broken, Err(ResponseBodyError::TooLarge(10))),
            "{probe}"
        );
    }
    // Only the probe of 0.2 announces how long its answer is.
    let none = limited(&fixture, "behaviour-02", "response_body_bytes_max = 1");
    let refused = none.get("/ok").await;
    assert!(matches!(refused, Err(Error::AnswerTooLarge)), "{refused:?}");
}

#[tokio::test]
async fn answers_with_too_many_fields_are_refused() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = limited(&fixture, probe, "response_headers_max = 20");
        let many = guest.get("/fields?count=21").await;
        assert!(
            matches!(many, Err(Error::AnswerTooLarge)),
            "{probe}: {many:?}"
        );
        assert_eq!(
            guest
                .get("/fields?count=20")
                .await
                .expect("they fit")
                .status,
            200
        );
    }
}

#[tokio::test]
async fn instances_of_0_2_are_reused_where_the_manifest_asks_for_it() {
    let fixture = Fixture::new();
    let guest = limited(&fixture, "behaviour-02", "requests_per_instance_max = 2");
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(
            guest
                .get("/count")
                .await
                .expect("it answers")
                .text()
                .trim()
                .to_owned(),
        );
    }
    assert_eq!(seen, ["1", "2", "1", "2"]);
    let waiting = {
        let guest = guest.clone();
        tokio::spawn(async move { guest.get("/never").await })
    };
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let beside = guest.get("/count").await.expect("it answers");
    assert_eq!(beside.text().trim(), "1", "never two at once in one");
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test]
async fn a_component_that_computes_leaves_its_neighbours_most_of_the_core() {
    let fixture = Fixture::new();
    let neighbour = fixture.serve("hello-03", "");
    for probe in BOTH {
        let guest = limited(
            &fixture,
            probe,
            "deadline_ms_max = 1_500, queue_ms_max = 60_000",
        );
        let hogs: Vec<_> = (0..20)
            .map(|_| {
                let guest = guest.clone();
                tokio::spawn(async move { guest.get("/loop").await })
            })
            .collect();
        let mut answered = 0;
        while !hogs.iter().all(tokio::task::JoinHandle::is_finished) {
            assert_eq!(neighbour.get("/").await.expect("it answers").status, 200);
            answered += 1;
        }
        // With a turn of 10 ms for each of twenty, there would be fewer than ten.
        assert!(answered > 100, "{probe}: {answered}");
    }
}
