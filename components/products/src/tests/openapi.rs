//! The OpenAPI document is true: it names what is routed, and answers are what it says.

use super::{COLLECTION, catalogue, created, cup, etag, get, handle, patch, put};
use crate::router::ROUTES;
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Cursor;
use stoa_sdk::documents::Error;
use stoa_sdk::http::Method;
use stoa_sdk::testing::{Answer, Call};

/// Their router is their own.
const IMAGES: &str = "/v1/products/{id}/images";
const ID: &str = "ba7816bf8f01cfea414140de5dae2223";

fn document() -> Value {
    get("/v1/products/openapi.json").json()
}

/// What stands behind a `$ref`, or the value itself.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        None => value,
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .expect("the reference leads somewhere"),
    }
}

/// The methods of a path, in upper case.
fn methods(path: &Value) -> BTreeSet<String> {
    let members = path.as_object().expect("a path").keys();
    let methods = members.filter(|name| *name != "parameters");
    methods.map(|name| name.to_uppercase()).collect()
}

fn call(method: &str, template: &str) -> Call {
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        other => panic!("the document has a method of its own: {other}"),
    };
    let path = template
        .replace("{id}", ID)
        .replace("{image}", ID)
        .replace("{size}", "160")
        .replace("{reservation}", "r-1")
        .replace("{slug}", "ceramics");
    Call::new(method, &path)
}

// === routes ===

#[test]
fn what_is_routed_is_documented_and_nothing_else() {
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let documented = paths
        .iter()
        .filter(|(template, _)| !template.starts_with(IMAGES))
        .map(|(template, path)| (template.clone(), methods(path)));
    let routed = ROUTES.iter().map(|route| {
        let allowed = route.allowed.split(", ").map(str::to_owned);
        // The document says that it is answered wherever `GET` is.
        let allowed = allowed.filter(|method| method != "HEAD");
        (route.template.to_owned(), allowed.collect())
    });
    let documented: BTreeSet<_> = documented.collect();
    let routed: BTreeSet<(String, BTreeSet<String>)> = routed.collect();
    assert_eq!(documented, routed);
}

#[test]
fn what_is_documented_is_answered() {
    for (template, path) in document()["paths"].as_object().expect("paths") {
        for method in methods(path) {
            let answer = call(&method, template).send(handle);
            assert_ne!(answer.status, 405, "{method} {template}");
            // Only where nothing is routed, nothing is said.
            let is_routed = answer.status != 404 || answer.json()["detail"].is_string();
            assert!(is_routed, "{method} {template}");
        }
    }
}

#[test]
fn only_what_is_allowed_is_answered() {
    for route in &ROUTES {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = call(method, route.template).send(handle);
            let is_allowed = route.allowed.split(", ").any(|allowed| allowed == method);
            assert_eq!(
                answer.status != 405,
                is_allowed,
                "{method} {}",
                route.template
            );
        }
    }
}

#[test]
fn every_reference_and_operation_id_is_good() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().expect("it ends");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let ids: Vec<_> = text.split("\"operationId\":\"").skip(1).collect();
    let unique: BTreeSet<_> = ids.iter().map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.len(), unique.len());
}

