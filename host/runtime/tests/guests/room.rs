//! More requests than there is room for instances: they wait, and nothing idles in their way.

use futures::future::join_all;

use crate::fixture::{Fixture, Service};

const ONE: &str = "tool.stoa.schema = 1\ntool.stoa.limits = { instances_max = 1 }";
const TWO: &str = "tool.stoa.schema = 1\ntool.stoa.limits = { instances_max = 2 }";

/// Asks so often at once, and all are answered.
async fn asked(guest: &Service, count: usize, path: &str) {
    for answer in join_all((0..count).map(|_| guest.get(path))).await {
        assert_eq!(answer.expect("it waits for its turn").status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_only_instance_serves_all_who_wait_for_one() {
    let fixture = Fixture::new();
    // All come before it is there: for each of them another one would have been made.
    asked(&fixture.serve("hello-03", ONE), 32, "/").await;
}

#[tokio::test]
async fn requests_that_keep_coming_leave_no_body_half_written() {
    let fixture = Fixture::new();
    let guest = fixture.serve("hello-03", ONE);
    // More than an instance has room for, were anything of each left.
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let guest = guest.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    asked(&guest, 1, "/").await;
                }
            })
        })
        .collect();
    for asking in asking {
        asking.await.expect("all are answered");
    }
}

#[tokio::test]
async fn an_only_instance_that_waits_itself_takes_those_who_wait_for_one() {
    let fixture = Fixture::new();
    let guest = fixture.serve("behaviour-03", ONE);
    let mut long = Vec::new();
    // More and more of what is in it waits, and nothing ends that would have it look up.
    for _ in 0..3 {
        for _ in 0..2 {
            let guest = guest.clone();
            long.push(tokio::spawn(async move { guest.get("/never").await }));
        }
        tokio::task::yield_now().await;
        asked(&guest, 1, "/ok").await;
    }
    for waiting in long {
        assert!(!waiting.is_finished());
        waiting.abort();
    }
}

#[tokio::test]
async fn an_instance_that_computes_leaves_its_requests_to_another() {
    let fixture = Fixture::new();
    let guest = fixture.serve("behaviour-03", TWO);
    asked(&guest, 1, "/count").await;
    // It offers to take more, and computes instead when its answer is out.
    asked(&guest, 1, "/linger-loop").await;
    // The one that computes has had two. Who came before it began to compute ends with it, in the middle of an answer.
    for asked in 1.. {
        let guest = guest.clone();
        let answer = tokio::spawn(async move { guest.get("/count").await });
        match answer.await {
            Ok(Ok(answer)) if answer.text().trim() == "1" => break,
            _ => assert!(asked < 10_000, "no other instance answers"),
        }
    }
}

#[tokio::test]
async fn an_instance_that_idles_gives_way_to_another_component() {
    let reused = "tool.stoa.schema = 1\ntool.stoa.limits = { requests_per_instance_max = 100 }";
    for (one, other) in [
        ("hello-03", "behaviour-03"),
        ("hello-02", "behaviour-02"),
        ("hello-02", "behaviour-03"),
        ("hello-03", "behaviour-02"),
    ] {
        let fixture = Fixture::with_instances(1);
        let (one, other) = (fixture.serve(one, reused), fixture.serve(other, reused));
        for (guest, path) in [(&one, "/"), (&other, "/ok"), (&one, "/")] {
            asked(guest, 1, path).await;
        }
    }
}

#[tokio::test]
async fn instances_that_have_one_request_at_a_time_are_taken_by_those_who_wait_for_room() {
    let fixture = Fixture::with_instances(2);
    let reused = "tool.stoa.schema = 1\ntool.stoa.limits = { requests_per_instance_max = 1_000 }";
    let guest = fixture.serve("behaviour-02", reused);
    asked(&guest, 64, "/stream?count=3&delay-ms=1").await;
    let (one, other) = (guest.get("/count").await, guest.get("/count").await);
    let count = |answer: Result<crate::fixture::Answer, _>| -> usize {
        let answer = answer.expect("it answers");
        answer.text().trim().parse().expect("it is a number")
    };
    // Had more than two been made, one of them would be new.
    assert!(count(one) > 2 && count(other) > 2);
}

#[tokio::test]
async fn an_instance_at_work_gives_way_to_nobody() {
    let fixture = Fixture::with_instances(1);
    let busy = fixture.serve("behaviour-03", "");
    let waits = "tool.stoa.schema = 1\ntool.stoa.limits = { queue_ms_max = 1_000 }";
    let other = fixture.serve("hello-02", waits);
    // Compiled before, it starts at once.
    asked(&other, 1, "/").await;
    let working = {
        let busy = busy.clone();
        tokio::spawn(async move { busy.get("/never").await })
    };
    tokio::task::yield_now().await;
    for _ in 0..3 {
        assert!(other.get("/").await.is_err(), "there is no room");
    }
    assert!(!working.is_finished());
    working.abort();
}
