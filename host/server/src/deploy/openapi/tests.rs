use std::fs;

use serde_json::{Value, json};

use super::{BYTES_MAX, FOUND_MAX, PROBLEMS_MAX, STEPS_MAX, check};

/// A good document of 3.1 with one operation.
fn good() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Things", "version": "1" },
        "paths": {
            "/things/{id}": {
                "parameters": [{ "$ref": "#/components/parameters/id" }],
                "get": {
                    "operationId": "readThing",
                    "responses": { "200": { "$ref": "#/components/responses/Thing" } }
                }
            }
        },
        "components": {
            "parameters": { "id": { "name": "id", "in": "path", "required": true } },
            "responses": { "Thing": { "description": "a thing" } }
        }
    })
}

/// That document with something else at a place.
fn with(place: &str, value: Value) -> Value {
    let mut document = good();
    let (parent, field) = place.rsplit_once('/').expect("it is a pointer");
    let parent = document.pointer_mut(parent).expect("the parent is there");
    let parent = parent.as_object_mut().expect("the parent is an object");
    parent.insert(field.replace("~1", "/"), value);
    document
}

/// That document without a place.
fn without(place: &str) -> Value {
    let mut document = good();
    let (parent, field) = place.rsplit_once('/').expect("it is a pointer");
    let parent = document.pointer_mut(parent).expect("the parent is there");
    let parent = parent.as_object_mut().expect("the parent is an object");
    parent.remove(field).expect("the place is there");
    document
}

fn checked(document: &Value) -> Result<String, Vec<String>> {
    check("o.json", document.to_string().as_bytes())
}

fn problems(document: &Value) -> Vec<String> {
    checked(document).expect_err("it is refused")
}

const THING: &str = "/paths/~1things~1{id}";

fn at(place: &str) -> String {
    format!("{THING}{place}")
}

#[test]
fn what_is_no_document_is_told_by_itself() {
    for (text, problem) in [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("openapi: 3.1.0", "not JSON"),
        ("[]", "`openapi` is missing"),
        ("{ \"swagger\": \"2.0\" }", "`openapi` is missing"),
        ("{ \"openapi\": 3.1 }", "`openapi` is not a string"),
        ("{ \"openapi\": \"2.0.0\" }", "of version \"2.0.0\""),
        ("{ \"openapi\": \"3.10.0\" }", "of version \"3.10.0\""),
        ("{ \"openapi\": \"3.1.\" }", "of version \"3.1.\""),
        ("{ \"openapi\": \"4.0.0\" }", "of version \"4.0.0\""),
    ] {
        let told = check("o.json", text.as_bytes()).expect_err("it is refused");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("o.json: "), "{told:?}");
        assert!(told[0].contains(problem), "{text}: {told:?}");
    }
    let large = vec![b' '; BYTES_MAX + 1];
    let told = check("o.json", &large).expect_err("it is too large");
    assert!(told[0].contains("larger than"), "{told:?}");
    let deep = format!("{{\"openapi\": {}", "[".repeat(100_000));
    let told = check("o.json", deep.as_bytes()).expect_err("it is too deep");
    assert!(told[0].contains("not JSON"), "{told:?}");
}

