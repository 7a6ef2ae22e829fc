//! A benchmark of seconds, so that it cannot rot: one workload, whose contenders need nothing from elsewhere.

use std::fs;
use std::path::Path;
use std::process::Command;

const WORKLOAD: &str = "one row by its key 0.2";

#[test]
fn a_workload_is_measured_and_reported() {
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join("benchmark.md");
    let done = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["bench", "--quick", "--only", WORKLOAD, "--out"])
        .arg(&report)
        .output()
        .expect("the task can be started");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let report = fs::read_to_string(report).expect("it was written");
    for contender in ["Stoa", "bare hyper"] {
        let line = format!("| {WORKLOAD} | {contender} | ");
        let line = report.lines().find(|known| known.starts_with(&line));
        let line = line.unwrap_or_else(|| panic!("{contender} is missing in:\n{report}"));
        let failures = line.trim_end_matches(" |").rsplit(' ').next();
        assert_eq!(failures, Some("0"), "{line}");
    }
}

#[test]
fn a_workload_that_is_not_there_is_refused_with_the_known_ones() {
    let refused = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["bench", "--only", "nothing"])
        .output()
        .expect("the task can be started");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(said.contains(WORKLOAD), "{said}");
}
