//! How long a call of each noun takes for a guest, beside the same call made natively on the same store. It is printed,
//! not judged: `cargo xtask accept capabilities-embedded` does that, with more calls.

use std::collections::BTreeMap;
use std::time::Instant;

use stoa_capabilities::documents::{Precondition, Write};
use stoa_capabilities::sql::{Statement, Value};
use stoa_capabilities::{Granted, blobs};

use crate::fixture::{Fixture, Service};

const MANIFEST: &str = r#"
key_value_stores = ["default"]
sqlite_databases = ["default"]
variables = { a = "1" }
tool.stoa.schema = 1
tool.stoa.limits = { deadline_ms_max = 600_000, cpu_ms_max = 600_000 }
tool.stoa.grants.documents.default.collections.things = {}
tool.stoa.grants.blobs.default.containers = ["images"]
tool.stoa.grants.identity.default.operations = ["verify"]
"#;

const NOUNS: [&str; 7] = [
    "nothing",
    "keyvalue",
    "documents",
    "sql",
    "blobs",
    "identity",
    "variables",
];

/// Calls that are timed of each noun: few, so that this is a test like any other.
fn calls() -> usize {
    std::env::var("STOA_OVERHEAD_CALLS").map_or(20, |calls| calls.parse().expect("a number"))
}

/// Where the kernel puts a store's threads makes a wait up to three times as long for a while, for guests and natively
/// alike. So the three take turns, and of each the best median counts.
const ROUNDS: usize = 5;

#[tokio::test]
async fn calls_of_every_noun_are_timed_from_guests_and_natively() {
    let fixture = Fixture::new();
    let native = fixture.handles(MANIFEST);
    fill(&native).await;
    let probes = ["overhead-02", "overhead-03"];
    let guests = probes.map(|probe| (probe, fixture.serve(probe, MANIFEST)));
    for noun in NOUNS {
        let mut best = BTreeMap::new();
        for _ in 0..ROUNDS {
            note(&mut best, "native", middle(&native, noun).await);
            for (probe, guest) in &guests {
                note(&mut best, probe, asked(guest, noun).await);
            }
        }
        for (caller, nanoseconds) in best {
            println!("overhead {caller} {noun} {nanoseconds}");
        }
    }
}

fn note<'c>(best: &mut BTreeMap<&'c str, u128>, caller: &'c str, nanoseconds: u128) {
    let known = best.entry(caller).or_insert(nanoseconds);
    *known = nanoseconds.min(*known);
}

/// The median that a guest answers.
async fn asked(guest: &Service, noun: &str) -> u128 {
    let answer = guest.get(&format!("/?op={noun}&calls={}", calls())).await;
    let answer = answer.unwrap_or_else(|error| panic!("{noun}: {error}"));
    let text = answer.text();
    assert_eq!(answer.status.as_u16(), 200, "{noun}: {text}");
    text.parse().expect("it answers a number")
}

/// What is read later: one of each.
async fn fill(handles: &Granted) {
    let keyvalue = &handles.keyvalue["default"];
    keyvalue
        .set("a".into(), b"value".to_vec())
        .await
        .expect("it is set");
    let write = Write {
        id: "a".into(),
        body: r#"{"sku": "a", "name": "A"}"#.into(),
        precondition: Precondition::Always,
    };
    let written = handles.documents["default"].put("things".into(), vec![write]);
    written
        .await
        .expect("it is written")
        .remove(0)
        .expect("it is");
    for text in [
        "CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT)",
        "INSERT INTO things VALUES ('a', 'A')",
    ] {
        let statement = Statement {
            text: text.into(),
            parameters: Vec::new(),
        };
        handles.sql["default"]
            .execute(statement)
            .await
            .expect("it runs");
    }
    let writer = handles.blobs["default"]
        .put(place(), blobs::Options::default())
        .await
        .expect("it begins");
    writer.write(b"bytes".to_vec()).await.expect("written");
    writer.finish().await.expect("it is finished");
}

fn place() -> blobs::Place {
    blobs::Place {
        container: "images".into(),
        name: "a".into(),
    }
}

async fn middle(handles: &Granted, noun: &str) -> u128 {
    let mut times = Vec::new();
    for _ in 0..calls() {
        let start = Instant::now();
        call(handles, noun).await;
        times.push(start.elapsed().as_nanos());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

async fn call(handles: &Granted, noun: &str) {
    match noun {
        "keyvalue" => drop(
            handles.keyvalue["default"]
                .get("a".into())
                .await
                .expect("it answers"),
        ),
        "documents" => {
            let found = handles.documents["default"].get("things".into(), vec!["a".into()]);
            drop(found.await.expect("it answers"));
        }
        "sql" => {
            let statement = Statement {
                text: "SELECT name FROM things WHERE id = $1".into(),
                parameters: vec![Value::Text("a".into())],
            };
            drop(
                handles.sql["default"]
                    .query(statement)
                    .await
                    .expect("it answers"),
            );
        }
        "blobs" => drop(
            handles.blobs["default"]
                .head(place())
                .await
                .expect("it answers"),
        ),
        "identity" => drop(
            handles.identity["default"]
                .public_keys()
                .expect("it answers"),
        ),
        "variables" => drop(handles.variables.get("a").expect("it is there")),
        _ => {}
    }
}
