use stoa_manifest::text::Source;
use stoa_testkit::probe;

use super::*;
use crate::compose::{Ours, compose, is_part};

/// A guest behind this middleware, at two routes, and at a third without any.
fn app(guest: &str, middleware: &str) -> App {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/a\"\ncomponent = \"guest\"\ndependencies.middleware = [{middleware}]\n\
         [[trigger.http]]\nroute = \"/b\"\ncomponent = \"guest\"\ndependencies.middleware = [{middleware}]\n\
         [[trigger.http]]\nroute = \"/c\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{}\"\nallowed_outbound_hosts = [\"http://a.example\"]\n\
         [component.front]\nsource = \"{}\"\n",
        probe(guest).display(),
        probe("middleware-03").display(),
    );
    let mut app = stoa_manifest::parse(&Source::new("spin.toml", text), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    derive(&mut app);
    app
}

fn id(name: &str) -> ComponentId {
    ComponentId::new(name).expect("it is an id")
}

/// The component that answers a route of [`app`].
fn target(app: &App, route: usize) -> &ComponentId {
    match &app.routes[route].target {
        Target::Component(id) => id,
        Target::StaticResponse(_) => panic!("it is answered by a component"),
    }
}

/// The code that answers the first route.
fn composed(guest: &str, middleware: &str) -> Result<Bytes, Vec<String>> {
    let app = app(guest, middleware);
    let target = target(&app, 0);
    let mut all = Files::default();
    for place in places(&app, target) {
        let path = place.key();
        if let Ok(bytes) = std::fs::read(&*path) {
            all.insert(path, bytes.into());
        }
    }
    let wasm = std::fs::read(probe(guest)).expect("it was built");
    compose(&app, &all, target, Ours::Native, wasm.into())
}

fn at(name: &str, more: &str) -> String {
    format!("{{ path = \"{}\"{more} }}", probe(name).display())
}

#[track_caller]
fn assert_says(outcome: Result<Bytes, Vec<String>>, parts: &[&str]) {
    let said = outcome.expect_err("it is refused").join("\n");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
}

const INHERITING: &str = ", inherit_configuration = [\"allowed_outbound_hosts\"]";

#[test]
fn what_does_not_pass_requests_on_is_no_middleware() {
    for other in ["hello-03", "hello-02"] {
        assert_says(
            composed("hello-03", &at(other, "")),
            &[
                "component `guest`: middleware 1 does not import and export",
                "WASI 0.3",
                "hint",
            ],
        );
    }
}

#[test]
fn a_component_of_wasi_02_has_no_middleware() {
    assert_says(
        composed("hello-02", &at("middleware-03", INHERITING)),
        &[
            "component `guest`: only a component that exports `wasi:http/handler` of WASI 0.3",
            "`wasi:http/incoming-handler@0.2.",
        ],
    );
}

#[test]
fn what_middleware_does_not_inherit_is_refused_by_its_imports() {
    assert_says(
        composed("hello-03", &at("middleware-03", "")),
        &[
            "`middleware 1` imports `wasi:http/client@0.3.",
            "does not inherit `allowed_outbound_hosts`",
        ],
    );
}

#[test]
fn middleware_that_is_no_file_or_no_component_is_refused() {
    let missing = composed("hello-03", "{ path = \"gone.wasm\" }");
    assert_says(
        missing,
        &["cannot read `gone.wasm`: it is not among the files"],
    );
    let other = composed("hello-03", "{ path = \"Cargo.toml\" }");
    assert_says(other, &["(`Cargo.toml`) is not a valid component"]);
}

#[test]
fn the_whole_exports_a_handler_and_asks_the_host_for_none() {
    let one = at("middleware-03", INHERITING);
    let two = format!("{one}, {{ component = \"front\"{INHERITING} }}");
    for middleware in [one, two] {
        let whole = composed("hello-03", &middleware);
        let whole = whole.unwrap_or_else(|said| panic!("{said:?}"));
        let whole = Composition::of(whole.into()).unwrap_or_else(|error| panic!("{error}"));
        let (imports, exports) = (whole.imports(whole.main), whole.exports(whole.main));
        assert_eq!(handler(&imports), None, "{imports:?}");
        assert!(
            matches!(&exports[..], [only] if names::satisfies(HANDLER, only)),
            "{exports:?}"
        );
    }
}

#[test]
fn a_component_stays_as_it_is_for_its_other_routes() {
    let app = app("hello-03", &at("middleware-03", INHERITING));
    let derived = target(&app, 0);
    assert_eq!(derived, target(&app, 1), "the same middleware");
    assert_eq!(target(&app, 2), &id("guest"));
    assert_eq!(named(&app, derived), &id("guest"));
    assert_eq!(named(&app, &id("guest")), &id("guest"));
    assert!(!is_part(&app, &id("guest")));
    assert!(!is_part(&app, derived));
    let wasm = Bytes::from_static(b"as it is");
    let whole = compose(
        &app,
        &Files::default(),
        &id("guest"),
        Ours::Native,
        wasm.clone(),
    );
    assert_eq!(whole, Ok(wasm));
}

#[test]
fn what_is_only_middleware_is_a_part() {
    let front = app("hello-03", "{ component = \"front\" }");
    assert!(is_part(&front, &id("front")));
    let unused = app("hello-03", "");
    assert!(!is_part(&unused, &id("front")));
    assert_eq!(target(&unused, 0), &id("guest"), "it has none");
}

#[test]
fn other_middleware_makes_another_component() {
    let one = app("hello-03", &at("middleware-03", ""));
    let other = app("hello-03", &at("middleware-03", INHERITING));
    assert_ne!(target(&one, 0), target(&other, 0));
    let same = app("hello-03", &at("middleware-03", ""));
    assert_eq!(target(&one, 0), target(&same, 0));
}
