//! When a blob becomes one, and when it does not.

use super::*;

#[test]
fn nothing_is_seen_before_it_is_finished() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let writer = store.put(place("a"), options()).expect("it begins");
    writer
        .write(&bytes(CHUNK_BYTES_MAX))
        .expect("it is written");
    let other = open(database);
    assert_eq!(other.head(&place("a")), Ok(None));
    writer.finish().expect("it can be finished");
    assert!(content(&other, "a").is_some());
}

#[test]
fn what_is_dropped_never_was() {
    let store = open(Sqlite::new());
    stored(&store, "b", b"old");
    for name in ["a", "b"] {
        let writer = store.put(place(name), options()).expect("it begins");
        writer.write(b"new").expect("it is written");
    }
    assert_eq!(content(&store, "a"), None);
    assert_eq!(content(&store, "b").as_deref(), Some(&b"old"[..]));
}

#[test]
fn conditions_are_checked() {
    let store = open(Sqlite::new());
    let attempt = |condition, text: &[u8]| put(&store, place("a"), text, on(condition));
    let none = Condition::Etag("0".repeat(64));
    assert_eq!(attempt(none.clone(), b"1"), conflict("a"));
    let first = attempt(Condition::Absent, b"1").expect("there is none yet");
    assert_eq!(attempt(Condition::Absent, b"2"), conflict("a"));
    assert_eq!(attempt(none, b"2"), conflict("a"));
    assert_eq!(content(&store, "a").as_deref(), Some(&b"1"[..]));
    let seen = Condition::Etag(first.etag);
    assert!(attempt(seen.clone(), b"2").is_ok());
    assert_eq!(attempt(seen, b"3"), conflict("a"));
    assert_eq!(content(&store, "a").as_deref(), Some(&b"2"[..]));
}

#[test]
fn a_condition_holds_when_the_blob_becomes_visible() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let absent = store.put(place("a"), on(Condition::Absent));
    let absent = absent.expect("there is none yet");
    let info = stored(&open(database.clone()), "a", b"in between");
    let same = store.put(place("a"), on(Condition::Etag(info.etag)));
    let same = same.expect("it is this one");
    assert_eq!(absent.finish(), conflict("a"));
    assert_eq!(open(database).delete(&place("a")), Ok(true));
    assert_eq!(same.finish(), conflict("a"));
    assert_eq!(content(&store, "a"), None);
}

#[test]
fn the_last_to_finish_is_seen() {
    let store = open(Sqlite::new());
    let begin = || store.put(place("a"), options()).expect("it begins");
    let (first, last) = (begin(), begin());
    last.write(b"2").expect("it is written");
    last.finish().expect("it can be finished");
    first.finish().expect("it can be finished");
    assert_eq!(content(&store, "a"), Some(Vec::new()));
}

#[test]
fn of_parallel_writers_the_last_is_seen_whole() {
    const WRITERS: u8 = 8;
    let database = Sqlite::new();
    let connection = Arc::clone(&database.connection);
    std::thread::scope(|scope| {
        for fill in 1..=WRITERS {
            let connection = Arc::clone(&connection);
            scope.spawn(move || {
                let store = open(Sqlite::over(connection));
                let content = vec![fill; CHUNK_BYTES_MAX * 2 + usize::from(fill)];
                stored(&store, "a", &content);
            });
        }
    });
    let read = content(&open(database), "a").expect("one was seen");
    let fill = read[0];
    assert_eq!(read.len(), CHUNK_BYTES_MAX * 2 + usize::from(fill));
    assert!(read.iter().all(|byte| *byte == fill));
}

#[test]
fn a_size_that_is_not_kept_is_refused() {
    let store = open(Sqlite::new());
    for (size, sent) in [(4, "123"), (2, "123"), (0, "1"), (1, "")] {
        let writer = store.put(place("a"), announced(size)).expect("it begins");
        let written = writer.write(sent.as_bytes());
        let finished = writer.finish();
        assert!(
            matches!(finished, Err(Error::Invalid(_))),
            "{size} {written:?}"
        );
    }
    assert_eq!(content(&store, "a"), None);
    for sent in ["", "123"] {
        let size = sent.len() as u64;
        let outcome = put(&store, place("a"), sent.as_bytes(), announced(size));
        assert!(outcome.is_ok(), "{size}");
    }
}

