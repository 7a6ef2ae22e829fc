//! What is declared while a store is in use.

use serde_json::json;

use super::*;

fn index(path: &str, unique: bool) -> Index {
    Index {
        paths: vec![path.into()],
        unique,
        each: false,
    }
}

fn one(collection: &str, declared: Collection) -> BTreeMap<String, Collection> {
    BTreeMap::from([(collection.to_owned(), declared)])
}

fn with_index(name: &str, index: Index) -> Collection {
    Collection {
        indexes: [(name.to_owned(), index)].into(),
        ..Collection::default()
    }
}

fn searching(fields: &[(&str, u32)]) -> Collection {
    let fields = fields.iter();
    Collection {
        search: fields
            .map(|(path, weight)| ((*path).to_owned(), *weight))
            .collect(),
        ..Collection::default()
    }
}

async fn found(store: &Arc<dyn Store>, collection: &str, word: &str) -> Result<u64, Error> {
    let search = Some(word.to_owned());
    let all = Filter::default();
    store.count(collection.into(), all, search).await
}

pub(super) async fn what_nobody_declared_cannot_be_used(store: Arc<dyn Store>) {
    let all = Filter::default();
    let counted = store.count("others".into(), all.clone(), None).await;
    assert!(matches!(counted, Err(Error::Denied(_))), "{counted:?}");
    let written = store
        .put("others".into(), vec![write("a", json!({}))])
        .await;
    assert!(matches!(written, Err(Error::Denied(_))), "{written:?}");
    assert!(!store.declared().contains_key("others"));
}

pub(super) async fn a_different_declaration_is_refused_whole(store: Arc<dyn Store>) {
    let before = store.declared();
    let heavier = searching(&[("title", 11)]);
    let other_paths = with_index("price", index("cost", false));
    let other_kind = with_index("price", index("price", true));
    for (declared, word) in [
        (heavier, "title"),
        (other_paths, "price"),
        (other_kind, "price"),
    ] {
        let mut collections = one("another", Collection::default());
        collections.insert(INDEXED.into(), declared);
        collections.insert(PLAIN.into(), with_index("n", index("n", false)));
        let outcome = store.declare(collections).await;
        let Err(DeclareError::Differs { collection, what }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(collection, INDEXED);
        assert!(what.contains(word), "{what}");
        assert_eq!(store.declared(), before);
    }
}

pub(super) async fn a_unique_index_over_shared_values_is_refused(store: Arc<dyn Store>) {
    let shared = [("a", json!({ "n": 1 })), ("b", json!({ "n": 1 }))];
    fill(&store, PLAIN, &shared).await;
    let before = store.declared();
    let mut collections = one(PLAIN, with_index("one", index("n", true)));
    collections.insert(INDEXED.into(), with_index("size", index("size", false)));
    let outcome = store.declare(collections).await;
    let Err(DeclareError::NotUnique { collection, index }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((collection.as_str(), index.as_str()), (PLAIN, "one"));
    assert_eq!(store.declared(), before);
    fill(&store, PLAIN, &[("c", json!({ "n": 1 }))]).await;
    fill(&store, INDEXED, &[("a", json!({ "size": 1, "price": 2 }))]).await;
    let one = || equal("n", Scalar::Integer(1));
    finds(&store, PLAIN, one(), &["a", "b", "c"]).await;
    finds(&store, INDEXED, equal("size", Scalar::Integer(1)), &["a"]).await;
    finds(&store, INDEXED, equal("price", Scalar::Integer(2)), &["a"]).await;
}

pub(super) async fn a_collection_may_come_later(store: Arc<dyn Store>) {
    let declared = with_index("n", index("n", true));
    let outcome = store.declare(one("later", declared.clone())).await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(store.declared().get("later"), Some(&declared));
    assert_eq!(store.declared().len(), 3);
    fill(&store, "later", &[("a", json!({ "n": 1 }))]).await;
    let taken = put(&store, "later", vec![write("b", json!({ "n": 1 }))]).await;
    assert_eq!(taken, [Err(Error::Conflict("n".into()))]);
}

pub(super) async fn an_index_may_come_later(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "n": 1, "sizes": [1, 2] })),
        ("b", json!({ "n": 2, "sizes": [2] })),
        ("c", json!({ "n": [2, 3] })),
        ("d", json!({ "n": null })),
    ];
    fill(&store, PLAIN, &bodies).await;
    let mut declared = with_index("n", index("n", true));
    let each = Index {
        each: true,
        ..index("sizes", false)
    };
    declared.indexes.insert("sizes".into(), each);
    assert_eq!(store.declare(one(PLAIN, declared.clone())).await, Ok(()));
    assert_eq!(store.declared().get(PLAIN), Some(&declared));
    assert_eq!(store.declared().len(), 2);
    let two = || Scalar::Integer(2);
    finds(&store, PLAIN, equal("n", two()), &["b", "c"]).await;
    finds(&store, PLAIN, equal("sizes", two()), &["a", "b"]).await;
    finds(&store, PLAIN, equal("n", Scalar::Null), &["d"]).await;
    let taken = put(&store, PLAIN, vec![write("e", json!({ "n": 1 }))]).await;
    assert_eq!(taken, [Err(Error::Conflict("n".into()))]);
    fill(&store, PLAIN, &[("a", json!({ "sizes": [3] }))]).await;
    finds(&store, PLAIN, equal("sizes", two()), &["b"]).await;
}

pub(super) async fn searched_fields_may_come_later(store: Arc<dyn Store>) {
    let body = json!({ "title": "red boots", "notes": "made in town" });
    for collection in BOTH {
        fill(&store, collection, &[("a", body.clone())]).await;
        let declared = one(collection, searching(&[("notes", 2)]));
        assert_eq!(store.declare(declared).await, Ok(()), "{collection}");
        assert_eq!(found(&store, collection, "town").await, Ok(1));
        fill(&store, collection, &[("a", json!({ "notes": "city" }))]).await;
        assert_eq!(found(&store, collection, "town").await, Ok(0));
        assert_eq!(found(&store, collection, "city").await, Ok(1));
    }
    let declared = store.declared();
    assert_eq!(declared[PLAIN].search, [("notes".to_owned(), 2)].into());
    assert_eq!(declared[INDEXED].search.len(), 4);
}

pub(super) async fn the_same_again_changes_nothing(store: Arc<dyn Store>) {
    fill(
        &store,
        INDEXED,
        &[("a", json!({ "title": "boots", "price": 1 }))],
    )
    .await;
    assert_eq!(store.declare(collections()).await, Ok(()));
    assert_eq!(store.declare(BTreeMap::new()).await, Ok(()));
    assert_eq!(store.declared(), collections());
    assert_eq!(found(&store, INDEXED, "boots").await, Ok(1));
    finds(&store, INDEXED, equal("price", Scalar::Integer(1)), &["a"]).await;
}
