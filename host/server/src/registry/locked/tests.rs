use serde_json::json;
use stoa_manifest::text;

use super::*;

const CODE: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// As Spin 4 pushes an application by default, with its dependencies joined.
fn locked() -> Value {
    json!({
        "spin_lock_version": 1,
        "must_understand": ["component_host_requirements"],
        "metadata": {
            "name": "shop",
            "version": "1.2.0",
            "authors": ["Ann <ann@example.com>"],
            "triggers": { "http": { "base": "/" } },
            "trigger": { "base": "/", "type": "http" },
        },
        "variables": {
            "api_key": { "secret": true },
            "greeting": { "description": "What it says", "default": "" },
        },
        "triggers": [
            {
                "id": "web-http-trigger",
                "trigger_type": "http",
                "trigger_config": { "component": "web", "executor": null, "route": "/..." },
            },
            {
                "id": "teapot",
                "trigger_type": "http",
                "trigger_config": {
                    "route": "/teapot",
                    "static_response": { "headers": { "x-tea": "a\"b" }, "status_code": 418 },
                },
            },
        ],
        "components": [
            {
                "id": "web",
                "metadata": {
                    "description": "Says \"hello\"",
                    "allowed_outbound_hosts": ["https://api.example.com", "http://orders.spin.internal"],
                    "key_value_stores": ["default"],
                    "databases": ["orders"],
                    "build": { "command": "make" },
                },
                "source": { "content_type": "application/wasm", "digest": CODE },
                "env": { "LOG.LEVEL": "info" },
                "config": { "greeting": "{{ greeting }}" },
                "host_requirements": { "local_service_chaining": "required", "tea": "optional" },
            },
            { "id": "orders", "source": { "content_type": "application/wasm", "digest": CODE } },
        ],
    })
}

const MANIFEST: &str = r#"spin_manifest_version = 2

[application]
name = "shop"
version = "1.2.0"
authors = ["Ann <ann@example.com>"]

[variables.api_key]
required = true
secret = true

[variables.greeting]
description = "What it says"
default = ""

[[trigger.http]]
id = "web-http-trigger"
component = "web"
route = "/..."

[[trigger.http]]
id = "teapot"
route = "/teapot"
static_response = { headers = { x-tea = "a\"b" }, status_code = 418 }

[component.web]
source = "components/web.wasm"
description = "Says \"hello\""
allowed_outbound_hosts = ["https://api.example.com", "http://orders.spin.internal"]
key_value_stores = ["default"]
sqlite_databases = ["orders"]
environment = { "LOG.LEVEL" = "info" }
variables = { greeting = "{{ greeting }}" }

[component.orders]
source = "components/orders.wasm"
"#;

fn converted(locked: &Value) -> Result<Converted, String> {
    convert(locked.to_string().as_bytes())
}

/// What is told when this takes the place of what the path leads to.
#[track_caller]
fn refused(path: &str, value: Value) -> String {
    let mut locked = locked();
    let (parent, last) = path.rsplit_once('/').expect("it begins with a slash");
    locked.pointer_mut(parent).expect("it leads somewhere")[last] = value;
    match converted(&locked) {
        Ok(converted) => panic!("{path} is no error, but\n{}", converted.manifest),
        Err(told) => told,
    }
}

#[test]
fn what_a_manifest_cannot_say_is_refused() {
    for (path, value, told) in [
        ("/spin_lock_version", json!(2), "version 2"),
        ("/must_understand", json!(["tea"]), "without `tea`"),
        (
            "/host_requirements",
            json!({ "tea": "required" }),
            "asks for `tea`",
        ),
        ("/metadata/version", json!(1), "`version` is no text"),
        ("/metadata/authors", json!([1]), "`authors` is no list"),
        ("/metadata/triggers", json!([]), "`triggers` is no table"),
        ("/components", json!({}), "cannot be read"),
        (
            "/components/0/metadata/key_value_stores",
            json!("default"),
            "no list",
        ),
        (
            "/components/0/metadata/databases",
            json!([["a"]]),
            "no list",
        ),
        (
            "/components/0/host_requirements/tea",
            json!("required"),
            "asks for `tea`",
        ),
        (
            "/components/0/dependencies",
            json!({ "a:b/c": {} }),
            "--compose=true",
        ),
        (
            "/components/0/trigger_dependencies",
            json!({ "middleware": [] }),
            "--compose=true",
        ),
        ("/components/0/source/digest", Value::Null, "no digest"),
        (
            "/components/0/source/digest",
            json!("sha256:../x"),
            "cannot be read",
        ),
        (
            "/components/0/source/content_type",
            json!("text/plain"),
            "`text/plain`",
        ),
        (
            "/triggers/0/trigger_dependencies",
            json!({ "middleware": [] }),
            "middleware",
        ),
        (
            "/triggers/0/trigger_config",
            json!({ "a": [null] }),
            "no null",
        ),
    ] {
        let shown = refused(path, value);
        assert!(shown.contains(told), "{path}: {shown}");
    }
}

