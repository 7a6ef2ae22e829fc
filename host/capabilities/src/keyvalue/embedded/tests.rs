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

/// An open store whose writer looks often for what has ended.
fn sweeping(folder: &Path) -> Arc<Embedded> {
    let idle_max = Duration::from_millis(10);
    Embedded::open_idling(&folder.join("store.db"), Durability::Process, idle_max)
        .expect("it opens")
}

async fn set_expiring(store: &Embedded, key: &str, ttl: Duration) -> Version {
    let change = Change {
        key: key.into(),
        condition: Condition::Always,
        action: Action::SetExpiring {
            bytes: b"1".to_vec(),
            ttl,
        },
    };
    store.apply(vec![change]).await.expect("it is written")
}

fn rows(aside: &rusqlite::Connection) -> i64 {
    let count = aside.query_row("SELECT count(*) FROM entries", [], |row| row.get(0));
    count.expect("the rows can be counted")
}

/// Waits until the file holds so many rows.
async fn shrunk_to(aside: &rusqlite::Connection, expected: i64) {
    let shrinks = async {
        while rows(aside) != expected {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), shrinks)
        .await
        .expect("the writer removes what has ended");
}

#[tokio::test]
async fn what_has_ended_leaves_the_file_of_an_idle_store() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = sweeping(folder.path());
    set_expiring(&store, "short", Duration::from_millis(1)).await;
    set_expiring(&store, "long", Duration::from_secs(3600)).await;
    shrunk_to(&aside(folder.path()), 1).await;
    let values = store.get_many(vec!["long".into()]).await;
    assert!(values.expect("it can be read")[0].is_some());
}

#[tokio::test]
async fn what_ended_while_the_store_was_closed_goes_when_it_is_opened() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    drop(open(folder.path()));
    let aside = aside(folder.path());
    // More than one commit removes.
    aside
        .execute(
            "INSERT INTO entries
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2500)
             SELECT CAST('k' || n AS BLOB), x'', 1, 1 FROM numbers",
            [],
        )
        .expect("the rows can be made");
    let _store = open(folder.path());
    shrunk_to(&aside, 0).await;
}

#[tokio::test]
async fn what_has_ended_but_was_not_removed_is_seen_by_nobody() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path());
    set_expiring(&store, "a", Duration::from_secs(3600)).await;
    // Its end passes, without the writer hearing of it.
    let aside = aside(folder.path());
    aside
        .execute("UPDATE entries SET expires_at = 1", [])
        .expect("the row is there");
    assert_eq!(store.get_many(vec!["a".into()]).await, Ok(vec![None]));
    assert_eq!(store.usage(String::new()).await, Ok(0));
    assert_eq!(rows(&aside), 1);
    let version = write(&store).await.expect("it is written");
    let values = store.get_many(vec!["a".into()]).await;
    let expected = Value {
        bytes: b"1".to_vec(),
        version,
        expires_in: None,
    };
    assert_eq!(values, Ok(vec![Some(expected)]));
}

#[tokio::test]
async fn a_file_of_an_earlier_release_goes_on() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let ahead = UNIX_EPOCH.elapsed().expect("it is past 1970").as_micros() as i64 + 1_000_000_000;
    let earlier = aside(folder.path());
    earlier
        .execute_batch(&format!(
            "CREATE TABLE entries (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL);
             CREATE TABLE sequence (id INTEGER PRIMARY KEY CHECK (id = 0), version INTEGER NOT NULL);
             INSERT INTO entries VALUES (x'61', x'31', {ahead});
             INSERT INTO sequence VALUES (0, {ahead});"
        ))
        .expect("the file can be made");
    drop(earlier);
    // The second time, there is nothing left to be done.
    for _ in 0..2 {
        let store = open(folder.path());
        let expected = Value {
            bytes: b"1".to_vec(),
            version: ahead.cast_unsigned(),
            expires_in: None,
        };
        let values = store.get_many(vec!["a".into()]).await;
        assert_eq!(values, Ok(vec![Some(expected)]));
    }
    let store = open(folder.path());
    let version = set_expiring(&store, "a", Duration::from_secs(3600)).await;
    assert_eq!(version, ahead.cast_unsigned() + 1);
    let values = store.get_many(vec!["a".into()]).await;
    let value = values.expect("it can be read").remove(0);
    assert!(value.is_some_and(|value| value.expires_in.is_some()));
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_keeps_its_place_until_the_writer_drops_it() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path());
    let aside = aside(folder.path());
    aside
        .execute_batch("BEGIN IMMEDIATE")
        .expect("the lock is free");
    let abandoned = tokio::time::timeout(Duration::from_millis(20), write(&store)).await;
    assert!(abandoned.is_err(), "the writer waits for the lock");
    assert_eq!(store.queue.available_permits(), QUEUE_BYTES_MAX - 2);
    aside.execute_batch("COMMIT").expect("the lock is held");
    let freed = async {
        while store.queue.available_permits() < QUEUE_BYTES_MAX {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), freed)
        .await
        .expect("the writer drops the call");
    let values = store.get_many(vec!["a".into()]).await;
    assert_eq!(values, Ok(vec![None]), "what was given up is not written");
}
