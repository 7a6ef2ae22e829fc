//! `openapi.json` against what is there.

use std::collections::BTreeSet;

use super::super::routes::routes;
use super::*;

async fn document() -> Value {
    Bench::new().get("/v1/openapi.json").await.json()
}

fn keys(value: &Value) -> BTreeSet<String> {
    let object = value.as_object().expect("it is an object");
    object.keys().cloned().collect()
}

/// A value as it is sent, as far as its fields' names go.
fn described(document: &Value, schema: &str, value: impl serde::Serialize) {
    let value = serde_json::to_value(value).expect("it has a form");
    let properties = &document["components"]["schemas"][schema]["properties"];
    assert_eq!(keys(properties), keys(&value), "{schema}");
}

/// Calls `found` with everything that is referred to.
fn references(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(target) if name == "$ref" => found(target),
            value => references(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("it has paths");
    let described: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = keys(methods).into_iter();
            methods.map(|method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let routed: BTreeSet<(String, String)> = routes::<Fake>()
        .into_iter()
        .map(|route| (route.path.to_owned(), route.method.to_string()))
        .collect();
    assert_eq!(described, routed);
}

#[tokio::test]
async fn whatever_it_refers_to_is_in_it() {
    let document = document().await;
    let mut count = 0;
    references(&document, &mut |target: &str| {
        let pointer = target.strip_prefix('#').expect("it is in this document");
        assert!(document.pointer(pointer).is_some(), "{target}");
        count += 1;
    });
    assert!(count > 40, "{count}");
}

#[tokio::test]
async fn messages_have_the_fields_that_are_described() {
    let document = document().await;
    let bench = Bench::new();
    let status = bench.fake.status().await;
    described(&document, "Lane", &status.stable);
    described(&document, "Status", status);
    let found = bench.fake.differences(None, None).await;
    described(&document, "Difference", &found.expect("there are some")[0]);
    let moved = bench.fake.rollback(Move::default(), "").await;
    described(&document, "Moved", moved.expect("it is done"));
    described(&document, "Move", Move::default());
    let deployed = deployed(None, 1);
    described(&document, "Timings", deployed.timings);
    described(&document, "Deployed", deployed);
    let deploy: Deploy = serde_json::from_value(deploy_of("")).expect("it is a deploy");
    described(&document, "Deploy", deploy);
    let refused = bench.get("/v1/nowhere").await;
    described(&document, "Problem", refused.refused(404, "unknown-path"));
    bench.post("/v1/deploys", &deploy_of("")).await.json();
    let release = bench.get("/v1/releases/1").await;
    described(&document, "Release", release.json());
    let changes = bench.get("/v1/changes").await;
    described(&document, "Change", &changes.json()["changes"][0]);
    let audit = bench.get("/v1/audit").await.json();
    described(&document, "AuditLog", &audit);
    described(&document, "AuditEntry", &audit["entries"][0]);
    bench.log(|| tracing::info!(component = "a", "hello"));
    let line = bench.logs.recent(None, 1).remove(0);
    described(&document, "LogLine", &*line);
}