#[test]
fn each_mistake_is_told_with_its_place() {
    let cases = [
        (without("/info"), "#: `info` is missing".to_owned()),
        (
            without("/info/title"),
            "#/info: `title` is missing".to_owned(),
        ),
        (
            with("/info/version", json!(1)),
            "#/info/version: not a string".to_owned(),
        ),
        (
            with("/info", json!("x")),
            "#/info: not an object".to_owned(),
        ),
        (
            with("/paths", json!([])),
            "#/paths: not an object".to_owned(),
        ),
        (
            with("/components", json!(1)),
            "#/components: not an object".to_owned(),
        ),
        (
            with("/paths/things", json!({})),
            "#/paths/things: a path starts with `/`".to_owned(),
        ),
        (
            with("/paths/~1a{", json!({})),
            "#/paths/~1a{: a `{` has no `}`".to_owned(),
        ),
        (
            with("/paths/~1a}", json!({})),
            "#/paths/~1a}: its braces do not match".to_owned(),
        ),
        (
            with("/paths/~1a{}", json!({})),
            "#/paths/~1a{}: `{}` is not a parameter".to_owned(),
        ),
        (
            with("/paths/~1{a}~1{a}", json!({})),
            "#/paths/~1{a}~1{a}: the path parameter `a` is in it twice".to_owned(),
        ),
        (
            with("/paths/~1things~1{other}", json!({})),
            "takes the same paths as `/things/{".to_owned(),
        ),
        (
            with("/paths/~1x", json!([])),
            "#/paths/~1x: not an object".to_owned(),
        ),
        (
            with(&at("/gett"), json!({})),
            format!("#{THING}/gett: neither a method nor a field of a path"),
        ),
        (
            with(&at("/put"), json!(true)),
            format!("#{THING}/put: not an object"),
        ),
        (
            with(&at("/put"), json!({ "operationId": 1 })),
            format!("#{THING}/put/operationId: not a string"),
        ),
        (
            with(&at("/put"), json!({ "operationId": "readThing" })),
            format!("its `operationId` \"readThing\" is that of `{THING}/get` too"),
        ),
        (
            with(&at("/put"), json!({ "responses": {} })),
            format!("#{THING}/put/responses: there is no response in it"),
        ),
        (
            with(&at("/put"), json!({ "responses": { "ok": {} } })),
            format!("#{THING}/put/responses/ok: not a status"),
        ),
        (
            with(&at("/put"), json!({ "responses": { "600": {} } })),
            format!("#{THING}/put/responses/600: not a status"),
        ),
        (
            with(&at("/put"), json!({ "responses": { "200": "ok" } })),
            format!("#{THING}/put/responses/200: not an object"),
        ),
        (
            with(&at("/parameters"), json!([])),
            format!("#{THING}/get: the path parameter `id` is not declared"),
        ),
        (
            with(&at("/parameters"), json!({})),
            format!("#{THING}/parameters: not an array"),
        ),
        (
            with(
                &at("/put"),
                json!({ "parameters": [{ "name": "size", "in": "path", "required": true }] }),
            ),
            format!("#{THING}/put: the path parameter `size` is not in the path"),
        ),
        (
            with(
                &at("/put"),
                json!({ "parameters": [{ "name": "q", "in": "query" }, { "name": "q", "in": "query" }] }),
            ),
            format!("#{THING}/put/parameters/1: `q` in `query` is declared twice"),
        ),
        (
            with(
                &at("/put"),
                json!({ "parameters": [{ "name": "q", "in": "body" }] }),
            ),
            format!("#{THING}/put/parameters/0: a parameter is not in \"body\""),
        ),
        (
            with(&at("/put"), json!({ "parameters": [{ "in": "query" }] })),
            format!("#{THING}/put/parameters/0: a parameter has a `name` and an `in`"),
        ),
        (
            with(
                "/components/parameters/id",
                json!({ "name": "id", "in": "path" }),
            ),
            "#/components/parameters/id: the path parameter `id` is not required".to_owned(),
        ),
        (
            with(
                "/components/schemas",
                json!({ "A": { "$ref": "#/components/schemas/B" } }),
            ),
            "#/components/schemas/A: \"#/components/schemas/B\" leads nowhere".to_owned(),
        ),
        (
            with(
                "/components/schemas",
                json!({ "A": { "items": { "$ref": "other.json#/B" } } }),
            ),
            "#/components/schemas/A/items: \"other.json#/B\" is not in this document".to_owned(),
        ),
        (
            with(
                "/components/schemas",
                json!({ "A": { "allOf": [{ "$ref": "https://example.com/b" }] } }),
            ),
            "#/components/schemas/A/allOf/0: \"https://example.com/b\" is not in this document"
                .to_owned(),
        ),
        (
            with("/components/schemas", json!({ "A": { "$ref": "#anchor" } })),
            "\"#anchor\" leads nowhere".to_owned(),
        ),
        (
            with(
                "/webhooks",
                json!({ "sold": { "post": { "operationId": "readThing" } } }),
            ),
            "#/webhooks/sold/post: its `operationId` \"readThing\"".to_owned(),
        ),
    ];
    for (document, problem) in cases {
        let told = problems(&document);
        assert!(
            told.iter()
                .any(|line| line.starts_with("o.json#") && line.contains(&problem)),
            "`{problem}` is missing in {told:#?}"
        );
    }
}

