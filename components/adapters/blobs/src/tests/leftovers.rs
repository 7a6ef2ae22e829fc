//! What writers and blobs leave behind, and when it goes.

use super::*;
use crate::leftovers::sweep;

/// What nobody refers to is gone, down to its line.
fn assert_clean(database: &Sqlite, pieces: i64) {
    assert_eq!(database.rows("pieces"), pieces);
    assert_eq!(database.rows("loose"), 0);
}

#[test]
fn a_finished_blob_leaves_no_line() {
    let database = Sqlite::new();
    let store = open(database.clone());
    stored(&store, "a", &bytes(CHUNK_BYTES_MAX + 1));
    assert_clean(&database, 2);
    database.pass_seconds(100_000);
    sweep(&database).expect("it can be swept");
    assert_clean(&database, 2);
}

#[test]
fn what_a_crash_left_is_removed_and_not_before_its_time() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let writer = store.put(place("a"), options()).expect("it begins");
    writer
        .write(&bytes(CHUNK_BYTES_MAX))
        .expect("it is written");
    drop(writer);
    database.pass_seconds(200);
    sweep(&database).expect("it can be swept");
    assert_eq!((database.rows("pieces"), database.rows("loose")), (1, 1));
    database.pass_seconds(101);
    // Whoever writes next removes it.
    stored(&store, "b", b"1");
    assert_clean(&database, 1);
}

#[test]
fn what_was_replaced_or_deleted_stays_for_an_hour() {
    let database = Sqlite::new();
    let store = open(database.clone());
    stored(&store, "a", b"1");
    let reader = store.get(&place("a"), Part::default());
    let reader = reader.expect("it can be opened");
    stored(&store, "a", b"2");
    assert_eq!(store.delete(&place("a")), Ok(true));
    database.pass_seconds(3500);
    sweep(&database).expect("it can be swept");
    assert_eq!(database.rows("pieces"), 2);
    database.pass_seconds(101);
    assert_eq!(store.delete(&place("a")), Ok(false));
    assert_clean(&database, 0);
    assert_eq!(code(reader.read(1)), "reader-over");
}

#[test]
fn a_writer_that_was_given_up_writes_nothing_more() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let begin = || {
        let writer = store.put(place("a"), options()).expect("it begins");
        writer
            .write(&bytes(CHUNK_BYTES_MAX))
            .expect("it is written");
        writer
    };
    let (writing, finishing, renewing) = (begin(), begin(), begin());
    database.pass_seconds(301);
    // Even before its pieces are gone.
    let written = writing.write(&bytes(CHUNK_BYTES_MAX));
    assert!(matches!(written, Err(Error::Invalid(_))), "{written:?}");
    sweep(&database).expect("it can be swept");
    assert_clean(&database, 0);
    let finished = finishing.finish();
    assert!(matches!(finished, Err(Error::Invalid(_))), "{finished:?}");
    database.pass_ms(40_000);
    assert!(renewing.write(b"1").is_ok(), "it is only gathered");
    database.pass_ms(40_000);
    let renewed = renewing.write(b"1");
    assert!(matches!(renewed, Err(Error::Invalid(_))), "{renewed:?}");
    assert_clean(&database, 0);
    assert_eq!(content(&store, "a"), None);
}

#[test]
fn a_slow_writer_is_not_given_up() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let writer = store.put(place("a"), options()).expect("it begins");
    for _ in 0..20 {
        database.pass_ms(50_000);
        database.pass_seconds(50);
        sweep(&database).expect("it can be swept");
        writer.write(b"x").expect("it is still there");
    }
    writer.finish().expect("it is still there");
    assert_eq!(content(&store, "a"), Some(vec![b'x'; 20]));
}

#[test]
fn a_clock_that_goes_back_revives_nothing() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let writer = store.put(place("a"), options()).expect("it begins");
    for _ in 0..70 {
        writer
            .write(&bytes(CHUNK_BYTES_MAX))
            .expect("it is written");
    }
    database.pass_seconds(301);
    sweep(&database).expect("it can be swept");
    assert_eq!(
        database.rows("pieces"),
        6,
        "a look removes a bounded amount"
    );
    database.pass_seconds(-10_000);
    let finished = writer.finish();
    assert!(matches!(finished, Err(Error::Invalid(_))), "{finished:?}");
    sweep(&database).expect("it can be swept");
    assert_clean(&database, 0);
}

#[test]
fn a_content_that_several_blobs_have_stays_for_the_last() {
    let database = Sqlite::new();
    let store = open(database.clone());
    stored(&store, "a", b"1");
    let copied = store.copy(&place("a"), &place("b"), &Condition::Always);
    copied.expect("it can be copied");
    assert_eq!(store.delete(&place("a")), Ok(true));
    // It is not loose: it has a row.
    assert_eq!(database.rows("loose"), 0);
    database.pass_seconds(3601);
    sweep(&database).expect("it can be swept");
    assert_eq!(content(&store, "b").as_deref(), Some(&b"1"[..]));
    assert_eq!(store.delete(&place("b")), Ok(true));
    database.pass_seconds(3601);
    sweep(&database).expect("it can be swept");
    assert_clean(&database, 0);
}

#[test]
fn tables_are_made_once_by_whoever_comes_first() {
    let database = Sqlite::new();
    for _ in 0..2 {
        assert_eq!(open(database.clone()).head(&place("a")), Ok(None));
    }
    // A trigger that somebody lost comes back.
    let dropped = database.run("DROP TRIGGER \"blobs/replaced\"", Vec::new());
    assert!(dropped.is_ok());
    let store = open(database.clone());
    stored(&store, "a", b"1");
    stored(&store, "a", b"2");
    assert_eq!(database.rows("loose"), 1);
}
