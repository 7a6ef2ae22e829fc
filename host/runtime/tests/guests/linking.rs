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

#[test]
fn an_import_that_nobody_provides_is_named_with_the_nearest_one() {
    // A component that imports an instance with one function and exports nothing, written out in its binary form.
    let component = |import: &str| {
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        // The type of the instance: a function type, exported as `f`.
        let instance = [
            1, 0x42, 2, 0x01, 0x40, 0, 0x01, 0, 0x04, 0, 1, b'f', 0x01, 0,
        ];
        wasm.extend([7, instance.len() as u8]);
        wasm.extend(instance);
        let mut imports = vec![1, 0, import.len() as u8];
        imports.extend(import.as_bytes());
        imports.extend([0x05, 0]);
        wasm.extend([10, imports.len() as u8]);
        wasm.extend(imports);
        wasm
    };
    let fixture = Fixture::new();
    let outcome = fixture
        .prepare_wasm(&component("wasi:keyvalue/store@0.2.0-draft3"), "")
        .err();
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
