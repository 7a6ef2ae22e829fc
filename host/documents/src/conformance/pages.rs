//! Sorts, cursors, projections and facets.

use serde_json::json;

use super::*;
use crate::{Bucket, Facet};

const UP: Direction = Direction::Ascending;
const DOWN: Direction = Direction::Descending;

fn sorted(sort: &[(&str, Direction)]) -> Query {
    let sort = sort.iter().map(|(path, direction)| order(path, *direction));
    Query {
        sort: sort.collect(),
        ..query(Filter::default())
    }
}

/// Paths and their directions.
type Sort<'a> = &'a [(&'a str, Direction)];

pub(super) async fn sorts_go_both_ways_and_ties_by_id(store: Arc<dyn Store>) {
    let body = |category: &str, price: i64| json!({ "category": category, "price": price });
    let bodies = [
        ("e", body("x", 1)),
        ("d", body("y", 2)),
        ("c", body("x", 2)),
        ("b", body("y", 1)),
        ("a", body("x", 1)),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        let cases: [(Sort<'_>, [&str; 5]); 6] = [
            (&[], ["a", "b", "c", "d", "e"]),
            (&[("price", UP)], ["a", "b", "e", "c", "d"]),
            (&[("price", DOWN)], ["c", "d", "a", "b", "e"]),
            (
                &[("category", UP), ("price", UP)],
                ["a", "e", "c", "b", "d"],
            ),
            (
                &[("category", DOWN), ("price", UP)],
                ["b", "d", "a", "e", "c"],
            ),
            (&[("_id", DOWN)], ["e", "d", "c", "b", "a"]),
        ];
        for (sort, expected) in cases {
            for limit in [1, 2, 1000] {
                let query = Query {
                    limit,
                    ..sorted(sort)
                };
                let ids = walk(&store, collection, query).await;
                assert_eq!(ids, expected, "{collection}: {sort:?} by {limit}");
            }
        }
    }
}

pub(super) async fn kinds_come_in_their_order(store: Arc<dyn Store>) {
    let values = [
        ("g", json!(false)),
        ("f", json!(true)),
        ("e", json!(-1e300)),
        ("d", json!(i64::MAX)),
        ("c", json!("A")),
        ("b", json!("é")),
    ];
    let mut bodies = vec![("i", json!({})), ("h", json!({ "price": null }))];
    bodies.extend(values.map(|(id, value)| (id, json!({ "price": value }))));
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        for limit in [1, 1000] {
            let up = Query {
                limit,
                ..sorted(&[("price", UP)])
            };
            let ids = walk(&store, collection, up).await;
            assert_eq!(
                ids,
                ["h", "i", "g", "f", "e", "d", "c", "b"],
                "{collection}"
            );
            let down = Query {
                limit,
                ..sorted(&[("price", DOWN)])
            };
            let ids = walk(&store, collection, down).await;
            assert_eq!(
                ids,
                ["b", "c", "d", "e", "f", "g", "h", "i"],
                "{collection}"
            );
        }
    }
}

/// What it holds is bounded: one page.
pub(super) async fn cursors_show_every_document_once(store: Arc<dyn Store>) {
    let count = 100_000;
    for start in (0..count).step_by(500) {
        let numbers = start..count.min(start + 500);
        let body = |number: usize| json!({ "price": number % 7, "title": "boots" });
        let writes = numbers.map(|number| write(&format!("{number:08}"), body(number)));
        for outcome in put(&store, INDEXED, writes.collect()).await {
            outcome.expect("the document is good");
        }
    }
    for sort in [vec![], vec![("price", UP)], vec![("price", DOWN)]] {
        let mut query = Query {
            limit: 777,
            fields: Some(vec!["price".into()]),
            ..sorted(&sort)
        };
        let (mut seen, mut last) = (0, None);
        loop {
            let page = page(&store, INDEXED, query.clone()).await;
            for document in &page.documents {
                let at = place(document, &sort);
                assert!(last.as_ref() < Some(&at), "{last:?} comes before {at:?}");
                last = Some(at);
            }
            seen += page.documents.len();
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, count, "{sort:?}");
    }
}

/// Where a document belongs in a sort.
fn place(document: &Document, sort: &[(&str, Direction)]) -> (i64, String) {
    let body: Value = serde_json::from_str(&document.body).expect("it is JSON");
    let price = body["price"].as_i64().expect("it has a price");
    let key = match sort {
        [] => 0,
        [(_, Direction::Ascending), ..] => price,
        [(_, Direction::Descending), ..] => -price,
    };
    (key, document.id.clone())
}

pub(super) async fn cursors_of_other_queries_are_refused(store: Arc<dyn Store>) {
    fill(&store, INDEXED, &[("a", json!({})), ("b", json!({}))]).await;
    let first = Query {
        limit: 1,
        ..sorted(&[("price", UP)])
    };
    let next = page(&store, INDEXED, first.clone()).await.next;
    assert!(next.is_some());
    let others = [
        sorted(&[("price", DOWN)]),
        sorted(&[]),
        Query {
            filter: Filter::Any(Vec::new()),
            ..first.clone()
        },
        Query {
            search: Some("x".into()),
            ..first.clone()
        },
    ];
    for other in others {
        let after = next.clone();
        let outcome = store.find(INDEXED.into(), Query { after, ..other }).await;
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
    }
    for wrong in ["", "zz", "00"] {
        let after = Some(wrong.to_owned());
        let wrong = Query {
            after,
            ..first.clone()
        };
        let outcome = store.find(INDEXED.into(), wrong).await;
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
    }
}

pub(super) async fn pages_of_large_documents_are_cut(store: Arc<dyn Store>) {
    let large = json!({ "a": "x".repeat(DOCUMENT_BYTES_MAX - 100), "b": 1 });
    let bodies = ["a", "b", "c"].map(|id| (id, large.clone()));
    fill(&store, PLAIN, &bodies).await;
    let cut = page(&store, PLAIN, sorted(&[])).await;
    assert!(cut.documents.len() < 3, "a page is bounded in bytes");
    assert!(cut.next.is_some());
    assert_eq!(walk(&store, PLAIN, sorted(&[])).await, ["a", "b", "c"]);
    let small = Query {
        fields: Some(vec!["b".into()]),
        ..sorted(&[])
    };
    let whole = page(&store, PLAIN, small).await;
    assert_eq!((whole.documents.len(), whole.next), (3, None));
}

pub(super) async fn fields_are_projected(store: Arc<dyn Store>) {
    let body = json!({ "a": { "b": 1, "c": 2 }, "d": [1], "e": 3 });
    fill(&store, PLAIN, &[("a", body)]).await;
    let query = Query {
        fields: Some(["a.b", "d", "none"].map(String::from).to_vec()),
        ..sorted(&[])
    };
    let page = page(&store, PLAIN, query).await;
    let shown: Value = serde_json::from_str(&page.documents[0].body).expect("it is JSON");
    assert_eq!(shown, json!({ "a": { "b": 1 }, "d": [1] }));
}

async fn facet(
    store: &Arc<dyn Store>,
    collection: &str,
    filter: Filter,
    path: &str,
    limit: usize,
) -> Vec<Bucket> {
    let path = path.into();
    let facets = vec![Facet { path, limit }];
    let outcome = store.facets(collection.into(), filter, None, facets).await;
    outcome.expect("they can be counted").remove(0)
}

fn bucket(value: Scalar, count: u64) -> Bucket {
    Bucket { value, count }
}

pub(super) async fn facets_count_values(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "price": 1, "tags": ["x", "y", "y"] })),
        ("b", json!({ "price": 1.0, "tags": "x" })),
        ("c", json!({ "price": "1", "tags": [] })),
        ("d", json!({ "price": null, "tags": [null, {}, 0.5] })),
        ("e", json!({ "price": {} })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        let all = Filter::default;
        let prices = facet(&store, collection, all(), "price", 10).await;
        let expected = [
            bucket(Scalar::Integer(1), 2),
            bucket(Scalar::Null, 1),
            bucket(text("1"), 1),
        ];
        assert_eq!(prices, expected, "{collection}");
        let tags = facet(&store, collection, all(), "tags", 10).await;
        let expected = [
            bucket(text("x"), 2),
            bucket(text("y"), 2),
            bucket(Scalar::Null, 1),
            bucket(Scalar::Number(0.5), 1),
        ];
        assert_eq!(tags, expected, "{collection}");
        fill(&store, collection, &[("f", json!({ "price": [1, 2] }))]).await;
        let prices = facet(&store, collection, all(), "price", 2).await;
        let expected = [bucket(Scalar::Integer(1), 3), bucket(Scalar::Null, 1)];
        assert_eq!(prices, expected, "{collection}");
    }
}

pub(super) async fn facets_keep_to_filter_and_limit(store: Arc<dyn Store>) {
    let body = |category: &str, tag: &str| json!({ "category": category, "tags": [tag] });
    let bodies = [
        ("a", body("x", "red")),
        ("b", body("x", "red")),
        ("c", body("y", "red")),
        ("d", body("x", "blue")),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        let x = || equal("category", text("x"));
        let tags = facet(&store, collection, x(), "tags", 1).await;
        assert_eq!(tags, [bucket(text("red"), 2)], "{collection}");
        let red = equal("tags", text("red"));
        let categories = facet(&store, collection, red, "category", 9).await;
        let expected = [bucket(text("x"), 2), bucket(text("y"), 1)];
        assert_eq!(categories, expected, "{collection}");
        assert_eq!(facet(&store, collection, x(), "none", 9).await, []);
    }
}
