//! What can be deployed, and how it is said when something cannot.

use stoa_runtime::{Abi, ArtifactError, PrepareError};

use crate::fixture::Fixture;

#[test]
fn a_core_module_is_refused_by_name() {
    let outcome = Fixture::new().prepare_wasm(b"\0asm\x01\0\0\0", "");
    assert!(matches!(
        outcome.err(),
        Some(PrepareError::Artifact(ArtifactError::CoreModule))
    ));
}

#[test]
fn a_damaged_component_is_refused() {
    let fixture = Fixture::new();
    let wasm = std::fs::read(stoa_testkit::probe("hello-02")).expect("the probe can be read");
    for damaged in [&wasm[..wasm.len() / 2], &b"not wasm at all"[..], &[][..]] {
        let outcome = fixture.prepare_wasm(damaged, "").err();
        assert!(
            matches!(
                outcome,
                Some(PrepareError::Artifact(ArtifactError::Invalid(_)))
            ),
            "{outcome:?}"
        );
    }
}

/// A component that imports an instance with one function, of nothing to an `u64`, and exports nothing; written out in its
/// binary form.
fn importing(import: &str, function: &str) -> Vec<u8> {
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).expect("it is short");
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    // The type of the instance: a function type, and an export of it.
    let mut instance = vec![1, 0x42, 2, 0x01, 0x40, 0, 0x00, 0x77, 0x04, 0];
    instance.push(length(function.as_bytes()));
    instance.extend(function.as_bytes());
    instance.extend([0x01, 0]);
    wasm.extend([7, length(&instance)]);
    wasm.extend(instance);
    let mut imports = vec![1, 0, length(import.as_bytes())];
    imports.extend(import.as_bytes());
    imports.extend([0x05, 0]);
    wasm.extend([10, length(&imports)]);
    wasm.extend(imports);
    wasm
}

#[test]
fn what_does_not_wait_of_an_interface_that_does_is_found_as_well() {
    let fixture = Fixture::new();
    // No type of these says that there is an engine that does not know them.
    for (import, function) in [
        ("wasi:random/random@0.3.0", "get-random-u64"),
        ("wasi:random/random@0.3.0-rc-2026-03-15", "get-random-u64"),
        ("wasi:clocks/monotonic-clock@0.3.0", "get-resolution"),
        ("wasi:random/random@0.2.0", "get-random-u64"),
    ] {
        let outcome = fixture.prepare_wasm(&importing(import, function), "");
        assert!(
            matches!(outcome.err(), Some(PrepareError::NoHandler { .. })),
            "{import}"
        );
    }
    let outcome = fixture.prepare_wasm(&importing("wasi:random/random@0.3.0", "f"), "");
    assert!(!matches!(
        outcome.err(),
        Some(PrepareError::NoHandler { .. })
    ));
}

#[test]
fn an_import_that_nobody_provides_is_named_with_the_nearest_one() {
    let fixture = Fixture::new();
    let component = importing("wasi:keyvalue/store@0.2.0-draft3", "f");
    let outcome = fixture.prepare_wasm(&component, "").err();
    match outcome {
        Some(PrepareError::Import { import, nearest }) => {
            assert_eq!(import, "wasi:keyvalue/store@0.2.0-draft3");
            assert_eq!(nearest.as_deref(), Some("wasi:keyvalue/store@0.2.0-draft2"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_versions_of_http_are_recognised() {
    let fixture = Fixture::new();
    let abi = |probe| {
        fixture
            .prepare(probe, "")
            .expect("it can be deployed")
            .abi()
    };
    assert_eq!(abi("hello-02"), Abi::Wasi02);
    assert_eq!(abi("hello-03"), Abi::Wasi03);
}