#[test]
fn no_name_breaks_out_of_its_place() {
    let mut locked = locked();
    let hostile = "x]\nkey_value_stores = [\"all\"]\n[component.\"y";
    locked["components"][1]["id"] = json!(hostile);
    locked["variables"] = json!({ hostile: { "default": "\"\"\"\n" } });
    locked["triggers"][1]["trigger_type"] = json!(hostile);
    locked["components"][0]["env"] = json!({ hostile: hostile });
    let converted = converted(&locked).unwrap_or_else(|told| panic!("{told}"));
    assert!(
        !converted
            .manifest
            .contains("\nkey_value_stores = [\"all\"]")
    );
    // The reader of manifests refuses such ids.
    let source = text::Source::new("spin.toml", &*converted.manifest);
    assert!(stoa_manifest::parse(&source, None).is_err());
}

#[test]
fn a_locked_application_becomes_a_manifest_that_says_the_same() {
    let converted = converted(&locked()).unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(converted.manifest, MANIFEST);
    let code = CODE.parse::<Digest>().expect("it is one");
    assert!(converted.inline.is_empty());
    assert_eq!(
        converted.files,
        BTreeMap::from([
            ("components/orders.wasm".to_owned(), code),
            ("components/web.wasm".to_owned(), code),
        ])
    );
    let source = text::Source::new("spin.toml", MANIFEST);
    let app = stoa_manifest::parse(&source, None).unwrap_or_else(|told| panic!("{told}"));
    let granted = |id: &str| {
        let component = &app.components[id];
        let stores = component.grants.keyvalue.keys().map(ToString::to_string);
        stores
            .chain(component.grants.sql.keys().map(ToString::to_string))
            .collect::<Vec<_>>()
    };
    assert_eq!(granted("web"), ["default", "orders"]);
    assert!(granted("orders").is_empty());
    assert!(app.components["orders"].allowed_outbound_hosts.is_empty());
    assert_eq!(app.routes.len(), 2);
}

#[test]
fn settings_of_a_single_trigger_are_those_of_its_kind() {
    let mut locked = locked();
    locked["spin_lock_version"] = json!(0);
    locked["metadata"] = json!({
        "name": "old",
        "trigger": { "type": "redis", "address": "redis://localhost" },
    });
    let manifest = converted(&locked)
        .unwrap_or_else(|told| panic!("{told}"))
        .manifest;
    assert!(
        manifest.contains("\n[application.trigger.redis]\naddress = \"redis://localhost\"\n"),
        "{manifest}"
    );
}

/// The locked application, the first component of which, `web`, has these files.
fn mounting(files: Value) -> Value {
    let mut locked = locked();
    locked["components"][0]["id"] = json!("web");
    locked["components"][0]["files"] = files;
    locked
}

#[test]
fn files_that_lead_out_of_their_component_are_refused() {
    for path in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "a/../../b",
        "a//b",
        "a/.",
        "a/",
        "a\0b",
    ] {
        let locked = mounting(json!([{ "path": path, "digest": CODE }]));
        let told = converted(&locked).map(drop).expect_err("it is refused");
        assert!(told.contains("does not stay below `/`"), "{path:?}: {told}");
    }
}

#[test]
fn files_whose_content_is_not_certain_are_refused() {
    for (file, part) in [
        (json!({ "path": "a" }), "nothing says"),
        (json!({ "path": "a", "inline": "?" }), "nobody can read"),
        (
            json!({ "path": "a", "inline": "eA==", "digest": CODE }),
            "the digest is not that",
        ),
    ] {
        let told = converted(&mounting(json!([file]))).map(drop);
        let told = told.expect_err("it is refused");
        assert!(told.contains(part), "{told}");
    }
    let twice = json!([{ "path": "a", "digest": CODE }, { "path": "a", "inline": "eA==" }]);
    let told = converted(&mounting(twice)).map(drop);
    assert!(told.expect_err("it is refused").contains("two files `a`"));
}

#[test]
fn files_lie_in_a_folder_of_their_component() {
    let files = json!([{ "path": "a/b.txt", "digest": CODE }, { "path": "c", "inline": "eA==" }]);
    let converted = converted(&mounting(files)).unwrap_or_else(|told| panic!("{told}"));
    let line = "files = [{ source = \"files/web\", destination = \"/\" }]\n";
    assert!(converted.manifest.contains(line), "{}", converted.manifest);
    let inline = Digest::of(b"x");
    assert_eq!(converted.files["files/web/a/b.txt"].to_string(), CODE);
    assert_eq!(converted.files["files/web/c"], inline);
    assert_eq!(
        converted.inline,
        BTreeMap::from([(inline, Bytes::from_static(b"x"))])
    );
}
