//! What of the interfaces that the host provides is called by probes: each interface is imported by one that a test names,
//! and of Spin's and WASI's interfaces whose definition is in `wit/`, each function is.
//!
//! A probe's imports are read from its built component: it has those functions that its code calls, and no others.
//! Interfaces of ours have functions twice, for callers that block and that wait, and lists of their own elsewhere. Those
//! of WASI's drafts of 2023 are only named: what Spin served them with is linked to the functions of 0.2, whose probes call
//! them, and the linker compares their shapes.

mod calls;
mod definitions;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use stoa_testkit::repository;

/// Where the host names what it provides.
const PROVIDED: &str = "host/runtime/src/host.rs";
/// Where tests name the probes that they drive.
const TESTS: [&str; 3] = [
    "host/runtime/tests",
    "host/server/tests",
    "conformance/apps",
];

#[test]
fn every_interface_has_a_probe_and_every_function_a_caller() {
    let definitions = definitions::read();
    let tests = tests();
    let is_tested = |probe: &str| {
        let named = [format!("\"{probe}\""), format!("={probe}}}")];
        named.iter().any(|name| tests.contains(name))
    };
    let mut probes = calls::read();
    probes.retain(|(probe, _)| is_tested(probe));
    let mut gaps = Vec::new();
    let provided = provided();
    assert!(!provided.is_empty(), "the host provides nothing");
    for interface in provided {
        let (mut names, mut called) = (Vec::new(), BTreeSet::new());
        for (probe, imports) in &probes {
            let imports = imports.iter().filter(|(name, _)| fits(name, &interface));
            let before = called.len();
            let mut imported = false;
            for (_, functions) in imports {
                imported = true;
                called.extend(functions.iter().cloned());
            }
            // Whoever only repeats what others call is not worth naming.
            if imported && (names.is_empty() || called.len() > before) {
                names.push(probe.as_str());
            }
        }
        let nothing = BTreeSet::new();
        let wanted = match is_counted(&interface) {
            true => definitions.get(&interface).unwrap_or(&nothing),
            false => &nothing,
        };
        let missing: Vec<&String> = wanted.difference(&called).collect();
        let (done, all) = (wanted.len() - missing.len(), wanted.len());
        println!(
            "interface {interface}: {done} of {all}: {}",
            names.join(" ")
        );
        if names.is_empty() {
            gaps.push(format!("no probe of a test imports {interface}"));
        }
        if !missing.is_empty() {
            gaps.push(format!("no probe calls {missing:?} of {interface}"));
        }
    }
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

/// The interfaces that stand in the host's own list.
fn provided() -> Vec<String> {
    let source = fs::read_to_string(repository().join(PROVIDED)).expect("it can be read");
    let (_, list) = source
        .split_once("fn provided()")
        .expect("the list is there");
    let (list, _) = list.split_once("\n}").expect("it ends");
    let quoted = list.split('"').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

/// Whether each function is asked for.
fn is_counted(interface: &str) -> bool {
    !interface.starts_with("stoa:") && !interface.contains("-2023-")
}

/// Whether an import is answered by what is provided: equal names, or stable versions of one track, of which a release
/// candidate of 2026 is a build.
fn fits(import: &str, provided: &str) -> bool {
    let track = |name: &str| {
        let (interface, version) = name.split_once('@')?;
        let version = version.trim_end_matches("-rc-2026-03-15");
        let mut numbers = version.split('.');
        let major: u64 = numbers.next()?.parse().ok()?;
        let minor: u64 = numbers.next()?.parse().ok()?;
        let _: u64 = numbers.next()?.parse().ok()?;
        let minor = if major == 0 { minor } else { 0 };
        Some((interface.to_owned(), major, minor))
    };
    import == provided || track(import).is_some_and(|wanted| track(provided) == Some(wanted))
}

/// The text of all tests.
fn tests() -> String {
    let mut text = String::new();
    for folder in TESTS {
        gather(&repository().join(folder), &mut text);
    }
    text
}

fn gather(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            gather(&path, text);
        } else if let Ok(more) = fs::read_to_string(&path) {
            *text += &more;
        }
    }
}

/// Functions by interface.
type Functions = BTreeMap<String, BTreeSet<String>>;

#[test]
fn versions_of_one_track_fit_and_drafts_fit_only_themselves() {
    let provided = "wasi:http/types@0.2.6";
    assert!(fits("wasi:http/types@0.2.12", provided));
    assert!(fits(
        "wasi:cli/exit@0.3.0-rc-2026-03-15",
        "wasi:cli/exit@0.3.0"
    ));
    assert!(fits(
        "spin:postgres/postgres@4.1.0",
        "spin:postgres/postgres@4.0.0"
    ));
    for other in [
        "wasi:http/types@0.3.0",
        "wasi:http/types@0.2.0-rc-2023-11-10",
        "wasi:http/handler@0.2.6",
        "fermyon:spin/redis",
    ] {
        assert!(!fits(other, provided), "{other}");
    }
}
