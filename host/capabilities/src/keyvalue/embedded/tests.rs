//! What only an embedded store can go through: its file.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::keyvalue::{Action, Condition};

fn open(folder: &Path) -> Arc<Embedded> {
    Embedded::open(&folder.join("store.db"), Durability::Process).expect("it opens")
}

/// A connection beside the store's own, as another process may have one.
fn aside(folder: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(folder.join("store.db")).expect("it opens");
    connection
        .busy_timeout(Duration::from_secs(5))
        .expect("it can wait");
    connection
}

/// Writes, but does not wait for ever: a thread that spins never answers.
async fn write(store: &Embedded) -> Result<Version, Error> {
    let change = Change {
        key: "a".into(),
        condition: Condition::Always,
        action: Action::Set(b"1".to_vec()),
    };
    tokio::time::timeout(Duration::from_secs(10), store.apply(vec![change]))
        .await
        .expect("the writer answers")
}

#[tokio::test]
async fn a_missing_sequence_fails_writes_and_not_the_writer() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path());
    let aside = aside(folder.path());
    aside
        .execute("DELETE FROM sequence", [])
        .expect("the row is there");
    assert_eq!(write(&store).await, Err(Error::Unavailable));
    aside
        .execute("INSERT INTO sequence VALUES (0, 7)", [])
        .expect("the row can be put back");
    assert_eq!(write(&store).await, Ok(8));
}

#[tokio::test]
async fn versions_do_not_come_again_when_the_file_is_lost() {
    let first = tempfile::tempdir().expect("a folder can be made");
    let before = write(&open(first.path())).await.expect("it is written");
    let second = tempfile::tempdir().expect("a folder can be made");
    let after = write(&open(second.path())).await.expect("it is written");
    assert!(after > before, "{after} comes after {before}");
}

#[tokio::test]
async fn a_sequence_that_is_ahead_of_the_clock_goes_on() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    drop(open(folder.path()));
    let ahead = UNIX_EPOCH.elapsed().expect("it is past 1970").as_micros() as i64 + 1_000_000_000;
    aside(folder.path())
        .execute("UPDATE sequence SET version = ?1", [ahead])
        .expect("the row is there");
    let version = write(&open(folder.path())).await.expect("it is written");
    assert_eq!(version, ahead.cast_unsigned() + 1);
}
