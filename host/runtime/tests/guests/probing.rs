//! What is asked of a revision before it serves, and what does not pass.

use std::sync::Arc;
use std::time::Duration;

use stoa_runtime::{ProbeError, Revision};

use crate::fixture::Fixture;

const BOTH: [&str; 2] = ["behaviour-02", "behaviour-03"];

fn prepared(fixture: &Fixture, probe: &str, limits: &str) -> Arc<Revision> {
    let manifest = format!("[component.guest.tool.stoa]\nschema = 1\nlimits = {{ {limits} }}\n");
    fixture
        .prepare(probe, &manifest)
        .unwrap_or_else(|error| panic!("{probe}: {error}"))
}

#[tokio::test]
async fn an_answer_that_is_not_2xx_does_not_pass_and_is_named() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(&fixture, probe, "");
        for code in [500_u16, 503, 404, 302] {
            let path = format!("/status?code={code}");
            let outcome = revision.probe(Some(&path)).await;
            let error = outcome.expect_err("it does not pass");
            assert!(
                matches!(&error, ProbeError::Status { status, .. } if *status == code),
                "{probe}: {error:?}"
            );
            let text = error.to_string();
            assert!(
                text.contains(&path) && text.contains(&code.to_string()),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn a_trap_does_not_pass_neither_before_the_answer_nor_within_it() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(&fixture, probe, "");
        let outcome = revision.probe(Some("/panic")).await;
        assert!(
            matches!(outcome, Err(ProbeError::Trapped { .. })),
            "{probe}: {outcome:?}"
        );
        let outcome = revision.probe(Some("/trap-midway")).await;
        assert!(
            matches!(outcome, Err(ProbeError::BrokeOff { .. })),
            "{probe}: {outcome:?}"
        );
        let outcome = revision.probe(Some("/no-response")).await;
        assert!(
            matches!(
                outcome,
                Err(ProbeError::NoAnswer { .. } | ProbeError::Trapped { .. })
            ),
            "{probe}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_instance_that_is_too_slow_does_not_pass() {
    let fixture = Fixture::new();
    let limit = Duration::from_millis(300);
    for probe in BOTH {
        let revision = prepared(
            &fixture,
            probe,
            "deadline_ms_max = 300, cpu_ms_max = 30_000",
        );
        for path in ["/never", "/loop", "/stream?count=1000&delay-ms=10"] {
            let outcome = revision.probe(Some(path)).await;
            assert!(
                matches!(&outcome, Err(ProbeError::Deadline { limit: told }) if *told == limit),
                "{probe} {path}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_path_is_not_asked_for() {
    let fixture = Fixture::new();
    let revision = prepared(&fixture, "hello-02", "");
    for path in ["", "health", "http://example.com/", "/a b"] {
        let outcome = revision.probe(Some(path)).await;
        assert!(
            matches!(&outcome, Err(ProbeError::Path(told)) if told == path),
            "{path:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_component_whose_instances_do_not_start_does_not_pass() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(&fixture, probe, "table_elements_max = 1");
        let outcome = revision.probe(None).await;
        assert!(
            matches!(&outcome, Err(ProbeError::Start(why)) if !why.is_empty()),
            "{probe}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn what_starts_and_answers_passes_and_a_long_answer_is_not_read_to_its_end() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(&fixture, probe, "");
        let asked = [
            None,
            Some("/ok"),
            Some("/status?code=201"),
            Some("/stream?count=1000000000"),
        ];
        for path in asked {
            let outcome = revision.probe(path).await;
            assert!(outcome.is_ok(), "{probe} {path:?}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_probe_needs_no_room_of_those_that_serve_and_leaves_nothing_behind() {
    let fixture = Fixture::with_instances(1);
    let neighbour = fixture.serve("behaviour-02", "");
    let mut occupied = Box::pin(neighbour.get("/never"));
    assert!(futures::poll!(occupied.as_mut()).is_pending());
    tokio::task::yield_now().await;
    for probe in BOTH {
        for path in [None, Some("/ok"), Some("/panic")] {
            let revision = prepared(&fixture, probe, "");
            let outcome = revision.probe(path).await;
            assert_eq!(outcome.is_ok(), path != Some("/panic"), "{outcome:?}");
            let gone = revision.gone();
            drop(revision);
            // Less than an idle instance is kept for.
            let gone = tokio::time::timeout(Duration::from_secs(5), gone).await;
            assert!(gone.is_ok(), "{probe} {path:?}");
        }
    }
}

#[tokio::test]
async fn an_instance_that_serves_is_neither_asked_nor_ended() {
    let fixture = Fixture::new();
    let revision = prepared(&fixture, "behaviour-03", "");
    let guest = fixture.serve_revision(&revision);
    for expected in ["1", "2", "3"] {
        let count = guest.get("/count").await.expect("it answers").text();
        assert_eq!(count.trim(), expected);
        let outcome = revision.probe(Some("/count")).await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}
