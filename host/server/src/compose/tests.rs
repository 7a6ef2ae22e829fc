use std::path::Path;

use stoa_manifest::text::Source;
use stoa_testkit::probe;

use super::*;

fn app(dependencies: &str) -> App {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"guest.wasm\"\nkey_value_stores = [\"default\"]\n\
         [component.part]\nsource = \"{adapter}\"\n\
         [component.guest.dependencies]\n{dependencies}\n",
        adapter = probe("keyvalue-adapter").display()
    );
    stoa_manifest::parse(&Source::new("spin.toml", text), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// Every file that a component's dependencies name and that is there.
fn files(app: &App) -> Files {
    let mut files = Files::default();
    let components = app.components.values();
    for dependency in components.flat_map(|component| component.dependencies.values()) {
        if let Some(place) = fetched::of_dependency(app, "", dependency)
            && let Ok(bytes) = std::fs::read(&*place.key())
        {
            files.insert(place.key(), bytes.into());
        }
    }
    files
}

/// The guest that uses `stoa:keyvalue`, joined with what its manifest names.
fn composed(dependencies: &str, ours: Ours) -> Result<Vec<u8>, Vec<String>> {
    let app = app(dependencies);
    let id = ComponentId::new("guest").expect("it is an id");
    let wasm = bytes(&probe("dependent-03")).into();
    compose(&app, &files(&app), &id, ours, wasm).map(Vec::from)
}

fn adapted(name: &str, more: &str) -> Result<Vec<u8>, Vec<String>> {
    let adapter = probe("keyvalue-adapter");
    let dependency = format!("\"{name}\" = {{ path = \"{}\"{more} }}", adapter.display());
    composed(&dependency, Ours::Adapted)
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("it was built")
}

#[track_caller]
fn assert_says(outcome: Result<Vec<u8>, Vec<String>>, parts: &[&str]) {
    let said = outcome.expect_err("it is refused").join("\n");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

const INHERITING: &str = ", inherit_configuration = [\"key_value_stores\"]";

#[test]
fn a_dependency_that_satisfies_nothing_is_refused() {
    for name in [
        "acme:thing",
        "stoa:keyvalue@0.2.0",
        "stoa:keyvalue/lists@0.1.0",
        "plain",
    ] {
        let parts = [
            "component `guest`",
            name,
            "satisfies none of its imports",
            "`stoa:keyvalue/read@0.1.0`",
        ];
        assert_says(adapted(name, INHERITING), &parts);
    }
}

#[test]
fn every_missing_export_is_told() {
    let dependency = format!(
        "\"stoa:keyvalue\" = {{ path = \"{}\" }}",
        probe("hello-03").display()
    );
    assert_says(
        composed(&dependency, Ours::Adapted),
        &[
            "does not export `stoa:keyvalue/types@0.1.0`",
            "does not export `stoa:keyvalue/read@0.1.0`",
            "does not export `stoa:keyvalue/write@0.1.0`",
        ],
    );
}

#[test]
fn an_export_of_another_type_is_refused() {
    let more = format!("{INHERITING}, export = \"stoa:keyvalue/write@0.1.0\"");
    assert_says(
        adapted("stoa:keyvalue/read@0.1.0", &more),
        &[
            "export `stoa:keyvalue/write@0.1.0`",
            "does not fit its import `stoa:keyvalue/read@0.1.0`",
        ],
    );
}

#[test]
fn what_is_not_inherited_is_refused_by_its_imports() {
    for more in [
        "",
        ", inherit_configuration = false",
        ", inherit_configuration = [\"files\"]",
    ] {
        assert_says(
            adapted("stoa:keyvalue@0.1.0", more),
            &[
                "imports `wasi:keyvalue/store@0.2.0-draft2`",
                "does not inherit `key_value_stores`",
                "inherit_configuration = [\"key_value_stores\"]",
            ],
        );
    }
}

#[test]
fn what_is_no_component_is_refused() {
    let outcome = composed(
        "\"stoa:keyvalue\" = { path = \"Cargo.toml\" }",
        Ours::Adapted,
    );
    assert_says(outcome, &["Cargo.toml", "is not a valid component"]);
    let outcome = composed(
        "\"stoa:keyvalue\" = { path = \"gone.wasm\" }",
        Ours::Adapted,
    );
    assert_says(outcome, &["is not among the files", "gone.wasm"]);
}

#[test]
fn what_was_not_fetched_is_refused() {
    assert_says(
        composed("\"stoa:keyvalue\" = \"0.1.0\"", Ours::Adapted),
        &["dependency `stoa:keyvalue`", "is not among the files"],
    );
}

#[test]
fn the_host_serves_its_own_interfaces_unless_told_otherwise() {
    let outcome = composed("\"stoa:keyvalue\" = { path = \"gone.wasm\" }", Ours::Native);
    assert!(outcome == Ok(bytes(&probe("dependent-03"))));
}

#[test]
fn the_whole_imports_what_the_dependency_needs_and_not_what_it_satisfies() {
    let whole =
        adapted("stoa:keyvalue@0.1.0", INHERITING).unwrap_or_else(|said| panic!("{said:?}"));
    let whole = Composition::of(whole).unwrap_or_else(|error| panic!("{error}"));
    let imports = whole.imports(whole.main);
    let has = |name: &str| imports.iter().any(|import| names::satisfies(name, import));
    assert!(has("wasi:keyvalue/store@0.2.0-draft2"), "{imports:?}");
    assert!(!has("stoa:keyvalue"), "{imports:?}");
    let exports = &whole.graph.types()[whole.main.world].exports;
    let handler = |name: &String| names::satisfies("wasi:http/handler", name);
    assert!(exports.keys().any(handler), "{exports:?}");
}

#[test]
fn composing_twice_makes_the_same_bytes() {
    let whole = || adapted("stoa:keyvalue@0.1.0", INHERITING);
    assert!(whole().is_ok());
    assert!(whole() == whole());
}

#[test]
fn a_component_of_the_application_is_joined_like_a_file() {
    let part = format!("\"stoa:keyvalue@0.1.0\" = {{ component = \"part\"{INHERITING} }}");
    let whole = composed(&part, Ours::Adapted);
    assert!(whole.is_ok());
    assert!(whole == adapted("stoa:keyvalue@0.1.0", INHERITING));
    let app = app(&part);
    let id = |id| ComponentId::new(id).expect("it is an id");
    assert!(is_part(&app, &id("part")));
    assert!(!is_part(&app, &id("guest")));
}

#[test]
fn a_dependency_sees_the_environment_only_if_it_inherits_it() {
    let seen = ", inherit_configuration = [\"key_value_stores\", \"environment\"]";
    for (more, hidden) in [
        (INHERITING, true),
        (seen, false),
        (", inherit_configuration = true", false),
    ] {
        let whole = adapted("stoa:keyvalue@0.1.0", more).unwrap_or_else(|said| panic!("{said:?}"));
        assert_eq!(contains(&whole, &environment::empty()), hidden, "{more}");
    }
}

#[test]
fn only_what_the_component_was_given_is_hidden() {
    let app = app("");
    let id = |id| ComponentId::new(id).expect("it is an id");
    let (guest, part) = (&app.components[&id("guest")], &app.components[&id("part")]);
    let refusal = |component, import| inheritance::refusal(component, &Inherit::Nothing, import);
    let stores = Some(inheritance::Refused::Field("key_value_stores"));
    for import in [
        "spin:key-value/key-value@3.0.0",
        "wasi:keyvalue/store@0.2.0-draft",
        "stoa:keyvalue/read-async@0.1.0",
    ] {
        assert_eq!(refusal(guest, import), stores, "{import}");
        assert_eq!(refusal(part, import), None, "{import}");
    }
    for import in [
        "wasi:http/types@0.3.0",
        "wasi:clocks/monotonic-clock@0.2.6",
        "wasi:filesystem/preopens@0.2.6",
    ] {
        assert_eq!(refusal(guest, import), None, "{import}");
    }
    let unknown = Some(inheritance::Refused::Unknown);
    for import in [
        "acme:thing/call",
        "stoa:blobs/read@0.1.0",
        "wasi:http/handler@0.3.0",
        "call",
    ] {
        assert_eq!(refusal(guest, import), unknown, "{import}");
        assert_eq!(inheritance::refusal(guest, &Inherit::All, import), None);
    }
}
