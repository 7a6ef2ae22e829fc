//! What serves after a host was gone, however it went.

use serde_json::Value;

use crate::release::{Release, steady};
use crate::stage::{Stage, launch};

#[test]
fn without_a_deploy_there_is_nothing_to_serve() {
    let stage = Stage::start(launch(&Release::number(9)).arguments(&["--deployed"]));
    assert_eq!(stage.get("/quick", &[]).status, 404);
    let status = stage.status();
    assert_eq!(status["version"], 0, "{status}");
    assert_eq!(status["application"], "nothing is deployed yet");
    // Whatever it may do is more than nothing.
    let told = stage.deploy(&Release::number(1), &[]);
    told.refused(64, &["--allow-new-grants", "nothing is deployed yet"]);
    stage
        .deploy(&Release::number(1), &["--allow-new-grants"])
        .done();
    assert_eq!(stage.word(), steady(1));
    let stage = stage.restarted("TERM");
    assert_eq!(stage.word(), steady(1));
}

#[test]
fn a_folder_that_was_deployed_and_rolled_back_stays_away() {
    let stage = Stage::serving(&Release::number(1));
    stage.deploy(&Release::number(2), &[]).done();
    Release::number(2).write(stage.host().folder());
    stage.stoa(&["rollback"]).done();
    let stage = stage.restarted("KILL");
    assert_eq!(stage.word(), steady(1));
}

#[test]
fn a_start_serves_what_was_deployed_unless_the_folder_is_another() {
    let stage = Stage::serving(&Release::number(1));
    stage.deploy(&Release::number(2), &[]).done();
    let stage = stage.restarted("TERM");
    stage
        .host()
        .logged("release 2 serves (version 2), which is not what is in this folder");
    assert_eq!(stage.word(), steady(2));
    Release::number(3).write(stage.host().folder());
    let stage = stage.restarted("TERM");
    assert_eq!(stage.word(), steady(3));
    let status = stage.status();
    assert_eq!(
        (&status["version"], &status["stable"]["release"]),
        (&Value::from(3), &Value::from(3))
    );
}

#[test]
fn a_host_that_was_killed_serves_its_last_change() {
    let stage = Stage::serving(&Release::number(1));
    stage.deploy(&Release::number(2), &[]).done();
    let blue = ["--strategy", "blue-green"];
    stage.deploy(&Release::number(3), &blue).done();
    let key = stage.key();
    let stage = stage.restarted("KILL");
    assert_eq!(stage.word(), steady(2));
    assert_eq!(stage.key(), key);
    let held = stage.get("/quick", &[("stoa-release", key.as_str())]);
    assert_eq!(held.word(), steady(3));
    stage.stoa(&["promote"]).done().says(&["version 4"]);
    assert_eq!(stage.word(), steady(3));
}