#[test]
fn all_problems_are_told_at_once_and_each_once() {
    let mut document = good();
    document["info"] = json!({});
    document["paths"]["x"] = json!({});
    document["components"]["parameters"]["id"]["required"] = json!(false);
    document["paths"]["/things/{id}/parts"] = json!({
        "parameters": [{ "$ref": "#/components/parameters/id" }],
        "get": {}
    });
    assert_eq!(
        problems(&document),
        [
            "o.json#/info: `title` is missing",
            "o.json#/info: `version` is missing",
            "o.json#/components/parameters/id: the path parameter `id` is not required",
            "o.json#/paths/x: a path starts with `/`",
        ]
    );
}

#[test]
fn not_every_problem_of_many_is_told() {
    let mut document = good();
    for number in 0..PROBLEMS_MAX + 5 {
        document["paths"][format!("p{number}")] = json!({});
    }
    let told = problems(&document);
    assert_eq!(told.len(), PROBLEMS_MAX + 1);
    assert_eq!(told[PROBLEMS_MAX], "o.json: and 5 problems more");
}

#[test]
fn version_3_0_asks_for_more() {
    let mut document = without("/paths");
    assert_eq!(
        checked(&document),
        Ok("o.json: 3.1.0, 0 operations".to_owned())
    );
    document["openapi"] = json!("3.0.4");
    assert_eq!(problems(&document), ["o.json#: `paths` is missing"]);
    let mut document = good();
    document["openapi"] = json!("3.0.4");
    assert_eq!(
        checked(&document),
        Ok("o.json: 3.0.4, 1 operation".to_owned())
    );
    document["paths"]["/x"] = json!({ "get": {} });
    assert_eq!(
        problems(&document),
        ["o.json#/paths/~1x/get: `responses` is missing"]
    );
    document["openapi"] = json!("3.1.1");
    assert_eq!(
        checked(&document),
        Ok("o.json: 3.1.1, 2 operations".to_owned())
    );
    let neither = json!({ "openapi": "3.1.0", "info": { "title": "x", "version": "1" } });
    assert_eq!(
        problems(&neither),
        ["o.json#: there is none of `paths`, `components` and `webhooks`"]
    );
}

#[test]
fn references_that_go_round_in_circles_end() {
    let circle = json!({ "$ref": "#/components/parameters/id" });
    let document = with("/components/parameters/id", circle);
    assert_eq!(
        problems(&document),
        [format!(
            "o.json#{THING}/get: the path parameter `id` is not declared"
        )]
    );
    let tree =
        json!({ "Tree": { "properties": { "left": { "$ref": "#/components/schemas/Tree" } } } });
    assert!(checked(&with("/components/schemas", tree)).is_ok());
}

/// That document with a callback of its operation.
fn with_callback(item: &Value) -> Value {
    with(&at("/get/callbacks"), json!({ "done": { "{$url}": item } }))
}

#[test]
fn callbacks_that_lead_back_to_themselves_end() {
    let back = json!({ "$ref": format!("#{THING}") });
    assert!(checked(&with_callback(&back)).is_ok());
    let mistaken =
        json!({ "post": { "responses": {}, "callbacks": { "done": { "{$url}": back } } } });
    let place = format!("o.json#{THING}/get/callbacks/done/{{$url}}/post/responses");
    assert_eq!(
        problems(&with_callback(&mistaken)),
        [format!("{place}: there is no response in it")]
    );
}

#[test]
fn callbacks_of_callbacks_take_no_stack() {
    let mut items = serde_json::Map::new();
    for number in 0..30_000 {
        let next = format!("#/components/pathItems/{}", number + 1);
        let callbacks = json!({ "c": { "e": { "$ref": next } } });
        items.insert(
            number.to_string(),
            json!({ "get": { "callbacks": callbacks } }),
        );
    }
    items.insert("30000".to_owned(), json!({ "gett": {} }));
    let mut document = with_callback(&json!({ "$ref": "#/components/pathItems/0" }));
    document["components"]["pathItems"] = items.into();
    assert_eq!(
        problems(&document),
        ["o.json#/components/pathItems/30000/gett: neither a method nor a field of a path"]
    );
}

