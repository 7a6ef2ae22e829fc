//! Categories, and how products are counted by them.

use super::{catalogue, changes, create, cup, etag, get, handle, problem, put, status};
use serde_json::{Value, json};
use stoa_sdk::documents::Error;
use stoa_sdk::http::Method;
use stoa_sdk::testing::{Answer, Call};

const CATEGORIES: &str = "/v1/categories";

fn at(slug: &str) -> String {
    format!("{CATEGORIES}/{slug}")
}

fn described(slug: &str, said: Value) -> Answer {
    put(&at(slug), &said).send(handle)
}

fn delete(slug: &str) -> Answer {
    Call::new(Method::Delete, &at(slug)).send(handle)
}

/// Slugs, names and counts of the listing.
fn listed() -> Vec<(String, String, u64)> {
    let listing = get(CATEGORIES).json();
    let items = listing["items"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let item = |item: &Value| {
        let count = item["products"].as_u64().expect("a count");
        (text(&item["slug"]), text(&item["name"]), count)
    };
    items.iter().map(item).collect()
}

fn row(slug: &str, name: &str, count: u64) -> (String, String, u64) {
    (slug.to_owned(), name.to_owned(), count)
}

// === what is refused ===

#[test]
fn refused_when_the_slug_or_the_body_is_wrong() {
    assert_eq!(status(&described("No", json!({"name": "A"}))), 404);
    let answer = described("a", json!({"name": "", "parent": 1}));
    let expected = vec!["#/name".to_owned(), "#/parent".to_owned()];
    let (status, mut pointers) = problem(&answer);
    pointers.sort();
    assert_eq!((status, pointers), (422, expected));
    assert_eq!(changes(), 0);
}

#[test]
fn refused_when_the_parent_does_not_fit() {
    described("a", json!({"name": "A"}));
    described("b", json!({"name": "B", "parent": "a"}));
    for (slug, parent) in [("c", "z"), ("a", "a"), ("a", "b")] {
        let answer = described(slug, json!({"name": "X", "parent": parent}));
        let expected = (422, vec!["#/parent".to_owned()]);
        assert_eq!(problem(&answer), expected, "{slug} below {parent}");
    }
    assert_eq!(get(&at("a")).json()["parent"], Value::Null);
}

#[test]
fn refused_to_delete_what_is_used() {
    described("ceramics", json!({"name": "Ceramics"}));
    described("cups", json!({"name": "Cups", "parent": "ceramics"}));
    assert_eq!(status(&delete("ceramics")), 409);
    assert_eq!(delete("cups").status, 204);
    create(&cup("A-1"));
    assert_eq!(status(&delete("ceramics")), 409);
    assert_eq!(status(&delete("cups")), 404);
}

#[test]
fn refused_when_a_condition_does_not_hold() {
    let with = |name: &str, condition: &str| {
        put(&at("a"), &json!({"name": "A"}))
            .header(name, condition)
            .send(handle)
    };
    assert_eq!(status(&with("if-match", "*")), 412);
    assert_eq!(with("if-none-match", "*").status, 201);
    assert_eq!(status(&with("if-none-match", "*")), 412);
    assert_eq!(status(&with("if-match", "\"0\"")), 412);
    let tag = etag(&get(&at("a")));
    assert_eq!(with("if-match", &tag).status, 200);
    let known = Call::get(&at("a")).header("if-none-match", &tag);
    assert_eq!(known.send(handle).status, 304);
}

// === describing ===

#[test]
fn what_was_said_is_shown() {
    let said = json!({"name": "Cups", "description": "To drink from.", "position": 2});
    let answer = described("cups", said);
    assert_eq!(
        (answer.status, answer.header("location")),
        (201, Some("/v1/categories/cups"))
    );
    let shown = get(&at("cups"));
    assert_eq!(shown.json(), answer.json());
    assert_eq!(etag(&shown), etag(&answer));
    assert_eq!(shown.json()["description"], "To drink from.");
    let again = described("cups", json!({"name": "Mugs"}));
    assert_eq!((again.status, &again.json()["position"]), (200, &0.into()));
    assert_eq!(again.json()["created"], answer.json()["created"]);
}

#[test]
fn saying_the_same_again_writes_nothing() {
    described("cups", json!({"name": "Cups"}));
    let tag = etag(&get(&at("cups")));
    let again = described("cups", json!({"name": "Cups"}));
    assert_eq!((again.status, etag(&again)), (200, tag));
    assert_eq!(changes(), 1);
}

#[test]
fn a_change_is_tried_again_when_somebody_else_was_faster() {
    catalogue().allow(1).refuse(Error::Conflict(String::new()));
    assert_eq!(described("cups", json!({"name": "Cups"})).status, 201);
}

// === listing ===

#[test]
fn an_empty_catalogue_has_none() {
    assert_eq!(get(CATEGORIES).json(), json!({"items": []}));
    assert_eq!(status(&get(&at("ceramics"))), 404);
}

#[test]
fn in_their_order_with_what_only_products_name_at_the_end() {
    for sku in ["A-1", "A-2"] {
        create(&cup(sku));
    }
    let mut other = cup("B-1");
    other["category"] = json!("books");
    create(&other);
    described("toys", json!({"name": "Toys", "position": 1}));
    described("books", json!({"name": "Books", "position": 2}));
    described("art", json!({"name": "Art", "position": 2}));
    let expected = [
        row("toys", "Toys", 0),
        row("art", "Art", 0),
        row("books", "Books", 1),
        row("ceramics", "ceramics", 2),
    ];
    assert_eq!(listed(), expected);
    assert_eq!(get(&at("ceramics")).json()["name"], "ceramics");
}
