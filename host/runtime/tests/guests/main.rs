//! Real guests in the runtime, without a socket: one file per subject.

mod artifacts;
mod behaviour;
mod blobs;
mod documents;
mod draining;
mod dumps;
mod fixture;
mod identity;
mod inbound_http;
mod inbound_redis;
mod keyvalue;
mod layers;
mod limits;
mod linking;
mod llm;
mod mqtt;
mod mysql;
mod otel;
mod outbound;
mod overhead;
mod platform;
mod postgres;
mod probing;
mod rc;
mod redis;
mod room;
mod single;
mod sockets;
mod sql;
mod variables;
mod wagi;

use std::path::Path;

/// Where probes are asked for: here, where the server has to do something first, where those in other languages are built,
/// and where all of it is tried from outside.
const TESTS: [&str; 4] = [
    "host/runtime/tests",
    "host/server/tests",
    "host/testkit/src",
    "xtask/src/accept",
];

/// A probe that no test asks for proves nothing.
#[test]
fn every_probe_is_asked_for_by_a_test() {
    let root = stoa_testkit::repository();
    let mut tests = String::new();
    for folder in TESTS {
        gather(&root.join(folder), &mut tests);
    }
    let probes = root.join("components/probes");
    for entry in std::fs::read_dir(probes).expect("there are probes") {
        let name = entry.expect("the folder can be read").file_name();
        let name = name.to_str().expect("probes have plain names");
        assert!(
            tests.contains(&format!("\"{name}\"")),
            "no test asks for the probe {name}"
        );
    }
}

/// All that is written in a folder's Rust files.
fn gather(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            gather(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).expect("the file can be read"));
        }
    }
}
