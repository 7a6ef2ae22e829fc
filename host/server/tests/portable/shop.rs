//! The shop, whose products are served by the adapter.

use serde_json::{Map, Value, json};
use stoa_manifest::grants::Access;
use stoa_manifest::grants::documents::{Collection, Grant};
use stoa_manifest::text::Source;
use stoa_testkit::{Launch, probe, repository};

use crate::application::{STOA, got};

/// The shop says in a variable what its grants say: the host reads the ones, the adapter the other.
#[test]
fn the_shop_says_the_same_twice() {
    let text = std::fs::read_to_string(repository().join("spin.toml")).expect("it can be read");
    let app = stoa_manifest::parse(&Source::new("spin.toml", text), None).expect("it is good");
    let (_, products) = app
        .components
        .iter()
        .find(|(id, _)| id.as_str() == "products")
        .expect("the shop has products");
    let schema = products.variables.get("documents_schema");
    let schema: Value = serde_json::from_str(schema.expect("it is there")).expect("it is JSON");
    let grants = products.grants.documents.iter();
    let expected: Value = grants
        .map(|(label, grant)| (label.to_string(), written(grant)))
        .collect::<Map<_, _>>()
        .into();
    assert_eq!(schema, expected);
}

/// A grant as the adapter reads it, without what is left to its defaults.
fn written(grant: &Grant) -> Value {
    assert_eq!(
        grant.quota,
        Grant::default().quota,
        "the adapter has no quotas"
    );
    let collections = grant.collections.iter();
    let collections = collections.map(|(name, collection)| (name.clone(), declared(collection)));
    let mut store = json!({ "collections": collections.collect::<Map<_, _>>() });
    if grant.access == Access::Read {
        store["access"] = json!("read");
    }
    if let Some(bytes) = grant.document_bytes_max {
        store["document_bytes_max"] = json!(bytes);
    }
    store
}

fn declared(collection: &Collection) -> Value {
    let mut indexes = Map::new();
    for (name, index) in &collection.indexes {
        let mut declared = json!({ "paths": index.paths });
        for (word, holds) in [("unique", index.unique), ("each", index.each)] {
            if holds {
                declared[word] = json!(true);
            }
        }
        indexes.insert(name.clone(), declared);
    }
    let mut declared = json!({});
    if !indexes.is_empty() {
        declared["indexes"] = indexes.into();
    }
    if !collection.search.is_empty() {
        declared["search"] = json!(collection.search);
    }
    declared
}

#[test]
fn the_shop_serves_its_catalogue_by_the_adapter() {
    probe("products");
    let manifest = repository().join("spin.toml").display().to_string();
    let launch = Launch::new(STOA, "").arguments(&[
        "--from",
        &manifest,
        "--skip-build",
        "--portable",
        "--state-dir",
        "state",
    ]);
    let host = launch.start();
    let (status, list) = got(host.address(), "/v1/products?limit=200");
    assert_eq!(status, 200, "{list}");
    assert_eq!(
        list.matches("\"sku\"").count(),
        60,
        "the seed catalogue is served"
    );
}
