//! What code imports and exports, and what is put together with it.

use super::*;

#[test]
fn what_is_no_component_is_told() {
    for (bytes, expected) in [
        (
            &b"\0asm\x01\0\0\0"[..],
            "error[code] 8: it is a core module",
        ),
        (
            b"no code at all",
            "error[code] 8: it is not a valid component",
        ),
    ] {
        let lines = Project::new("").with("a.wasm", bytes).examined().lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(expected), "{lines:?}");
    }
}

#[test]
fn imports_that_nobody_provides_are_told() {
    let project = Project::new("").importing(&["acme:billing/ledger@1.0.0", ERRORS]);
    project.assert_found(&[
        "error[import] 8: the code imports `acme:billing/ledger@1.0.0`, which this host does not provide",
    ]);
    let text = project.examined().text();
    assert!(
        text.contains("= hint: remove the import, or provide it"),
        "{text}"
    );
}

#[test]
fn the_nearest_that_is_provided_is_told() {
    let project = Project::new("").importing(&["wasi:http/outgoing-handler@0.4.0"]);
    let text = project.examined().text();
    assert!(
        text.contains("this host provides `wasi:http/outgoing-handler@0.2"),
        "{text}"
    );
}

#[test]
fn code_that_no_trigger_can_call_is_told() {
    let wasm = component(&[ERRORS], &["wasi:cli/run@0.2.6"]);
    let lines = Project::new("").with("a.wasm", &wasm).examined().lines();
    let [line] = &*lines else {
        panic!("one thing is told: {lines:?}");
    };
    assert!(
        line.starts_with("error[export] 8: it exports nothing that an HTTP trigger calls"),
        "{line}"
    );
}

#[test]
fn dependencies_that_are_not_there_are_told() {
    let more = "[component.a.dependencies]\n\"acme:thing\" = { path = \"part.wasm\" }";
    let project = Project::new(more).importing(&[ERRORS]);
    project.assert_found(&[
        "error[dependency] 10: component `a`: dependency `acme:thing`: cannot read `part.wasm`: it is not among the files",
    ]);
}

#[test]
fn what_would_have_to_be_fetched_is_not_looked_at() {
    let digest = "0".repeat(64);
    let more = format!(
        "[component.a.dependencies]\n\"acme:thing\" = {{ url = \"http://127.0.0.1:1/x\", digest = \"sha256:{digest}\" }}"
    );
    let project = Project::new(&more).importing(&[ERRORS]);
    project.assert_found(&[
        "note[remote] 10: the dependency `acme:thing` comes from the network, so the whole was not looked at",
    ]);
}