#[test]
fn what_refers_to_so_much_so_often_is_refused() {
    let parameters: Vec<Value> = (0..1_000)
        .map(|number| json!({ "name": format!("p{number}"), "in": "query" }))
        .collect();
    let mut document = with(
        "/components/pathItems",
        json!({ "shared": { "parameters": parameters } }),
    );
    for number in 0..STEPS_MAX / 1_000 {
        document["paths"][format!("/p{number}")] =
            json!({ "$ref": "#/components/pathItems/shared" });
    }
    let told = problems(&document);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("so much refers to so much"), "{told:?}");
}

#[test]
fn what_is_told_stays_short() {
    let long = "é".repeat(100_000);
    let dangling: Vec<Value> = (0..2 * FOUND_MAX)
        .map(|number| json!({ "$ref": format!("#/{long}{number}").split_off(199_000) }))
        .collect();
    let mut document = with(
        "/components/schemas",
        json!({ &*long: { "allOf": dangling } }),
    );
    document["paths"][&*long] = json!({});
    document["paths"]["/things/{id}"]["put"] = json!({
        "operationId": long,
        "parameters": [{ "name": long, "in": "query" }, { "name": "q", "in": long }],
        "responses": { &*long: {} }
    });
    let told = problems(&document);
    assert_eq!(told.len(), PROBLEMS_MAX + 1);
    let more = format!(
        "o.json: and {} problems more",
        2 * FOUND_MAX + 5 - PROBLEMS_MAX
    );
    assert_eq!(told[PROBLEMS_MAX], more);
    for line in told {
        assert!(
            line.chars().count() < 600,
            "{} characters",
            line.chars().count()
        );
    }
}

#[test]
fn what_only_looks_like_a_reference_is_none() {
    let schemas = json!({
        "A": {
            "properties": {
                "$ref": { "type": "string" },
                "example": { "$ref": "#/components/schemas/B~1C%20D" },
                "default": { "$ref": "#here" }
            },
            "example": { "$ref": "nowhere" },
            "default": { "$ref": "nowhere" },
            "enum": [{ "$ref": "nowhere" }],
            "const": { "$ref": "nowhere" },
            "examples": [{ "$ref": "nowhere" }],
            "x-mine": { "$ref": "nowhere" }
        },
        "B/C D": { "$anchor": "here" }
    });
    let mut document = with("/components/schemas", schemas);
    document["components"]["examples"] = json!({ "one": { "value": { "$ref": "nowhere" } } });
    assert_eq!(
        checked(&document),
        Ok("o.json: 3.1.0, 1 operation".to_owned())
    );
    // The same names hide nothing where they are those of properties, or of examples.
    document["components"]["schemas"]["A"]["properties"]["example"] = json!({ "$ref": "nowhere" });
    document["components"]["examples"]["one"] = json!({ "$ref": "nowhere" });
    assert_eq!(problems(&document).len(), 2);
}

#[test]
fn shared_path_items_may_be_used_twice() {
    let mut document = with(
        "/components/pathItems",
        json!({ "shared": { "get": { "operationId": "shared" } } }),
    );
    document["paths"]["/a"] = json!({ "$ref": "#/components/pathItems/shared" });
    document["paths"]["/b"] = json!({ "$ref": "#/components/pathItems/shared" });
    assert_eq!(
        checked(&document),
        Ok("o.json: 3.1.0, 3 operations".to_owned())
    );
}

#[test]
fn the_document_of_the_products_is_good() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../components/products/openapi.json"
    );
    let bytes = fs::read(file).expect("the document can be read");
    let summary = check("openapi.json", &bytes).unwrap_or_else(|told| panic!("{told:#?}"));
    assert!(summary.starts_with("openapi.json: 3.1.0, "), "{summary}");
}
