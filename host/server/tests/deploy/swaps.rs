//! One release after the other, under clients that notice nothing but the other answer.

use crate::release::{Component, Release, saying, spoken, steady};
use crate::stage::{Stage, configured, until};
use crate::visitor::Connection;

/// Patience for a request that lasts as long as a deploy, wherever this runs.
const PATIENT: &str =
    "[deploy]\ndrain_ms_max = 600_000\n[gateway.limits]\nbody_idle_ms_max = 600_000\n";
const PATIENT_LIMITS: &str = "[component.guest.tool.stoa.limits]\ndeadline_ms_max = 600_000\n";

#[test]
fn the_same_once_more_is_a_release_without_differences() {
    let stage = Stage::serving(&Release::number(1));
    let told = stage.deploy(&Release::number(1), &[]).done();
    assert!(told.stderr.contains("Uploading nothing"), "{told:?}");
    told.says(&[
        "no differences to what serves",
        "release 2 serves, version 2",
    ]);
    assert_eq!(stage.word(), steady(1));
    // It is the same revision, which therefore did not drain.
    assert_eq!(stage.status()["drained"], 0);
}

#[test]
fn a_connection_outlives_the_releases_that_it_is_served_by() {
    for probe in ["release-02", "release-03"] {
        let number = |number: u64| {
            let code = spoken(probe, &steady(number));
            Release::of(&[Component::new("guest", code)])
        };
        let stage = Stage::serving(&number(1));
        let mut client = Connection::open(stage.address());
        assert_eq!(client.get("/quick", &[]).word(), steady(1), "{probe}");
        stage.deploy(&number(2), &[]).done();
        assert_eq!(client.get("/quick", &[]).word(), steady(2), "{probe}");
        // What it had to say fills more than one piece.
        assert_eq!(client.get("/big", &[]).word(), steady(2), "{probe}");
    }
}

#[test]
fn a_request_that_was_begun_is_finished_by_its_own_revision() {
    for probe in ["behaviour-02", "behaviour-03"] {
        let first = Release::of(&[Component::probe(probe).tables(PATIENT_LIMITS)]);
        let stage = Stage::start(configured(&first, PATIENT));
        let mut slow = Connection::open(stage.address());
        slow.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
        slow.send("6\r\nbefore\r\n");
        slow.read_until("before");
        let next = Release::of(&[saying(&steady(2))]);
        stage.deploy(&next, &["--allow-new-grants"]).done();
        assert_eq!(stage.word(), steady(2), "{probe}");
        let draining = stage.status()["draining"].clone();
        assert_eq!(draining[0]["component"], "guest", "{probe}: {draining}");
        // The new revision echoes nothing.
        slow.send("5\r\nafter\r\n0\r\n\r\n");
        slow.read_until("after");
        slow.read_until("0\r\n\r\n");
        let status = until("the old revision is gone", || {
            let status = stage.status();
            (status["drained"] == 1).then_some(status)
        });
        assert_eq!(status["cut_off"], 0, "{probe}: {status}");
    }
}

#[test]
fn rolling_back_and_forth_brings_what_was_there() {
    let stage = Stage::serving(&Release::number(1));
    stage.deploy(&Release::number(2), &[]).done();
    let told = stage.stoa(&["rollback", "--note", "it was worse"]).done();
    told.says(&["release 1 serves, version 3"]);
    assert_eq!(stage.word(), steady(1));
    // Whoever asks again is not sent to what was gone back from.
    let told = stage.stoa(&["rollback"]);
    told.refused(1, &["there is no release to go back to"]);
    let told = stage.stoa(&["rollback", "2"]).done();
    told.says(&["release 2 serves, version 4"]);
    assert_eq!(stage.word(), steady(2));
}
