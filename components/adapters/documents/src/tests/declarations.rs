//! What becomes of a schema that is not the one before.

use serde_json::json;
use stoa_manifest::grants::Access;

use super::*;

#[test]
fn denied_when_it_is_not_declared() {
    let schema = Schema::of(BTreeMap::new());
    let shared = Rc::new(Shared::new(Sqlite::new(), schema));
    let outcome = Store::open(shared, LABEL.to_owned());
    assert_eq!(outcome.err(), Some(Error::NoSuchStore));
    let store = open(Sqlite::new(), indexed(&[]));
    let outcome = store.count("others", &Filter::default(), None);
    let denied = matches!(
        outcome,
        Err(Error::Documents(stoa_documents::Error::Denied(_)))
    );
    assert!(denied, "{outcome:?}");
}

#[test]
fn denied_to_write_what_may_only_be_read() {
    let grant = Grant {
        access: Access::Read,
        collections: indexed(&[]),
        ..Grant::default()
    };
    let store = granted(Sqlite::new(), grant);
    let denied = |outcome: Result<(), Error>| {
        let Err(Error::Documents(stoa_documents::Error::Denied(why))) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(why.contains("may only be read"), "{why}");
    };
    denied(put(&store, "a", &json!({})).map(drop));
    denied(store.delete(THINGS, "a", Precondition::Always).map(drop));
    denied(
        store
            .delete_matching(THINGS, &Filter::default(), 1)
            .map(drop),
    );
    denied(store.find_and_update(THINGS, first_by("n", "m")).map(drop));
    assert_eq!(store.count(THINGS, &Filter::default(), None), Ok(0));
}

#[test]
fn documents_are_bounded_as_declared() {
    let grant = Grant {
        document_bytes_max: Some(20),
        collections: indexed(&[]),
        ..Grant::default()
    };
    let store = granted(Sqlite::new(), grant);
    let too_large = Err(stoa_documents::Error::TooLarge { limit: 20 }.into());
    let outcome = put(&store, "a", &json!({ "text": "more than 20 bytes" }));
    assert_eq!(outcome, too_large);
    assert!(put(&store, "a", &json!({ "n": 1, "some": 1 })).is_ok());
    let outcome = store.find_and_update(THINGS, first_by("n", "a-long-name"));
    assert_eq!(outcome.map(drop), too_large.map(drop));
}

#[test]
fn an_index_of_another_shape_is_refused() {
    let database = Sqlite::new();
    let before = open(database.clone(), indexed(&[("n", "n", false)]));
    assert!(put(&before, "a", &json!({ "n": 1 })).is_ok());
    for (path, unique) in [("m", false), ("n", true)] {
        let store = open(database.clone(), indexed(&[("n", path, unique)]));
        assert_eq!(
            code(put(&store, "b", &json!({}))),
            "declared-otherwise",
            "{path}"
        );
    }
    let same = open(database, indexed(&[("n", "n", false)]));
    assert!(put(&same, "b", &json!({})).is_ok());
}

#[test]
fn an_index_that_is_no_longer_declared_is_refused_only_where_it_refuses_itself() {
    let database = Sqlite::new();
    let before = indexed(&[("n", "n", false), ("sku", "sku", true)]);
    assert!(put(&open(database.clone(), before), "a", &json!({})).is_ok());
    let unique_gone = open(database.clone(), indexed(&[("n", "n", false)]));
    let outcome = put(&unique_gone, "b", &json!({}));
    let Err(Error::Other { code, message }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(code, "declared-otherwise");
    // What the message says helps.
    let (_, help) = message.split_once('`').expect("it quotes");
    let help = help.split('`').find(|part| part.starts_with("drop"));
    let helped = database.run(help.expect("it says how"), Vec::new());
    assert!(helped.is_ok());
    let store = open(database, indexed(&[]));
    assert!(put(&store, "b", &json!({})).is_ok());
}

#[test]
fn a_unique_index_over_shared_values_is_refused() {
    let database = Sqlite::new();
    let before = open(database.clone(), indexed(&[]));
    for id in ["a", "b"] {
        assert!(put(&before, id, &json!({ "n": 1 })).is_ok());
    }
    let store = open(database.clone(), indexed(&[("n", "n", true)]));
    assert_eq!(code(put(&store, "c", &json!({}))), "not-unique");
    assert!(put(&before, "b", &json!({ "n": 2 })).is_ok());
    assert!(put(&store, "c", &json!({})).is_ok());
    let taken = put(&store, "d", &json!({ "n": 1 }));
    assert_eq!(
        taken,
        Err(stoa_documents::Error::Conflict("n".into()).into())
    );
}

/// The index is SQLite's own: it holds whoever writes, and whatever that one knows of it.
#[test]
fn an_index_that_comes_later_holds_what_is_there() {
    let database = Sqlite::new();
    let before = open(database.clone(), indexed(&[]));
    assert!(put(&before, "a", &json!({ "sku": "1" })).is_ok());
    let after = open(database, indexed(&[("sku", "sku", true)]));
    let taken = put(&after, "b", &json!({ "sku": "1" }));
    assert_eq!(
        taken,
        Err(stoa_documents::Error::Conflict("sku".into()).into())
    );
}

#[test]
fn what_sqlite_may_not_tell_apart_is_refused_in_a_unique_index() {
    let store = open(Sqlite::new(), indexed(&[("n", "n", true)]));
    for value in [
        json!(0.5),
        json!(1e300),
        json!(9_007_199_254_740_992.0),
        json!("a\0b"),
    ] {
        let outcome = put(&store, "a", &json!({ "n": value }));
        assert_eq!(code(outcome), "not-portable", "{value}");
    }
    let long = "x".repeat(1025);
    let outcome = put(&store, "a", &json!({ "n": long }));
    let invalid = matches!(
        outcome,
        Err(Error::Documents(stoa_documents::Error::Invalid(_)))
    );
    assert!(invalid, "{outcome:?}");
    assert_eq!(store.count(THINGS, &Filter::default(), None), Ok(0));
    let exact = [
        json!(i64::MAX),
        json!(i64::MAX - 1),
        json!(9_007_199_254_740_991.0),
        json!("é"),
        json!(true),
        json!([0.5]),
        json!([0.5]),
    ];
    for (number, value) in exact.iter().enumerate() {
        let outcome = put(&store, &number.to_string(), &json!({ "n": value }));
        assert!(outcome.is_ok(), "{value}: {outcome:?}");
    }
}
