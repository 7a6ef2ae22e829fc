//! What a host tells of itself and of what was done to it.

use crate::release::{Component, Release, saying, steady};
use crate::stage::{Stage, until};

#[test]
fn a_difference_is_looked_at_without_making_it() {
    let stage = Stage::serving(&Release::number(1));
    let wider = saying(&steady(2)).fields("key_value_stores = [\"default\"]");
    let wider = Release::of(&[wider]);
    let power = "+ guest may read and write key-value store `default`";
    // What would refuse the deploy refuses this.
    stage.diff(&wider, &[]).refused(64, &[power]);
    stage.assert_untouched();
    let told = stage.diff(&wider, &["--allow-new-grants"]).done();
    told.says(&[power, "nothing was published: version 1 stays in force"]);
    stage.assert_untouched();
    stage.deploy(&wider, &["--allow-new-grants"]).done();
    let told = stage.stoa(&["diff", "--from", "2", "--to", "1"]).done();
    told.says(&["- guest no longer may read and write key-value store `default`"]);
}

#[test]
fn the_audit_log_names_who_did_what_and_who_was_kept_from_it() {
    let stage = Stage::serving(&Release::number(1));
    let wider = saying(&steady(2)).fields("key_value_stores = [\"default\"]");
    let wider = Release::of(&[wider]);
    stage.deploy(&wider, &[]).refused(64, &[]);
    let file = stage.state().join("wrong");
    std::fs::write(&file, "nobody-knows-this-one").expect("it can be written");
    let file = file.display().to_string();
    let told = stage.stoa(&["rollback", "--token-file", &file]);
    told.refused(64, &[]);
    stage
        .deploy(&Release::number(2), &["--note", "it is better"])
        .done();
    let log = stage.stoa(&["audit"]).done().stdout;
    for parts in [
        ["local", "deploy", "refused: new-grants"],
        ["nobody", "rollback", "refused: unauthenticated"],
        ["local", "deploy", "done: release 2"],
    ] {
        let mut lines = log.lines();
        let found = lines.any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "{parts:?} is missing in:\n{log}");
    }
    // Newest first.
    assert!(
        log.find("done: release 2") < log.find("refused: new-grants"),
        "{log}"
    );
    let releases = stage.stoa(&["releases"]).done();
    releases.says(&["local", "stable", "it is better"]);
}

#[test]
fn the_log_has_what_a_component_prints() {
    let stage = Stage::serving(&Release::of(&[Component::probe("behaviour-02")]));
    stage.get("/print", &[]);
    let lines = |component: &str| {
        let told = stage.stoa(&["logs", "--component", component]);
        told.done().stdout
    };
    let log = until("the line is there", || {
        let log = lines("guest");
        let printed = ["to standard output", "to standard error"];
        printed.iter().all(|part| log.contains(part)).then_some(log)
    });
    assert!(log.contains(" guest@"), "{log}");
    assert_eq!(lines("somebody-else"), "");
}
