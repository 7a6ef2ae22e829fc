//! A release beside the stable one: who reaches it, and how it ends.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::release::{Component, Release, steady};
use crate::stage::{Stage, until};

/// Clients among whom both sides of a canary of half of them are found. Two are next to enough.
const NEWCOMERS_MAX: usize = 100;

#[test]
fn blue_and_green_are_told_apart_by_the_header_only() {
    let stage = Stage::serving(&Release::number(1));
    let told = stage.deploy(&Release::number(2), &["--strategy", "blue-green"]);
    let (told, key) = (told.done(), stage.key());
    told.says(&["release 2 is a candidate, version 2", &key, "stoa promote"]);
    let with = |key: &str| stage.get("/quick", &[("stoa-release", key)]).word();
    assert_eq!(stage.word(), steady(1));
    assert_eq!(with("0000000000000000"), steady(1));
    assert_eq!(with(&key), steady(2));
    let further = stage.deploy(&Release::number(3), &[]);
    further.refused(
        1,
        &["release 2 is a candidate: promote it or roll it back first"],
    );
    let told = stage.stoa(&["promote"]).done();
    told.says(&["release 2 serves, version 3"]);
    assert_eq!(stage.word(), steady(2));
    assert_eq!(stage.status()["candidate"], Value::Null);
}

#[test]
fn an_ab_test_goes_by_its_header_until_it_is_rolled_back() {
    let stage = Stage::serving(&Release::number(1));
    let ab = ["--strategy", "ab", "--ab-header", "x-side=b"];
    stage.deploy(&Release::number(2), &ab).done();
    let on = |side: &str| stage.get("/quick", &[("x-side", side)]).word();
    assert_eq!(stage.word(), steady(1));
    assert_eq!(on("a"), steady(1));
    assert_eq!(on("b"), steady(2));
    let told = stage.stoa(&["rollback"]).done();
    told.says(&["release 1 serves, version 3"]);
    assert_eq!(on("b"), steady(1));
}

#[test]
fn a_client_with_its_cookie_stays_on_its_side_of_a_canary() {
    let stage = Stage::serving(&Release::number(1));
    let canary = [
        "--strategy",
        "canary",
        "--steps",
        "50",
        "--step-seconds",
        "86400",
    ];
    stage.deploy(&Release::number(2), &canary).done();
    // The cookie that led to each release.
    let mut sides: BTreeMap<String, String> = BTreeMap::new();
    for _ in 0..NEWCOMERS_MAX {
        let answer = stage.get("/quick", &[]);
        let cookie = answer.cookie().expect("a newcomer is given a bucket");
        sides.insert(answer.word(), cookie.to_owned());
        if sides.len() == 2 {
            break;
        }
    }
    let words: Vec<&String> = sides.keys().collect();
    assert_eq!(words, [&steady(1), &steady(2)]);
    for (word, cookie) in &sides {
        for _ in 0..10 {
            let answer = stage.get("/quick", &[("cookie", cookie.as_str())]);
            assert_eq!(answer.word(), *word, "{cookie}");
            assert_eq!(answer.cookie(), None, "{cookie}");
        }
    }
    assert_eq!(stage.status()["percent"], 50);
    stage.stoa(&["promote"]).done();
    for cookie in sides.values() {
        assert_eq!(
            stage.get("/quick", &[("cookie", cookie.as_str())]).word(),
            steady(2)
        );
    }
}

#[test]
fn a_mirror_is_asked_and_compared_and_writes_nothing() {
    let guest = Component::probe("keyvalue-02").fields("key_value_stores = [\"default\"]");
    let release = Release::of(&[guest]);
    let stage = Stage::serving(&release);
    let asked = |op: &str| {
        stage
            .get(&format!("/?api=stoa&label=default&key=n&{op}"), &[])
            .body
    };
    stage.deploy(&release, &["--strategy", "mirror"]).done();
    assert_eq!(asked("op=increment&delta=1"), "1");
    let mirrored = found(&stage, "different");
    let words = mirrored["differences"][0].as_str().expect("it is told");
    assert!(words.contains("stable 200, candidate 403"), "{words}");
    // Nobody wrote but the stable release; reading is the same for both.
    assert_eq!(asked("op=get"), "1");
    found(&stage, "same");
    stage.stoa(&["promote"]).done();
    assert_eq!(asked("op=increment&delta=1"), "2");
}

/// What a mirror has found, once it has found this.
fn found(stage: &Stage, what: &str) -> Value {
    until(what, || {
        let mirrored = stage.status()["mirrored"].clone();
        (mirrored[what] == 1).then_some(mirrored)
    })
}
