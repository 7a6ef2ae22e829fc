//! Listings, copies and deletions.

use super::*;
use crate::blob::Range;

fn names<D: Database>(store: &Store<D>, prefix: &str, limit: u32) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let range = Range {
            prefix: prefix.to_owned(),
            after,
            limit,
        };
        let page = store.list("first", &range).expect("it can be listed");
        assert!(page.entries.len() <= limit as usize);
        all.extend(page.entries.into_iter().map(|info| info.name));
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

#[test]
fn names_are_any_unicode() {
    let store = open(Sqlite::new());
    let longest = "ü".repeat(512);
    let strange = [
        "ключ/🗝️.png",
        "a b?c#d",
        "%2e%2e/x",
        "...",
        "'; DROP TABLE blobs; --",
        "CON",
        longest.as_str(),
    ];
    for name in strange {
        stored(&store, name, name.as_bytes());
    }
    for name in strange {
        assert_eq!(content(&store, name).as_deref(), Some(name.as_bytes()));
        assert_eq!(names(&store, name, 10), [name]);
    }
}

#[test]
fn listings_are_in_byte_order_and_paged() {
    let store = open(Sqlite::new());
    let mut all: Vec<String> = (0..60)
        .map(|n| format!("k{n}"))
        .chain(["é", "z", "Z", "~", "\u{ffff}", "\u{10000}"].map(String::from))
        .collect();
    for name in &all {
        stored(&store, name, b"");
    }
    let second = put(&store, within("second", "k"), b"", options());
    second.expect("it can be stored");
    all.sort_unstable();
    for limit in [1, 7, 1000] {
        assert_eq!(names(&store, "", limit), all, "pages of {limit}");
    }
    let exactly = u32::try_from(all.len()).expect("they are few");
    assert_eq!(names(&store, "", exactly), all);
}

#[test]
fn listings_stay_inside_their_prefix() {
    let store = open(Sqlite::new());
    for name in ["a", "a/1", "a/2", "a0", "b", "%_", "\u{10ffff}x"] {
        stored(&store, name, b"");
    }
    assert_eq!(names(&store, "a/", 1), ["a/1", "a/2"]);
    assert_eq!(names(&store, "a", 2), ["a", "a/1", "a/2", "a0"]);
    assert_eq!(names(&store, "%", 2), ["%_"]);
    assert_eq!(names(&store, "\u{10ffff}", 2), ["\u{10ffff}x"]);
    assert_eq!(names(&store, "c", 2), [""; 0]);
    for (after, count) in [("", 2), ("a/1", 1), ("a/2", 0), ("b", 0), ("a\0", 2)] {
        let range = Range {
            prefix: "a/".to_owned(),
            after: Some(after.to_owned()),
            limit: 5,
        };
        let page = store.list("first", &range).expect("it can be listed");
        assert_eq!((page.entries.len(), page.next), (count, None), "{after:?}");
    }
}

#[test]
fn copies_are_blobs_of_their_own() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let said = Options::new(
        Some("text/plain".to_owned()),
        vec![("a".to_owned(), "b".to_owned())],
        None,
        Condition::Always,
    );
    let source = put(&store, place("a"), b"1", said).expect("it can be stored");
    let target = within("second", "b");
    let copied = store.copy(&place("a"), &target, &Condition::Always);
    let copied = copied.expect("it can be copied");
    assert_eq!((&*copied.name, copied.size), ("b", 1));
    assert_eq!(copied.content_type, source.content_type);
    assert_eq!(copied.metadata, source.metadata);
    assert_eq!(copied.etag, source.etag);
    assert_eq!(store.head(&target), Ok(Some(copied)));
    assert_eq!(database.rows("pieces"), 1, "no byte was copied");
    let onto_itself = store.copy(&place("a"), &place("a"), &Condition::Always);
    assert!(onto_itself.is_ok());
    stored(&store, "a", b"2");
    assert_eq!(store.delete(&place("a")), Ok(true));
    database.pass_seconds(7200);
    stored(&store, "c", b"");
    let read = part(&store, &target, Part::default());
    assert_eq!(read, Ok(b"1".to_vec()));
}

#[test]
fn a_copy_keeps_to_its_limits() {
    let database = Sqlite::new();
    let store = open(database.clone());
    stored(&store, "a", b"12");
    stored(&store, "b", b"");
    let small = r#"{ "media": { "containers": ["first"], "blob_bytes_max": 1 } }"#;
    let small = granted(database, small);
    let copy = |store: &Store<Sqlite>, from: &str, condition| {
        store.copy(&place(from), &place("b"), &condition)
    };
    let nowhere = copy(&store, "nowhere", Condition::Always);
    assert_eq!(nowhere, Err(Error::NotFound("nowhere".to_owned())));
    let large = copy(&small, "a", Condition::Always);
    assert_eq!(large, Err(Error::TooLarge(1)));
    assert_eq!(copy(&store, "a", Condition::Absent), conflict("b"));
    let other = Condition::Etag("0".repeat(64));
    assert_eq!(copy(&store, "a", other), conflict("b"));
    assert_eq!(content(&store, "b"), Some(Vec::new()));
    assert!(copy(&store, "a", Condition::Always).is_ok());
    assert_eq!(content(&store, "b").as_deref(), Some(&b"12"[..]));
}

#[test]
fn deletes_tell_whether_there_was_a_blob() {
    let store = open(Sqlite::new());
    assert_eq!(store.delete(&place("a")), Ok(false));
    stored(&store, "a", b"1");
    assert_eq!(store.delete(&within("second", "a")), Ok(false));
    assert_eq!(store.delete(&place("a")), Ok(true));
    assert_eq!(store.delete(&place("a")), Ok(false));
    assert_eq!(content(&store, "a"), None);
}
