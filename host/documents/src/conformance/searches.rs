//! What text search finds, and in which order.

use serde_json::json;

use super::*;
use crate::{Bucket, Facet};

fn search(text: &str) -> Query {
    Query {
        search: Some(text.into()),
        ..query(Filter::default())
    }
}

async fn found(store: &Arc<dyn Store>, text: &str) -> Vec<String> {
    let ids = walk(store, INDEXED, search(text)).await;
    let count = store
        .count(INDEXED.into(), Filter::default(), Some(text.into()))
        .await;
    assert_eq!(count, Ok(ids.len() as u64), "{text}");
    ids
}

async fn shop(store: &Arc<dyn Store>) {
    let bodies = [
        (
            "boots",
            json!({ "title": "Hiking Boots", "price": 90, "tags": ["outdoor"] }),
        ),
        (
            "sandals",
            json!({ "title": "Hiking Sandals", "price": 40, "tags": ["outdoor", "summer"] }),
        ),
        (
            "rubber",
            json!({ "title": "Rubber boots", "price": 20, "about": "For rain, not for hiking." }),
        ),
        ("creme", json!({ "title": "Crème Brûlée", "price": 5 })),
    ];
    fill(store, INDEXED, &bodies).await;
}

pub(super) async fn every_word_is_needed(store: Arc<dyn Store>) {
    shop(&store).await;
    let mut both = found(&store, "boots hiking").await;
    both.sort_unstable();
    assert_eq!(both, ["boots", "rubber"]);
    assert_eq!(found(&store, "hiking boots summer").await, [""; 0]);
    assert_eq!(found(&store, "nothing").await, [""; 0]);
    assert_eq!(
        found(&store, " … ").await.len(),
        4,
        "without words, all are found"
    );
}

pub(super) async fn one_letter_may_be_wrong(store: Arc<dyn Store>) {
    shop(&store).await;
    for typo in [
        "hikng boots",
        "hikking boots",
        "hiling boots",
        "ihking boots",
        "hiking boost",
    ] {
        assert_eq!(found(&store, typo).await[0], "boots", "{typo}");
    }
    assert_eq!(
        found(&store, "hkng boots").await,
        [""; 0],
        "two letters are too many"
    );
    fill(&store, INDEXED, &[("red", json!({ "title": "red 2024" }))]).await;
    assert_eq!(
        found(&store, "rad x").await,
        [""; 0],
        "short words have to be right"
    );
    assert_eq!(found(&store, "2023").await, [""; 0], "and so do numbers");
}

pub(super) async fn the_last_word_may_be_a_start(store: Arc<dyn Store>) {
    shop(&store).await;
    assert_eq!(found(&store, "hiking sand").await, ["sandals"]);
    assert_eq!(found(&store, "sand hiking").await, [""; 0]);
    assert_eq!(found(&store, "s").await.len(), 1);
}

pub(super) async fn accents_and_case_do_not_matter(store: Arc<dyn Store>) {
    shop(&store).await;
    for text in ["creme brulee", "CRÈME BRÛLÉE", "cre\u{300}me", "bru"] {
        assert_eq!(found(&store, text).await, ["creme"], "{text}");
    }
}

pub(super) async fn better_meetings_come_first(store: Arc<dyn Store>) {
    let bodies = [
        ("a-near", json!({ "title": "boats" })),
        ("b-start", json!({ "title": "bootstrap" })),
        ("c-about", json!({ "title": "other", "about": "boots" })),
        ("d-title", json!({ "title": "boots" })),
        ("e-title", json!({ "title": "boots" })),
    ];
    fill(&store, INDEXED, &bodies).await;
    let ids = found(&store, "boots").await;
    assert_eq!(
        ids[..2],
        ["d-title", "e-title"],
        "ties are broken by the id"
    );
    assert_eq!(ids.len(), 5);
    let place = |id: &str| ids.iter().position(|found| found == id);
    assert!(place("b-start") < place("a-near"));
}

