//! The allowed edges between our crates. Any other is a mistake: see `host/ARCHITECTURE.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const HOST: [&str; 7] = [
    "manifest",
    "documents",
    "capabilities",
    "backends",
    "runtime",
    "gateway",
    "events",
];

/// What each crate may depend on, of ours.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    BTreeMap::from([
        ("manifest", vec![]),
        ("testkit", vec![]),
        ("documents", vec!["manifest"]),
        ("capabilities", vec!["manifest", "documents"]),
        ("backends", vec!["manifest", "capabilities"]),
        ("gateway", vec!["manifest"]),
        ("runtime", vec!["manifest", "capabilities"]),
        ("events", vec!["manifest", "capabilities"]),
        ("server", HOST.to_vec()),
    ])
}

/// Our crates as cargo sees them, each with those of ours it depends on outside its tests.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo answers in JSON");
    let ours = |value: &Value| Some(value["name"].as_str()?.strip_prefix("stoa-")?.to_owned());
    let list = |value: &Value| value.as_array().expect("cargo answers with lists").clone();
    let normal = |dependency: &Value| dependency["kind"] != "dev";
    list(&metadata["packages"])
        .iter()
        .filter_map(|package| {
            let dependencies = list(&package["dependencies"]);
            Some((
                ours(package)?,
                dependencies
                    .iter()
                    .filter(|it| normal(it))
                    .filter_map(ours)
                    .collect(),
            ))
        })
        .collect()
}

#[test]
fn crates_depend_on_what_they_may_and_nothing_else() {
    let (allowed, edges) = (allowed(), edges());
    assert!(
        edges.len() >= allowed.len(),
        "a crate is missing: {:?}",
        edges.keys()
    );
    for (name, dependencies) in edges {
        let may = allowed
            .get(name.as_str())
            .unwrap_or_else(|| panic!("`{name}` has no place in the edges"));
        for dependency in dependencies {
            assert!(
                may.contains(&dependency.as_str()),
                "`{name}` must not depend on `{dependency}`"
            );
        }
    }
}

#[test]
fn only_the_runtime_depends_on_wasmtime() {
    let output = Command::new("cargo")
        .args([
            "tree",
            "--offline",
            "--workspace",
            "--edges",
            "normal",
            "--depth",
            "1",
            "--prefix",
            "none",
            "--invert",
            "wasmtime",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    let tree = String::from_utf8_lossy(&output.stdout);
    let ours: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| name.starts_with("stoa-"))
        .collect();
    assert_eq!(
        ours,
        BTreeSet::from(["stoa-runtime"]),
        "{tree}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