#[test]
fn more_than_allowed_is_refused_at_once_or_midway() {
    let grants = r#"{ "media": { "containers": ["first"], "blob_bytes_max": 10 } }"#;
    let store = granted(Sqlite::new(), grants);
    let refused = store.put(place("a"), announced(11)).map(drop);
    assert_eq!(refused, Err(Error::TooLarge(10)));
    let writer = store.put(place("a"), options()).expect("it begins");
    writer.write(&[1; 10]).expect("as much is allowed");
    assert_eq!(writer.write(&[1]), Err(Error::TooLarge(10)));
    assert!(writer.finish().is_err(), "it cannot be finished");
    assert_eq!(content(&store, "a"), None);
}

#[test]
fn a_chunk_is_bounded() {
    let store = open(Sqlite::new());
    let writer = store.put(place("a"), options()).expect("it begins");
    let limit = CHUNK_BYTES_MAX as u64;
    let refused = writer.write(&bytes(CHUNK_BYTES_MAX + 1));
    assert_eq!(refused, Err(Error::TooLarge(limit)));
    assert!(matches!(writer.write(b"1"), Err(Error::Invalid(_))));
}

#[test]
fn a_writer_ends_once() {
    let store = open(Sqlite::new());
    let writer = store.put(place("a"), options()).expect("it begins");
    writer.finish().expect("it can be finished");
    assert!(matches!(writer.finish(), Err(Error::Invalid(_))));
    assert!(matches!(writer.write(b"1"), Err(Error::Invalid(_))));
}

#[test]
fn a_writer_that_is_not_used_is_aborted() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let begin = || store.put(place("a"), options()).expect("it begins");
    let writer = begin();
    database.pass_ms(59_999);
    writer.write(b"1").expect("it was used in time");
    database.pass_ms(59_999);
    writer.write(b"2").expect("it was used in time");
    writer.finish().expect("it was used in time");
    let writer = begin();
    database.pass_ms(60_000);
    assert!(matches!(writer.write(b"1"), Err(Error::Invalid(_))));
    assert!(matches!(writer.finish(), Err(Error::Invalid(_))));
    assert_eq!(content(&store, "a").as_deref(), Some(&b"12"[..]));
}

/// Some statements fail, as if the database were out of reach.
struct Broken {
    database: Sqlite,
    failing: Cell<&'static str>,
}

impl Database for Broken {
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
        let failing = self.failing.get();
        match !failing.is_empty() && statement.starts_with(failing) {
            true => Err(Error::Unavailable),
            false => self.database.execute(statement, parameters),
        }
    }

    fn random(&self) -> u64 {
        self.database.random()
    }

    fn now_ms(&self) -> u64 {
        self.database.now_ms()
    }
}

#[test]
fn a_piece_that_is_lost_makes_no_blob() {
    let database = Sqlite::new();
    let broken = Broken {
        database: database.clone(),
        failing: Cell::new("INSERT INTO \"blobs/pieces\""),
    };
    let store = open(broken);
    let writer = store.put(place("a"), options()).expect("it begins");
    assert_eq!(
        writer.write(&bytes(CHUNK_BYTES_MAX)),
        Err(Error::Unavailable)
    );
    assert!(writer.finish().is_err());
    assert_eq!(content(&open(database), "a"), None);
}

#[test]
fn a_failing_sweep_refuses_nothing() {
    let broken = Broken {
        database: Sqlite::new(),
        failing: Cell::new("SELECT 1 FROM \"blobs/loose\""),
    };
    let store = open(broken);
    stored(&store, "a", b"1");
    assert_eq!(store.delete(&place("a")), Ok(true));
}
