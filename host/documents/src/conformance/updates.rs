//! Changes of one document in one step.

use serde_json::json;

use super::*;

fn set(path: &str, value: Value) -> Operator {
    let (path, value) = (path.into(), value.to_string());
    Operator::Set { path, value }
}

fn increment(path: &str, by: i64) -> Operator {
    let path = path.into();
    Operator::Increment { path, by }
}

async fn updated(
    store: &Arc<dyn Store>,
    collection: &str,
    update: Update,
) -> Result<Option<Document>, Error> {
    store.find_and_update(collection.into(), update).await
}

pub(super) async fn operators_change_what_they_name(store: Arc<dyn Store>) {
    let before = json!({ "n": 1, "list": [1, 2, { "a": 1 }], "gone": true });
    for collection in BOTH {
        fill(&store, collection, &[("a", before.clone())]).await;
        let pull = Operator::Pull {
            path: "list".into(),
            filter: equal("", Scalar::Integer(2)),
        };
        let push = Operator::Push {
            path: "list".into(),
            value: "\"x\"".into(),
            keep_last: Some(2),
        };
        let operators = vec![
            set("new.deep", json!({ "é": null })),
            Operator::Unset("gone".into()),
            increment("n", i64::MAX - 1),
            increment("made.here", -5),
            pull,
            push,
        ];
        let after = json!({
            "new": { "deep": { "é": null } }, "n": i64::MAX, "made": { "here": -5 },
            "list": [{ "a": 1 }, "x"],
        });
        let was = get(&store, collection, "a").await.expect("it is there");
        let mut update = update(equal("_id", text("a")), operators);
        let answer = updated(&store, collection, update.clone()).await;
        let answer = answer.expect("it fits").expect("it is found");
        assert_ne!(answer.version, was.version);
        assert_eq!(Some(&answer), get(&store, collection, "a").await.as_ref());
        let became: Value = serde_json::from_str(&answer.body).expect("it is JSON");
        assert_eq!(became, after);
        (update.answer, update.operators) = (Moment::Before, vec![set("n", json!(0))]);
        let before = updated(&store, collection, update).await;
        assert_eq!(before, Ok(Some(answer)));
    }
}

pub(super) async fn what_does_not_fit_changes_nothing(store: Arc<dyn Store>) {
    let before = json!({ "n": i64::MAX, "text": "1", "half": 0.5, "price": 1 });
    for collection in BOTH {
        fill(&store, collection, &[("a", before.clone())]).await;
        let operators = [
            increment("n", 1),
            increment("text", 1),
            increment("half", 1),
            set("text.a", json!(1)),
            set("_id", json!("b")),
            Operator::Set {
                path: "a".into(),
                value: "9223372036854775808".into(),
            },
            Operator::Push {
                path: "text".into(),
                value: "1".into(),
                keep_last: None,
            },
        ];
        for operator in operators {
            let both = vec![set("price", json!(2)), operator.clone()];
            let outcome = updated(&store, collection, update(Filter::default(), both)).await;
            assert!(matches!(outcome, Err(Error::Invalid(_))), "{operator:?}");
        }
        assert_eq!(body(&store, collection, "a").await, Some(before.clone()));
        finds(
            &store,
            collection,
            equal("price", Scalar::Integer(1)),
            &["a"],
        )
        .await;
        let nowhere = update(equal("price", Scalar::Integer(2)), Vec::new());
        assert_eq!(updated(&store, collection, nowhere).await, Ok(None));
    }
}

pub(super) async fn the_first_document_is_changed(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "price": 3 })),
        ("b", json!({ "price": 1 })),
        ("c", json!({ "price": 2 })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        for (direction, expected) in [(Direction::Ascending, "b"), (Direction::Descending, "a")] {
            let filter = Filter::Exists {
                path: "done".into(),
                exists: false,
            };
            let update = Update {
                sort: vec![order("price", direction)],
                ..update(filter, vec![set("done", json!(true))])
            };
            let changed = updated(&store, collection, update).await.expect("it fits");
            assert_eq!(
                changed.map(|document| document.id).as_deref(),
                Some(expected)
            );
        }
    }
}

pub(super) async fn an_update_cannot_outgrow_a_document(store: Arc<dyn Store>) {
    fill(&store, PLAIN, &[("a", json!({ "a": "x".repeat(90) }))]).await;
    let grow = Update {
        document_bytes_max: 150,
        ..update(Filter::default(), vec![set("b", json!("y".repeat(90)))])
    };
    let outcome = updated(&store, PLAIN, grow).await;
    assert_eq!(outcome, Err(Error::TooLarge { limit: 150 }));
    let largest = set("b", json!("y".repeat(DOCUMENT_BYTES_MAX)));
    let outcome = updated(&store, PLAIN, update(Filter::default(), vec![largest])).await;
    let limit = DOCUMENT_BYTES_MAX;
    assert_eq!(outcome, Err(Error::TooLarge { limit }));
}

pub(super) async fn an_update_keeps_unique_values_apart(store: Arc<dyn Store>) {
    let bodies = [("a", json!({ "sku": "1" })), ("b", json!({ "sku": "2" }))];
    fill(&store, INDEXED, &bodies).await;
    let take = |sku: &str| update(equal("_id", text("b")), vec![set("sku", json!(sku))]);
    let outcome = updated(&store, INDEXED, take("1")).await;
    assert_eq!(outcome, Err(Error::Conflict("sku".into())));
    assert!(updated(&store, INDEXED, take("2")).await.is_ok());
    finds(&store, INDEXED, equal("sku", text("2")), &["b"]).await;
}

pub(super) async fn the_last_pieces_are_taken_once(store: Arc<dyn Store>) {
    for collection in BOTH {
        fill(&store, collection, &[("a", json!({ "price": 50 }))]).await;
        let is_left = compare("price", Comparison::Greater, Scalar::Integer(0));
        let take = update(
            Filter::All(vec![equal("_id", text("a")), is_left]),
            vec![increment("price", -1)],
        );
        let takers = (0..200).map(|_| {
            let (store, take) = (Arc::clone(&store), take.clone());
            tokio::spawn(async move { updated(&store, collection, take).await })
        });
        let takers: Vec<_> = takers.collect();
        let mut taken = 0;
        for taker in takers {
            let outcome = taker.await.expect("a taker does not panic");
            taken += usize::from(outcome.expect("it can be tried").is_some());
        }
        assert_eq!(taken, 50, "{collection}");
        let left = body(&store, collection, "a").await;
        assert_eq!(left, Some(json!({ "price": 0 })));
    }
}
