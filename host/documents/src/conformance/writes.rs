//! Documents that come, stay and go.

use serde_json::json;

use super::*;
use crate::CALL_BYTES_MAX;

fn conditional(id: &str, precondition: Precondition) -> Write {
    Write {
        precondition,
        ..write(id, json!({}))
    }
}

pub(super) async fn what_is_no_document_is_refused_by_itself(store: Arc<dyn Store>) {
    let bodies = [
        "",
        "1",
        "[]",
        "{",
        "{\"a\":9223372036854775808}",
        "{\"_id\":\"a\"}",
    ];
    let raw = |(at, body): (usize, &str)| Write {
        body: body.into(),
        ..write(&format!("bad{at}"), json!({}))
    };
    let mut writes: Vec<_> = bodies.into_iter().enumerate().map(raw).collect();
    writes.push(write("good", json!({})));
    let outcomes = put(&store, INDEXED, writes).await;
    let (good, bad) = outcomes.split_last().expect("there is one for each");
    assert!(good.is_ok());
    for (outcome, body) in bad.iter().zip(bodies) {
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{body:?}");
    }
    finds(&store, INDEXED, Filter::default(), &["good"]).await;
}

pub(super) async fn missing_documents_are_none(store: Arc<dyn Store>) {
    fill(&store, PLAIN, &[("a", json!({})), ("c", json!({}))]).await;
    let ids = ["c", "b", "a", "c"].map(String::from).to_vec();
    let found = store
        .get(PLAIN.into(), ids)
        .await
        .expect("they can be read");
    let found = found
        .iter()
        .map(|document| document.as_ref().map(|found| found.id.as_str()));
    let expected = [Some("c"), None, Some("a"), Some("c")];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(
        get(&store, INDEXED, "a").await,
        None,
        "collections are apart"
    );
}

pub(super) async fn bodies_come_back_as_they_were(store: Arc<dyn Store>) {
    let written = json!({
        "null": null, "no": false, "max": i64::MAX, "min": i64::MIN, "half": 0.5, "tiny": 5e-324,
        "tenth": 0.1, "decimal": "12345678901234567890.00000000000000000001",
        "time": "2026-02-28T23:59:59.999999999Z", "text": "é\u{0}🗝️\"\\\n", "": { "a.b": [1, [], {}] },
    });
    fill(&store, INDEXED, &[("a", written.clone())]).await;
    assert_eq!(body(&store, INDEXED, "a").await, Some(written));
}

pub(super) async fn ids_are_any_unicode(store: Arc<dyn Store>) {
    let ids = [
        "%_",
        "'; DROP TABLE documents; --",
        "$where",
        "a/b?c#d",
        "line\nbreak",
        "nul\0inside",
        "ключ",
        "🗝️",
    ];
    let mut sorted = ids;
    sorted.sort_unstable();
    for collection in BOTH {
        let bodies = ids.map(|id| (id, json!({ "title": id })));
        fill(&store, collection, &bodies).await;
        finds(&store, collection, Filter::default(), &sorted).await;
        for id in ids {
            let read = body(&store, collection, id).await;
            assert_eq!(read, Some(json!({ "title": id })), "{id:?}");
            finds(&store, collection, equal("_id", text(id)), &[id]).await;
        }
    }
}

pub(super) async fn documents_of_the_largest_size_are_kept(store: Arc<dyn Store>) {
    let around = json!({ "about": "" }).to_string().len();
    let largest = json!({ "about": "w ".repeat((DOCUMENT_BYTES_MAX - around) / 2) });
    fill(&store, INDEXED, &[("a", largest.clone())]).await;
    assert!(body(&store, INDEXED, "a").await == Some(largest));
    let title = json!({ "title": "x".repeat(DOCUMENT_BYTES_MAX - around) });
    fill(&store, INDEXED, &[("a", title.clone())]).await;
    assert!(body(&store, INDEXED, "a").await == Some(title));
}

pub(super) async fn documents_together_over_the_limit_are_refused(store: Arc<dyn Store>) {
    let large = json!({ "a": "x".repeat(DOCUMENT_BYTES_MAX - 100) });
    fill(&store, PLAIN, &[("a", large)]).await;
    let outcome = store.get(PLAIN.into(), vec!["a".into(); 20]).await;
    let limit = CALL_BYTES_MAX;
    assert!(matches!(outcome, Err(Error::TooLarge { limit: told }) if told == limit));
}

pub(super) async fn preconditions_are_held(store: Arc<dyn Store>) {
    let conflict = |id: &str| Err(Error::Conflict(id.to_owned()));
    let first = vec![
        conditional("a", Precondition::Present),
        conditional("a", Precondition::Version(1)),
        conditional("a", Precondition::Absent),
        conditional("a", Precondition::Absent),
        conditional("a", Precondition::Present),
    ];
    let outcomes = put(&store, PLAIN, first).await;
    assert_eq!(outcomes[..2], [conflict("a"), conflict("a")]);
    assert_eq!(outcomes[3], conflict("a"));
    let (created, changed) = (outcomes[2].clone(), outcomes[4].clone());
    let (created, changed) = (
        created.expect("it was absent"),
        changed.expect("it is there"),
    );
    let second = vec![
        conditional("a", Precondition::Version(created)),
        conditional("a", Precondition::Version(changed)),
    ];
    let outcomes = put(&store, PLAIN, second).await;
    assert_eq!(outcomes[0], conflict("a"));
    assert!(outcomes[1].is_ok());
}

