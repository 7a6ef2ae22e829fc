//! What a component has no right to, and what is wrong in itself.

use super::*;
use crate::blob::{OPEN_MAX, Range};

fn denied<T: std::fmt::Debug>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Denied(_)))
}

/// A writer cannot be shown.
fn begun<D: Database>(store: &Store<D>, place: Place) -> Result<(), Error> {
    store.put(place, options()).map(drop)
}

fn got<D: Database>(store: &Store<D>, place: &Place) -> Result<(), Error> {
    store.get(place, Part::default()).map(drop)
}

fn all() -> Range {
    Range {
        prefix: String::new(),
        after: None,
        limit: 1000,
    }
}

#[test]
fn what_is_not_declared_does_not_exist() {
    let grants = Grants::parse(GRANTS).expect("they are grants");
    let shared = Rc::new(Shared::new(Sqlite::new(), grants));
    let opened = Store::open(shared, "nobody").map(drop);
    assert_eq!(opened, Err(Error::NoSuchStore));
}

#[test]
fn other_containers_are_denied_whether_they_exist_or_not() {
    let database = Sqlite::new();
    let store = open(database.clone());
    stored(&store, "a", b"1");
    let second = r#"{ "media": { "containers": ["second"] } }"#;
    let store = granted(database, second);
    for container in ["first", "third", "", "FIRST", "second/.."] {
        let place = within(container, "a");
        assert!(denied(&begun(&store, place.clone())), "{container}");
        assert!(denied(&got(&store, &place)), "{container}");
        assert!(denied(&store.head(&place)), "{container}");
        assert!(denied(&store.delete(&place)), "{container}");
        assert!(denied(&store.url(&place)), "{container}");
        assert!(denied(&store.list(container, &all())), "{container}");
        let inside = within("second", "a");
        for (from, to) in [(&place, &inside), (&inside, &place)] {
            let copied = store.copy(from, to, &Condition::Always);
            assert!(denied(&copied), "{container}");
        }
    }
}

#[test]
fn what_may_only_be_read_is_not_written() {
    let database = Sqlite::new();
    stored(&open(database.clone()), "a", b"1");
    let grants = r#"{ "media": { "containers": ["first"], "access": "read" } }"#;
    let store = granted(database, grants);
    assert!(denied(&begun(&store, place("a"))));
    assert!(denied(&store.delete(&place("a"))));
    let copied = store.copy(&place("a"), &place("b"), &Condition::Always);
    assert!(denied(&copied));
    assert_eq!(content(&store, "a").as_deref(), Some(&b"1"[..]));
}

#[test]
fn stores_are_apart() {
    let database = Sqlite::new();
    stored(&open(database.clone()), "a", b"1");
    let grants = Grants::parse(GRANTS).expect("they are grants");
    let other = Store::open(Rc::new(Shared::new(database, grants)), "other");
    let other = other.expect("it is granted");
    assert_eq!(other.head(&place("a")), Ok(None));
    assert_eq!(other.delete(&place("a")), Ok(false));
}

#[test]
fn names_that_could_leave_their_place_are_none() {
    let store = open(Sqlite::new());
    for name in ["", "..", "a/../b", "/a", "a//b", "a\\b", "a\0"] {
        let invalid = |outcome: Result<(), Error>| matches!(outcome, Err(Error::Invalid(_)));
        let place = place(name);
        assert!(invalid(begun(&store, place.clone())), "{name:?}");
        assert!(invalid(got(&store, &place)), "{name:?}");
        assert!(invalid(store.head(&place).map(drop)), "{name:?}");
        assert!(invalid(store.delete(&place).map(drop)), "{name:?}");
        assert!(invalid(store.url(&place).map(drop)), "{name:?}");
    }
}

#[test]
fn urls_are_refused() {
    let store = open(Sqlite::new());
    assert_eq!(code(store.url(&place("a"))), "not-portable");
}

#[test]
fn what_is_open_at_once_is_bounded() {
    let store = open(Sqlite::new());
    stored(&store, "a", b"1");
    let readers: Vec<_> = (0..OPEN_MAX)
        .map(|_| store.get(&place("a"), Part::default()))
        .collect();
    assert!(readers.iter().all(Result::is_ok));
    assert_eq!(got(&store, &place("a")), Err(Error::Quota("readers")));
    drop(readers);
    assert_eq!(got(&store, &place("a")), Ok(()));
    let writers: Vec<_> = (0..OPEN_MAX)
        .map(|_| store.put(place("a"), options()))
        .collect();
    assert!(writers.iter().all(Result::is_ok));
    assert_eq!(begun(&store, place("a")), Err(Error::Quota("writers")));
    // One that has ended gives its place back, even if it is still held.
    let first = writers[0].as_ref().map(|writer| writer.finish().is_ok());
    assert!(matches!(first, Ok(true)));
    assert_eq!(begun(&store, place("a")), Ok(()));
}

#[test]
fn pages_are_bounded() {
    let store = open(Sqlite::new());
    for limit in [0, 1001] {
        let listed = store.list("first", &Range { limit, ..all() });
        assert!(matches!(listed, Err(Error::Invalid(_))), "{limit}");
    }
    let prefix = "x".repeat(1025);
    let listed = store.list("first", &Range { prefix, ..all() });
    assert_eq!(listed, Err(Error::TooLarge(1024)));
}
