use super::*;
use stoa_manifest::{parse, text::Source};

fn routes(patterns: &[&str]) -> Routes {
    let triggers: String = patterns
        .iter()
        .map(|pattern| {
            format!(
                "[[trigger.http]]\nid = \"{pattern}\"\nroute = \"{pattern}\"\ncomponent = \"a\"\n"
            )
        })
        .collect();
    routes_of(&triggers)
}

fn routes_of(triggers: &str) -> Routes {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n{triggers}[component.a]\nsource = \"a.wasm\"\n"
    );
    let app = parse(&Source::new("spin.toml", text), None).expect("the manifest is valid");
    Routes::new(&app.routes)
}

fn found(routes: &Routes, path: &str) -> Option<String> {
    routes.find(path).map(|entry| entry.id.clone())
}

#[test]
fn exact_routes_come_before_parameters_and_parameters_before_wildcards() {
    let routes = routes(&["/users/me", "/users/:id", "/users/...", "/..."]);
    assert_eq!(found(&routes, "/users/me").as_deref(), Some("/users/me"));
    assert_eq!(found(&routes, "/users/7").as_deref(), Some("/users/:id"));
    assert_eq!(
        found(&routes, "/users/7/orders").as_deref(),
        Some("/users/...")
    );
    assert_eq!(found(&routes, "/users").as_deref(), Some("/users/..."));
    assert_eq!(found(&routes, "/").as_deref(), Some("/..."));
}

#[test]
fn a_parameter_in_front_of_a_text_ends_at_the_first_dot() {
    let routes = routes(&["/files/:name.json", "/files/:name/raw"]);
    for path in ["/files/a.json", "/files/.json"] {
        assert_eq!(found(&routes, path).as_deref(), Some("/files/:name.json"));
    }
    for path in [
        "/files/a",
        "/files/a.xml",
        "/files/a.b.json",
        "/files/a.json/b",
    ] {
        assert_eq!(found(&routes, path), None, "{path}");
    }
    assert_eq!(
        found(&routes, "/files/a.json/raw").as_deref(),
        Some("/files/:name/raw"),
        "the mixed branch leads nowhere"
    );
}

#[test]
fn a_parameter_at_the_end_takes_the_rest() {
    let routes = routes(&["/v.:version"]);
    assert_eq!(found(&routes, "/v.1.2").as_deref(), Some("/v.:version"));
    assert_eq!(found(&routes, "/v."), None);
    assert_eq!(found(&routes, "/v"), None);
}

#[test]
fn more_text_comes_before_less() {
    let routes = routes(&[
        "/:name",
        "/:name.:kind",
        "/:name.json",
        "/data.:kind",
        "/data.json",
    ]);
    for (path, route) in [
        ("/data.json", "/data.json"),
        ("/data.xml", "/data.:kind"),
        ("/a.json", "/:name.json"),
        ("/a.xml", "/:name.:kind"),
        ("/a", "/:name"),
    ] {
        assert_eq!(found(&routes, path).as_deref(), Some(route));
    }
}

#[test]
fn a_branch_that_leads_nowhere_is_left_again() {
    let routes = routes(&["/a/b/c", "/:x/b/d", "/a/..."]);
    assert_eq!(
        found(&routes, "/a/b/d").as_deref(),
        Some("/a/..."),
        "the literal branch has a wildcard"
    );
    assert_eq!(found(&routes, "/z/b/d").as_deref(), Some("/:x/b/d"));
    assert_eq!(found(&routes, "/z/b/c"), None);
}

#[test]
fn the_longest_prefix_wins() {
    let routes = routes(&["/...", "/api/...", "/api/v1/..."]);
    assert_eq!(
        found(&routes, "/api/v1/x/y").as_deref(),
        Some("/api/v1/...")
    );
    assert_eq!(found(&routes, "/api/v2").as_deref(), Some("/api/..."));
    assert_eq!(found(&routes, "/apis").as_deref(), Some("/..."));
}

#[test]
fn trailing_slashes_do_not_matter_and_colons_inside_a_segment_are_literal() {
    let routes = routes(&["/v1/products:import", "/v1/products/..."]);
    assert_eq!(
        found(&routes, "/v1/products:import").as_deref(),
        Some("/v1/products:import")
    );
    assert_eq!(
        found(&routes, "/v1/products/").as_deref(),
        Some("/v1/products/...")
    );
    assert_eq!(found(&routes, "/v1/product"), None);
}

#[test]
fn private_routes_answer_no_path() {
    let routes = routes_of(
        "[[trigger.http]]\nid = \"private\"\nroute = { private = true }\ncomponent = \"a\"\n\
         [[trigger.http]]\nid = \"public\"\nroute = \"/a\"\ncomponent = \"a\"\n",
    );
    for path in ["/", "/private", "/{ private = true }", "/a/b", ""] {
        assert_eq!(found(&routes, path), None, "{path}");
    }
    assert_eq!(found(&routes, "/a").as_deref(), Some("public"));
}

#[test]
fn static_responses_are_found_by_the_same_rules_and_belong_to_no_component() {
    let routes = routes_of(
        "[[trigger.http]]\nid = \"fixed\"\nroute = \"/old/...\"\n\
         static_response = { status_code = 302, headers = { location = \"/new\" } }\n\
         [[trigger.http]]\nid = \"app\"\nroute = \"/...\"\ncomponent = \"a\"\n",
    );
    assert_eq!(found(&routes, "/old/page").as_deref(), Some("fixed"));
    assert_eq!(routes.component("/old/page"), None);
    assert_eq!(found(&routes, "/older").as_deref(), Some("app"));
    assert!(routes.component("/older").is_some());
}