pub(super) async fn a_version_never_comes_again(store: Arc<dyn Store>) {
    let mut versions = Vec::new();
    for _ in 0..3 {
        let outcomes = put(
            &store,
            PLAIN,
            vec![write("a", json!({})), write("a", json!({}))],
        )
        .await;
        versions.extend(
            outcomes
                .into_iter()
                .map(|outcome| outcome.expect("it is good")),
        );
        let read = get(&store, PLAIN, "a").await.expect("it is there");
        assert_eq!(Some(&read.version), versions.last());
        let gone = store.delete(PLAIN.into(), "a".into(), Precondition::Always);
        assert_eq!(gone.await, Ok(true));
    }
    let count = versions.len();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), count);
}

pub(super) async fn of_two_writers_on_one_version_one_wins(store: Arc<dyn Store>) {
    let version = put(&store, PLAIN, vec![write("a", json!({}))])
        .await
        .remove(0);
    let version = version.expect("it is good");
    let attempt = || {
        let store = Arc::clone(&store);
        let write = conditional("a", Precondition::Version(version));
        tokio::spawn(async move { put(&store, PLAIN, vec![write]).await.remove(0) })
    };
    let attempts: Vec<_> = (0..16).map(|_| attempt()).collect();
    let mut won = 0;
    for attempt in attempts {
        match attempt.await.expect("a writer does not panic") {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error, Error::Conflict("a".into())),
        }
    }
    assert_eq!(won, 1);
}

pub(super) async fn a_unique_value_is_taken_once(store: Arc<dyn Store>) {
    let sku = |id: &str, sku: &str| write(id, json!({ "sku": sku }));
    let writes = vec![sku("a", "1"), sku("b", "1"), sku("a", "1"), sku("b", "2")];
    let outcomes = put(&store, INDEXED, writes).await;
    assert_eq!(outcomes[1], Err(Error::Conflict("sku".into())));
    for at in [0, 2, 3] {
        assert!(outcomes[at].is_ok(), "{:?}", outcomes[at]);
    }
    let freed = vec![sku("a", "3"), sku("b", "1"), sku("a", "2"), sku("a", "1")];
    let outcomes = put(&store, INDEXED, freed).await;
    assert!(outcomes[..3].iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(outcomes[3], Err(Error::Conflict("sku".into())));
    finds(&store, INDEXED, equal("sku", text("2")), &["a"]).await;
}

pub(super) async fn unique_indexes_leave_out_what_has_no_value(store: Arc<dyn Store>) {
    let null = json!({ "sku": null });
    let bodies = [
        ("a", json!({})),
        ("b", json!({})),
        ("c", null.clone()),
        ("d", null),
        ("e", json!({ "sku": 1 })),
        ("f", json!({ "sku": true })),
        ("g", json!({ "sku": "1" })),
    ];
    fill(&store, INDEXED, &bodies).await;
    let outcome = put(&store, INDEXED, vec![write("h", json!({ "sku": 1.0 }))]).await;
    assert_eq!(outcome, [Err(Error::Conflict("sku".into()))]);
}

pub(super) async fn deletes_answer_whether_it_was_there(store: Arc<dyn Store>) {
    let delete = |precondition| store.delete(PLAIN.into(), "a".into(), precondition);
    let conflict = Err(Error::Conflict("a".into()));
    assert_eq!(delete(Precondition::Always).await, Ok(false));
    assert_eq!(delete(Precondition::Present).await, conflict);
    fill(&store, PLAIN, &[("a", json!({}))]).await;
    assert_eq!(delete(Precondition::Absent).await, conflict);
    assert_eq!(delete(Precondition::Version(1)).await, conflict);
    let version = get(&store, PLAIN, "a").await.expect("it is there").version;
    assert_eq!(delete(Precondition::Version(version)).await, Ok(true));
    assert_eq!(get(&store, PLAIN, "a").await, None);
}

pub(super) async fn deletes_by_filter_are_bounded(store: Arc<dyn Store>) {
    for collection in BOTH {
        let body = |price: i64| json!({ "price": price, "title": "boots" });
        let bodies = [
            ("a", body(1)),
            ("b", body(2)),
            ("c", body(2)),
            ("d", body(2)),
        ];
        fill(&store, collection, &bodies).await;
        let filter = equal("price", Scalar::Integer(2));
        let delete = |limit| store.delete_matching(collection.into(), filter.clone(), limit);
        assert_eq!(delete(2).await, Ok(2));
        assert_eq!(delete(2).await, Ok(1));
        assert_eq!(delete(2).await, Ok(0));
        finds(&store, collection, Filter::default(), &["a"]).await;
    }
}

pub(super) async fn bytes_are_counted(store: Arc<dyn Store>) {
    let bytes = || store.bytes(BOTH.map(String::from).to_vec());
    assert_eq!(bytes().await, Ok(0));
    let body = json!({ "title": "boots" });
    let size = body.to_string().len() as u64 + 1;
    fill(&store, INDEXED, &[("a", body.clone()), ("b", body.clone())]).await;
    fill(&store, PLAIN, &[("a", body.clone()), ("a", body)]).await;
    assert_eq!(bytes().await, Ok(3 * size));
    assert_eq!(store.bytes(vec![PLAIN.into()]).await, Ok(size));
    let gone = store.delete(INDEXED.into(), "b".into(), Precondition::Always);
    assert_eq!(gone.await, Ok(true));
    assert_eq!(bytes().await, Ok(2 * size));
}