pub(super) async fn the_index_follows_the_documents(store: Arc<dyn Store>) {
    shop(&store).await;
    fill(
        &store,
        INDEXED,
        &[("boots", json!({ "title": "Slippers" }))],
    )
    .await;
    assert_eq!(found(&store, "boots").await, ["rubber"]);
    assert_eq!(found(&store, "slippers").await, ["boots"]);
    let rename = Operator::Set {
        path: "title".into(),
        value: "\"Wellingtons\"".into(),
    };
    let change = update(equal("_id", text("rubber")), vec![rename]);
    let changed = store.find_and_update(INDEXED.into(), change).await;
    assert!(changed.is_ok_and(|changed| changed.is_some()));
    assert_eq!(found(&store, "boots").await, [""; 0]);
    assert_eq!(found(&store, "wellingtons rain").await, ["rubber"]);
    let all = store.delete_matching(INDEXED.into(), Filter::default(), 10);
    assert_eq!(all.await, Ok(4));
    for text in ["hiking", "slippers", "wellingtons"] {
        assert_eq!(found(&store, text).await, [""; 0], "{text}");
    }
    shop(&store).await;
    assert_eq!(found(&store, "brulee").await, ["creme"]);
}

pub(super) async fn a_search_joins_filters_sorts_and_facets(store: Arc<dyn Store>) {
    shop(&store).await;
    let sort = vec![order("price", Direction::Descending)];
    let by_price = Query {
        limit: 1,
        sort,
        ..search("hiking")
    };
    let ids = walk(&store, INDEXED, by_price.clone()).await;
    assert_eq!(ids, ["boots", "sandals", "rubber"]);
    let cheap = compare("price", Comparison::Less, Scalar::Integer(50));
    for query in [by_price, search("hiking")] {
        let query = Query {
            filter: cheap.clone(),
            ..query
        };
        let mut ids = walk(&store, INDEXED, query).await;
        ids.sort_unstable();
        assert_eq!(ids, ["rubber", "sandals"]);
    }
    let words = Some("hiking".to_owned());
    let count = store.count(INDEXED.into(), cheap.clone(), words.clone());
    assert_eq!(count.await, Ok(2));
    let facet = |path: &str| Facet {
        path: path.into(),
        limit: 9,
    };
    let facets = vec![facet("tags"), facet("price")];
    let buckets = store.facets(INDEXED.into(), cheap, words, facets).await;
    let bucket = |value: Scalar| Bucket { value, count: 1 };
    let expected = vec![
        vec![bucket(text("outdoor")), bucket(text("summer"))],
        vec![bucket(Scalar::Integer(20)), bucket(Scalar::Integer(40))],
    ];
    assert_eq!(buckets, Ok(expected));
}

pub(super) async fn ranks_are_paged(store: Arc<dyn Store>) {
    let title = |number: usize| match number % 3 {
        0 => "boots",
        1 => "bootstrap",
        _ => "rubber boots",
    };
    let writes = (0..50).map(|number| {
        let body = json!({ "title": title(number), "price": number });
        write(&format!("{number:02}"), body)
    });
    for outcome in put(&store, INDEXED, writes.collect()).await {
        outcome.expect("the document is good");
    }
    let whole = walk(&store, INDEXED, search("boots")).await;
    assert_eq!(whole.len(), 50);
    for limit in [1, 7, 49] {
        let query = Query {
            limit,
            ..search("boots")
        };
        assert_eq!(walk(&store, INDEXED, query).await, whole, "by {limit}");
    }
}

pub(super) async fn what_is_not_searched_is_refused(store: Arc<dyn Store>) {
    fill(&store, PLAIN, &[("a", json!({ "title": "boots" }))]).await;
    let outcome = store.find(PLAIN.into(), search("boots")).await;
    assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
    let count = store.count(PLAIN.into(), Filter::default(), Some("boots".into()));
    assert!(matches!(count.await, Err(Error::Invalid(_))));
}
