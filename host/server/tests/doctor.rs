//! `stoa doctor` as a user runs it: what it says, how it ends, and that it leaves everything as it was.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use stoa_testkit::probe;
use tempfile::TempDir;

const STOA: &str = env!("CARGO_BIN_EXE_stoa");

struct Project(TempDir);

impl Project {
    fn new(component: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
             component = \"guest\"\n[component.guest]\n{component}\n"
        );
        fs::write(folder.path().join("spin.toml"), manifest).expect("it can be written");
        Self(folder)
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn doctor(&self, arguments: &[&str]) -> Output {
        Command::new(STOA)
            .arg("doctor")
            .args(arguments)
            .current_dir(self.folder())
            .env_remove("SPIN_VARIABLE_TOKEN")
            .output()
            .expect("the binary can be run")
    }
}

fn source(name: &str) -> String {
    format!("source = \"{}\"", probe(name).display())
}

/// It ended so, and said all of these on its standard output.
#[track_caller]
fn assert_says(output: &Output, code: i32, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
}

#[test]
fn a_missing_manifest_is_told() {
    let project = Project::new("source = \"a.wasm\"");
    let output = project.doctor(&["-f", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot read `nowhere.toml`"), "{said}");
    assert!(said.contains("= hint: start it in the folder"), "{said}");
}

#[test]
fn errors_end_with_64_and_are_counted() {
    let component = format!(
        "{}\nkey_value_stores = [\"nobody\"]\nfiles = [\"gone.txt\"]",
        source("hello-02")
    );
    let output = Project::new(&component).doctor(&[]);
    let parts = [
        "error[label]: nothing is configured under the label `nobody` of `keyvalue`",
        "--> spin.toml:9:21",
        "error[files]: there is no `gone.txt`",
        "2 errors",
    ];
    assert_says(&output, 64, &parts);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("2 errors"), "{said}");
}

#[test]
fn a_good_application_ends_with_0() {
    let project = Project::new(&source("hello-02"));
    assert_says(&project.doctor(&[]), 0, &["in spin.toml"]);
    let folder = project.folder().display().to_string();
    assert_says(&project.doctor(&["--from", &folder]), 0, &["spin.toml"]);
}

#[test]
fn programs_read_json_and_nothing_else() {
    let component = format!("{}\nkey_value_stores = [\"nobody\"]", source("hello-02"));
    let output = Project::new(&component).doctor(&["--format", "json"]);
    assert_eq!(output.status.code(), Some(64));
    let document: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(document["errors"], 1);
    let findings = document["findings"].as_array().expect("it is a list");
    let label = findings.iter().find(|finding| finding["code"] == "label");
    let label = label.expect("it is among them");
    assert_eq!(label["line"], 9);
    assert_eq!(label["component"], "guest");
}

#[test]
fn nothing_is_built_or_opened() {
    let component =
        "source = \"a.wasm\"\nkey_value_stores = [\"default\"]\nbuild.command = \"touch built\"";
    let project = Project::new(component);
    assert_says(&project.doctor(&[]), 0, &["warning[not-built]"]);
    let left: Vec<_> = fs::read_dir(project.folder())
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").file_name())
        .collect();
    assert_eq!(left, ["spin.toml"]);
}

#[test]
fn interfaces_of_stoa_without_an_adapter_are_noted() {
    let component = format!(
        "{}\nkey_value_stores = [\"default\"]",
        source("dependent-03")
    );
    let output = Project::new(&component).doctor(&[]);
    assert_says(
        &output,
        0,
        &["note[spin-import]", "`stoa:keyvalue`", "docs/adapters.md"],
    );
}

#[test]
fn a_value_for_a_variable_is_taken_and_never_shown() {
    let component = format!(
        "{}\nvariables = {{ t = \"{{{{ token }}}}\" }}\n[variables]\ntoken = {{ required = true, secret = true }}",
        source("hello-02")
    );
    let project = Project::new(&component);
    assert_says(
        &project.doctor(&[]),
        0,
        &["warning[variable]", "SPIN_VARIABLE_TOKEN"],
    );
    let output = project.doctor(&["--variable", "token=hunter2"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        !said.contains("warning[variable]") && !said.contains("hunter2"),
        "{said}"
    );
}