#[test]
fn every_example_fits_its_schema() {
    let document = document();
    let mut seen = 0;
    for (template, path) in document["paths"].as_object().expect("paths") {
        for method in methods(path) {
            let operation = &path[method.to_lowercase()];
            let media = operation["requestBody"]["content"].as_object();
            for content in media.into_iter().flat_map(|media| media.values()) {
                let Some(example) = content.get("example") else {
                    continue;
                };
                let wrong = wrong(&document, &content["schema"], example);
                assert!(wrong.is_empty(), "{method} {template}: {wrong:?}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 6);
}

#[test]
fn refused_is_what_the_schema_of_a_product_refuses() {
    let document = document();
    let schema = json!({"$ref": "#/components/schemas/Draft"});
    catalogue();
    for (member, value) in [
        ("name", json!("Cup\u{0}")),
        ("brand", json!("Ostra\nkon")),
        ("description", json!("\u{1b}[2J")),
        ("tags", json!(["a", "a"])),
        ("tags", json!(["\u{9f}"])),
        ("stock", json!(-1)),
        ("colour", json!("blue")),
    ] {
        let mut product = cup("A-1");
        product[member] = value;
        assert!(!wrong(&document, &schema, &product).is_empty(), "{product}");
        assert_eq!(super::create(&product).status, 422, "{product}");
    }
    let mut product = cup("A-1");
    product["description"] = json!("Holds:\n\tcoffee");
    assert!(wrong(&document, &schema, &product).is_empty());
    assert_eq!(super::create(&product).status, 201);
}

/// What is wrong with a value, as the schema of the document has it.
fn wrong(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": document["components"],
        "allOf": [schema],
    });
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let wrong = validator.iter_errors(value);
    wrong.map(|error| error.to_string()).collect()
}

// === answers ===

/// Holds answers against the document.
struct Contract(Value);

impl Contract {
    /// An answer is one of those of its operation: status, headers and body.
    fn check(&self, method: &str, template: &str, answer: &Answer) {
        let what = format!("{method} {template}: {}", answer.status);
        let operation = &self.0["paths"][template][method.to_lowercase()];
        let response = &operation["responses"][answer.status.to_string()];
        assert!(
            response.is_object(),
            "{what} is not documented: {}",
            answer.text()
        );
        let response = resolved(&self.0, response);
        for (name, _) in &answer.headers {
            let is_body = ["content-type", "content-length"].contains(&name.as_str());
            let is_documented = is_body || response["headers"].get(name).is_some();
            assert!(is_documented, "{what} has a {name}");
        }
        match answer.header("content-type") {
            None => assert!(response.get("content").is_none(), "{what} has no body"),
            Some(media) => self.check_body(&response["content"][media], answer, &what),
        }
    }

    fn check_body(&self, content: &Value, answer: &Answer, what: &str) {
        assert!(content.is_object(), "{what} has another media type");
        // Files have none.
        if content.get("schema").is_none() {
            return;
        }
        let is_lines = answer.header("content-type") == Some("application/x-ndjson");
        let bodies = match is_lines {
            true => answer.text().lines().collect(),
            false => vec![answer.text()],
        };
        for body in bodies {
            let body: Value = serde_json::from_str(body).expect("JSON");
            let wrong = wrong(&self.0, &content["schema"], &body);
            assert!(wrong.is_empty(), "{what}: {wrong:?}");
        }
    }
}

/// A call, and the operation that it is one of.
struct Said<'a>(&'a str, &'a str, Call, u16);

/// Sends calls one after the other.
fn all_are_documented(calls: Vec<Said<'_>>) {
    let contract = Contract(document());
    for Said(method, template, call, expected) in calls {
        let answer = call.send(handle);
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, expected, "{method} {template}: {text}");
        contract.check(method, template, &answer);
    }
}

fn json_post(target: &str, body: &Value) -> Call {
    Call::post(target, "application/json", body.to_string())
}

#[test]
fn answers_about_products_are_as_documented() {
    catalogue();
    let (all, one) = ("/v1/products", "/v1/products/{id}");
    let location = created("A-1");
    let tag = etag(&get(&location));
    let delete = || Call::new(Method::Delete, &location);
    let listing = format!("{COLLECTION}?q=cup&facets=category,brand,tag&total=true");
    let import = format!("{}\n{{}}\n", cup("A-3"));
    let import = Call::post("/v1/products:import", "application/x-ndjson", import);
    created("B-1");
    all_are_documented(vec![
        Said("GET", all, Call::get(COLLECTION), 200),
        Said("GET", all, Call::get(&listing), 200),
        Said("GET", all, Call::get("/v1/products?limit=1"), 200),
        Said("GET", all, Call::get("/v1/products?limit=0"), 400),
        Said("POST", all, json_post(all, &cup("A-2")), 201),
        Said("POST", all, json_post(all, &cup("A-2")), 409),
        Said("POST", all, json_post(all, &json!({})), 422),
        Said("POST", all, Call::post(all, "application/json", "{"), 400),
        Said("POST", all, Call::post(all, "text/plain", "{"), 415),
        Said("POST", "/v1/products:import", import, 200),
        Said(
            "POST",
            "/v1/products:import",
            json_post("/v1/products:import", &json!([])),
            415,
        ),
        Said(
            "GET",
            "/v1/products/openapi.json",
            Call::get("/v1/products/openapi.json"),
            200,
        ),
        Said("GET", one, Call::get(&location), 200),
        Said(
            "GET",
            one,
            Call::get(&location).header("if-none-match", &tag),
            304,
        ),
        Said(
            "GET",
            one,
            Call::get(&location).header("if-match", "\"0\""),
            412,
        ),
        Said("GET", one, Call::get(&format!("/v1/products/{ID}")), 404),
        Said("PATCH", one, patch(&location, json!({"stock": 3})), 200),
        Said("PATCH", one, patch(&location, json!({"id": "x"})), 422),
        Said("PATCH", one, Call::new(Method::Patch, &location), 415),
        Said("DELETE", one, delete().header("if-match", &tag), 412),
        Said("DELETE", one, delete(), 204),
        Said("DELETE", one, delete(), 404),
    ]);
}

#[test]
fn answers_about_reservations_are_as_documented() {
    let template = "/v1/products/{id}/reservations/{reservation}";
    let (confirm, release) = (
        &format!("{template}:confirm"),
        &format!("{template}:release"),
    );
    let mut product = cup("A-1");
    product["stock"] = json!(5);
    let answer = json_post(COLLECTION, &product).send(handle);
    let location = answer.header("location").expect("created");
    let at = |id: &str| format!("{location}/reservations/{id}");
    let reserve = |id: &str, quantity: u64| put(&at(id), &json!({"quantity": quantity}));
    let act = |id: &str| Call::new(Method::Post, &at(id));
    all_are_documented(vec![
        Said("PUT", template, reserve("a", 2), 201),
        Said("PUT", template, reserve("a", 2), 200),
        Said("PUT", template, reserve("a", 3), 409),
        Said("PUT", template, reserve("b", 4), 409),
        Said("PUT", template, reserve("b", 0), 422),
        Said("PUT", template, reserve("%20", 1), 400),
        Said(
            "PATCH",
            "/v1/products/{id}",
            patch(location, json!({"stock": 1})),
            409,
        ),
        Said(
            "DELETE",
            "/v1/products/{id}",
            Call::new(Method::Delete, location),
            409,
        ),
        Said("GET", template, Call::get(&at("a")), 200),
        Said("GET", template, Call::get(&at("z")), 404),
        Said("POST", confirm, act("a:confirm"), 200),
        Said("GET", template, Call::get(&at("a")), 200),
        Said("POST", release, act("a:release"), 409),
        Said("PUT", template, reserve("b", 1), 201),
        Said("POST", release, act("b:release"), 200),
        Said("POST", confirm, act("b:confirm"), 409),
        Said("POST", confirm, act("z:confirm"), 404),
    ]);
}

#[test]
fn answers_about_categories_are_as_documented() {
    let (all, one) = ("/v1/categories", "/v1/categories/{slug}");
    created("A-1");
    let cups = "/v1/categories/cups";
    let delete = |slug: &str| Call::new(Method::Delete, &format!("{all}/{slug}"));
    all_are_documented(vec![
        Said("PUT", one, put(cups, &json!({"name": "Cups"})), 201),
        Said("PUT", one, put(cups, &json!({"name": "Mugs"})), 200),
        Said("PUT", one, put(cups, &json!({"parent": "z"})), 422),
        Said(
            "PUT",
            one,
            put(cups, &json!({"name": "A"})).header("if-match", "\"0\""),
            412,
        ),
        Said("GET", all, Call::get(all), 200),
        Said("GET", one, Call::get(cups), 200),
        Said(
            "GET",
            one,
            Call::get(cups).header("if-none-match", "*"),
            304,
        ),
        Said("GET", one, Call::get("/v1/categories/ceramics"), 200),
        Said("GET", one, Call::get("/v1/categories/none"), 404),
        Said(
            "PUT",
            one,
            put(
                "/v1/categories/small",
                &json!({"name": "S", "parent": "cups"}),
            ),
            201,
        ),
        Said("DELETE", one, delete("cups"), 409),
        Said("DELETE", one, delete("small"), 204),
        Said("DELETE", one, delete("small"), 404),
    ]);
}

#[test]
fn answers_about_images_are_as_documented() {
    let location = created("A-1");
    let all = format!("{location}/images");
    let mut png = Cursor::new(Vec::new());
    let picture = DynamicImage::ImageRgb8(RgbImage::new(2, 1));
    picture
        .write_to(&mut png, ImageFormat::Png)
        .expect("written");
    let upload = || Call::post(&all, "image/png", png.get_ref().clone());
    let answer = upload().send(handle);
    let original = answer.header("location").expect("uploaded").to_owned();
    let small = format!("{original}/160");
    let (one, thumbnail) = (
        &format!("{IMAGES}/{{image}}"),
        &format!("{IMAGES}/{{image}}/{{size}}"),
    );
    let broken = Call::post(&all, "image/png", png.get_ref()[..20].to_vec());
    let delete = || Call::new(Method::Delete, &original);
    all_are_documented(vec![
        Said("GET", IMAGES, Call::get(&all), 200),
        Said("POST", IMAGES, upload(), 200),
        Said("POST", IMAGES, broken, 422),
        Said("POST", IMAGES, json_post(&all, &json!({})), 415),
        Said("GET", "/v1/products/{id}", Call::get(&location), 200),
        Said("GET", one, Call::get(&original), 200),
        Said(
            "GET",
            one,
            Call::get(&original).header("if-none-match", "*"),
            304,
        ),
        Said("GET", thumbnail, Call::get(&small), 200),
        Said("DELETE", one, delete().header("if-match", "\"0\""), 412),
        Said("DELETE", one, delete(), 204),
        Said("DELETE", one, delete(), 404),
        Said("GET", thumbnail, Call::get(&small), 404),
        Said("POST", IMAGES, upload(), 201),
    ]);
}

#[test]
fn failures_are_as_documented() {
    let contract = Contract(document());
    for (error, expected) in [
        (Error::Unavailable, 503),
        (Error::Denied(String::new()), 500),
    ] {
        for (method, template, target) in [
            ("GET", "/v1/products", COLLECTION),
            ("GET", "/v1/categories", "/v1/categories"),
            ("DELETE", "/v1/categories/{slug}", "/v1/categories/a"),
        ] {
            catalogue().refuse(error.clone());
            let method_of = match method {
                "GET" => Method::Get,
                _ => Method::Delete,
            };
            let answer = Call::new(method_of, target).send(handle);
            assert_eq!(answer.status, expected, "{method} {template}");
            contract.check(method, template, &answer);
        }
    }
}
