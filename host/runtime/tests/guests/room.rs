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
    // It offers to take more, and computes instead when its answer is out.
    asked(&guest, 1, "/linger-loop").await;
    for _ in 0..8 {
        asked(&guest, 4, "/ok").await;
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_instance_that_idles_gives_way_to_another_component() {
    let fixture = Fixture::with_instances(1);
    let (one, other) = (
        fixture.serve("hello-03", ""),
        fixture.serve("behaviour-03", ""),
    );
    for (guest, path) in [(&one, "/"), (&other, "/ok"), (&one, "/")] {
        asked(guest, 1, path).await;
    }
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
