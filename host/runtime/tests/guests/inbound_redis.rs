//! Messages of Redis, delivered to both of the exports that take them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stoa_runtime::{Abi, Error, PrepareError, ProbeError, Revision, Triggers};

use crate::fixture::{Fixture, HTTP, REDIS, Service};

const BOTH: [&str; 2] = ["inbound-redis-02", "inbound-redis-03"];
const SOON: Duration = Duration::from_secs(10);

fn prepared(fixture: &Fixture, probe: &str, limits: &str) -> Arc<Revision> {
    let manifest = format!("[component.guest.tool.stoa]\nschema = 1\nlimits = {{ {limits} }}\n");
    fixture
        .prepare_for(probe, &manifest, REDIS)
        .unwrap_or_else(|error| panic!("{probe}: {error}"))
}

fn served(fixture: &Fixture, probe: &str, limits: &str) -> Service {
    fixture.serve_revision(&prepared(fixture, probe, limits))
}

async fn soon<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    let awaited = tokio::time::timeout(SOON, awaited).await;
    awaited.unwrap_or_else(|_| panic!("not within {SOON:?}: {what}"))
}

#[test]
fn a_component_that_takes_no_messages_is_refused_for_them_and_told_what_it_has() {
    let fixture = Fixture::new();
    for (probe, triggers, has) in [
        ("hello-02", REDIS, "wasi:http/incoming-handler@0.2"),
        (BOTH[0], HTTP, "fermyon:spin/inbound-redis"),
        (BOTH[1], HTTP, "spin:redis/inbound-redis@3.0.0"),
    ] {
        let refused = fixture.prepare_for(probe, "", triggers).err();
        let error = refused.expect("it does not export that");
        assert!(matches!(error, PrepareError::NoHandler { .. }), "{error}");
        assert!(error.to_string().contains(has), "{error}");
    }
    let both = Triggers {
        http: true,
        ..REDIS
    };
    assert!(fixture.prepare_for("hello-02", "", both).is_err());
    for (probe, abi) in BOTH.into_iter().zip([Abi::SpinRedis, Abi::SpinRedis3]) {
        assert_eq!(prepared(&fixture, probe, "").abi(), abi);
    }
}

#[tokio::test]
async fn a_message_that_is_refused_or_traps_is_told_and_the_next_is_taken() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = served(&fixture, probe, "");
        let refused = guest.deliver("something else").await;
        assert!(
            matches!(refused, Err(Error::NoAnswer)),
            "{probe}: {refused:?}"
        );
        let trapped = guest.deliver("panic").await;
        assert!(
            matches!(trapped, Err(Error::Trapped)),
            "{probe}: {trapped:?}"
        );
        for _ in 0..2 {
            guest.deliver("first").await.expect("it is a fresh one");
        }
        let bytes: Vec<u8> = (0..=255).collect();
        guest.deliver(bytes).await.expect("it is taken as it is");
    }
}

#[tokio::test]
async fn messages_have_the_limits_of_requests() {
    let fixture = Fixture::with_instances(1);
    for probe in BOTH {
        let limits = "deadline_ms_max = 500, request_body_bytes_max = 10";
        let guest = served(&fixture, probe, limits);
        let large = guest.deliver("12345678901").await;
        assert!(
            matches!(large, Err(Error::BodyTooLarge { limit: 10 })),
            "{probe}: {large:?}"
        );
        for message in ["never", "loop"] {
            let slow = guest.deliver(message).await;
            assert!(
                matches!(slow, Err(Error::Deadline { .. })),
                "{probe} {message}: {slow:?}"
            );
            let next = soon("the instance is given back", guest.deliver("ok")).await;
            next.expect("it is taken");
        }
        let guest = served(&fixture, probe, "cpu_ms_max = 50");
        let overran = guest.deliver("loop").await;
        assert!(
            matches!(overran, Err(Error::Overran)),
            "{probe}: {overran:?}"
        );
    }
}

#[tokio::test]
async fn a_message_that_found_no_room_in_time_is_not_begun_once_there_is_some() {
    let fixture = Fixture::with_instances(1);
    let store = "key_value_stores = [\"default\"]\n[component.guest.tool.stoa]\nschema = 1\n";
    let reader = fixture.serve("keyvalue-02", store);
    for probe in BOTH {
        let busy = served(&fixture, probe, "");
        let busy = tokio::spawn(async move { busy.deliver("never").await });
        // The room goes to whoever came first.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let manifest = format!("{store}limits = {{ queue_ms_max = 50 }}\n");
        let revision = fixture.prepare_for(probe, &manifest, REDIS);
        let revision = revision.unwrap_or_else(|error| panic!("{probe}: {error}"));
        let guest = fixture.serve_revision(&revision);
        let lost = guest.deliver("write lost").await;
        assert!(matches!(lost, Err(Error::Overloaded)), "{probe}: {lost:?}");
        busy.abort();
        // What waits for room from before has it before the reader.
        let get = reader.get("/?api=draft2&op=get&label=default&key=lost");
        let read = soon("there is room", get).await.expect("it answers");
        assert_eq!(read.status, 404, "{probe}: {}", read.text());
        let taken = soon("there is room", guest.deliver("write taken")).await;
        taken.expect("it is taken");
    }
}

#[tokio::test]
async fn who_gives_up_a_message_stops_its_guest() {
    let fixture = Fixture::with_instances(1);
    for probe in BOTH {
        let guest = served(&fixture, probe, "");
        for message in ["never", "loop"] {
            let given_up = tokio::time::timeout(Duration::from_millis(100), guest.deliver(message));
            assert!(given_up.await.is_err(), "{probe} {message}");
            let next = soon("the instance is given back", guest.deliver("ok")).await;
            next.expect("it is taken");
        }
    }
}

#[tokio::test]
async fn the_end_cuts_off_what_is_left_and_the_drain_waits_for_it() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(&fixture, probe, "");
        let guest = fixture.serve_revision(&revision);
        let waiting = {
            let guest = guest.clone();
            tokio::spawn(async move { guest.deliver("never").await })
        };
        tokio::task::yield_now().await;
        revision.drain();
        guest.deliver("ok").await.expect("it is taken still");
        assert!(!waiting.is_finished(), "{probe}");
        revision.end();
        let cut = soon("it is cut off", waiting).await.expect("no panic");
        assert!(matches!(cut, Err(Error::Retired)), "{probe}: {cut:?}");
        let gone = revision.gone();
        drop((revision, guest));
        soon("nothing is left", gone).await;
    }
}

#[tokio::test]
async fn a_component_for_messages_serves_no_requests_and_is_probed_by_its_start() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let revision = prepared(&fixture, probe, "");
        let asked = revision.probe(Some("/health")).await;
        assert!(
            matches!(&asked, Err(ProbeError::NoHttp(path)) if path == "/health"),
            "{probe}: {asked:?}"
        );
        let started = revision.probe(None).await;
        assert!(started.is_ok(), "{probe}: {started:?}");
        let request = fixture.serve_revision(&revision).get("/").await;
        assert!(
            matches!(request, Err(Error::NoAnswer)),
            "{probe}: {request:?}"
        );
    }
    let hello = fixture.serve("hello-02", "");
    let message = hello.deliver(Bytes::from_static(b"ok")).await;
    assert!(matches!(message, Err(Error::NoAnswer)), "{message:?}");
}
