//! Real guests in the runtime, without a socket: one file per subject.

mod artifacts;
mod behaviour;
mod blobs;
mod documents;
mod draining;
mod fixture;
mod identity;
mod keyvalue;
mod limits;
mod linking;
mod outbound;
mod overhead;
mod probing;
mod sql;
mod variables;

/// A probe that no test asks for proves nothing.
#[test]
fn every_probe_is_asked_for_by_a_test() {
    let tests = [
        include_str!("artifacts.rs"),
        include_str!("behaviour.rs"),
        include_str!("blobs.rs"),
        include_str!("documents.rs"),
        include_str!("draining.rs"),
        include_str!("identity.rs"),
        include_str!("keyvalue.rs"),
        include_str!("limits.rs"),
        include_str!("linking.rs"),
        include_str!("outbound.rs"),
        include_str!("overhead.rs"),
        include_str!("probing.rs"),
        include_str!("sql.rs"),
        include_str!("variables.rs"),
        // Those that are composed, which is the server's to do.
        include_str!("../../../server/tests/dependencies.rs"),
        // Those that say which revision answers, for the acceptance of deploys.
        include_str!("../../../../xtask/src/accept/deploy/guests.rs"),
    ];
    let probes = stoa_testkit::repository().join("components/probes");
    for entry in std::fs::read_dir(probes).expect("there are probes") {
        let name = entry.expect("the folder can be read").file_name();
        let name = name.to_str().expect("probes have plain names");
        let asked = format!("\"{name}\"");
        assert!(
            tests.iter().any(|text| text.contains(&asked)),
            "no test asks for the probe {asked}"
        );
    }
}
