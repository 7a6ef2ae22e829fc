//! How code comes to be there: tools, packages, and sources that are newer than it.

use super::*;

#[test]
fn tools_that_are_not_installed_are_told() {
    let project = Project::new("build.command = \"no-such-tool build\"");
    project.assert_found(&[
        "warning[not-built] 8: `a.wasm` is not built yet",
        "error[program] 9: the build command starts `no-such-tool`, which is not installed",
    ]);
}

#[test]
fn a_folder_to_build_in_that_is_not_there_is_told() {
    let project = Project::new("build = { command = \"no-such-tool\", workdir = \"gone\" }");
    project.assert_found(&[
        "warning[not-built] 8: `a.wasm` is not built yet",
        "error[workdir] 9: `gone`, where the build command is to run, is no folder",
    ]);
}

#[test]
fn packages_of_npm_that_are_not_installed_are_told() {
    let project = Project::new("build.command = \"npm run build\"").with("package.json", b"{}");
    let lines = project.examined().lines();
    let expected = "warning[node-modules] 9: the packages of `./package.json` are not installed";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");
}

#[test]
fn packages_that_a_command_installs_are_not_missed() {
    let install = "build.command = [\"npm install\", \"npm run build\"]";
    let project = Project::new(install).with("package.json", b"{}");
    let lines = project.examined().lines();
    let is_missed = |line: &String| line.contains("[node-modules]");
    assert!(!lines.iter().any(is_missed), "{lines:?}");
}

#[test]
fn code_that_nobody_builds_must_be_there() {
    Project::new("")
        .assert_found(&["error[source] 8: there is no `a.wasm`, and nothing says how to build it"]);
}

#[test]
fn code_that_is_older_than_its_sources_is_told() {
    let project = Project::new("build = { command = \"true\", watch = [\"**/*.rs\"] }")
        .importing(&[ERRORS])
        .with("lib.rs", b"")
        .saved("a.wasm", Duration::from_secs(100));
    project.assert_found(&["warning[stale] 8: `lib.rs` was saved after `a.wasm` was built"]);
    let project = project.saved("lib.rs", Duration::from_secs(200));
    project.assert_found(&[]);
}

#[test]
fn code_of_which_nobody_says_what_it_is_built_from_is_told() {
    let project = Project::new("build.command = \"true\"").importing(&[ERRORS]);
    project
        .assert_found(&["note[unwatched] 9: nothing says which files the component is built from"]);
}
