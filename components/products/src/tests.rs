//! The whole service, from request to answer, over a store in memory.

mod categories;
mod changing;
mod finding;
mod images;
mod import;
mod openapi;
mod reading;
mod reserving;

use crate::router::handle;
use serde_json::{Value, json};
use stoa_sdk::documents::{Collection, Store, Write};
use stoa_sdk::http::Method;
use stoa_sdk::testing::{Answer, Call, Documents, block_on, documents};

const COLLECTION: &str = "/v1/products";

/// The store, as the manifest declares it.
fn catalogue() -> Documents {
    let catalogue = documents("catalogue");
    let searched = [
        ("name", 10),
        ("brand", 4),
        ("category", 3),
        ("tags", 4),
        ("description", 1),
    ];
    catalogue
        .unique("products", "sku", ["sku"])
        .search("products", searched);
    catalogue
}

/// How many documents were written or removed.
fn changes() -> u64 {
    catalogue().changes()
}

fn collection(name: &str) -> Collection {
    let store = Store::open("catalogue").expect("in memory every label is granted");
    store.collection(name)
}

/// A product as a client sends it.
fn cup(sku: &str) -> Value {
    json!({"sku": sku, "name": "Cup", "category": "ceramics", "price": {"amount": 1250, "currency": "EUR"}})
}

fn create(product: &Value) -> Answer {
    Call::post(COLLECTION, "application/json", product.to_string()).send(handle)
}

/// Creates a product and says where it is.
fn created(sku: &str) -> String {
    create(&cup(sku))
        .header("location")
        .expect("created")
        .to_owned()
}

/// Writes a document that is no product, as somebody else might.
fn spoil(id: &str) {
    let write = Write::new(id, &json!({"sku": id}));
    block_on(collection("products").write(write)).expect("it is written");
}

/// Creates a product, spoils its document and says where it is.
fn spoiled(sku: &str) -> String {
    let location = created(sku);
    let id = location
        .rsplit('/')
        .next()
        .expect("a location ends in an id");
    spoil(id);
    location
}

fn patch(location: &str, patch: Value) -> Call {
    Call::new(Method::Patch, location)
        .header("content-type", "application/merge-patch+json")
        .chunk(patch.to_string())
}

fn put(target: &str, body: &Value) -> Call {
    Call::new(Method::Put, target)
        .header("content-type", "application/json")
        .chunk(body.to_string())
}

fn etag(answer: &Answer) -> String {
    answer.header("etag").expect("an entity tag").to_owned()
}

fn get(target: &str) -> Answer {
    Call::get(target).send(handle)
}

/// The status and the pointers of a problem.
fn problem(answer: &Answer) -> (u16, Vec<String>) {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status);
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let pointers = errors
        .iter()
        .filter_map(|error| error["pointer"].as_str().map(str::to_owned))
        .collect();
    (answer.status, pointers)
}

/// The status of a problem.
fn status(answer: &Answer) -> u16 {
    problem(answer).0
}
