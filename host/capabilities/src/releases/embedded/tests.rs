//! What only an embedded history can go through: its folder.

use std::fs;

use rusqlite::Connection;

use super::*;
use crate::releases::{Cause, Which};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn open(folder: &Path) -> Arc<Embedded> {
    Embedded::open(folder).expect("it opens")
}

/// A connection beside the history's own.
fn aside(folder: &Path) -> Connection {
    Connection::open(folder.join("history.db")).expect("it opens")
}

/// Why a folder is not opened.
#[track_caller]
fn refused(folder: &Path) -> OpenError {
    Embedded::open(folder).err().expect("it is refused")
}

async fn put(store: &Embedded, bytes: &'static [u8]) -> Digest {
    let digest = Digest::of(bytes);
    let put = store.put(digest, Bytes::from_static(bytes)).await;
    put.expect("the file can be stored");
    digest
}

async fn deploy(store: &Embedded, files: Vec<Digest>) -> Result<Change, Error> {
    let release = NewRelease {
        bundle: "{}".into(),
        files,
        by: "ada".into(),
        note: String::new(),
    };
    let change = NewChange {
        stable: Which::New,
        candidate: None,
        plan: "{}".into(),
        cause: Cause::Up,
        reason: String::new(),
        by: "ada".into(),
    };
    store.publish(0, Some(release), change).await
}

#[tokio::test]
async fn a_history_of_a_newer_form_is_refused_in_words() {
    let folder = folder();
    drop(open(folder.path()));
    aside(folder.path())
        .pragma_update(None, "user_version", schema::FORM + 1)
        .expect("it can be marked");
    let refused = refused(folder.path());
    assert!(
        matches!(refused, OpenError::Newer { found, .. } if found == schema::FORM + 1),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("newer Stoa"), "{refused}");
}

#[test]
fn a_file_that_is_no_history_is_refused() {
    let folder = folder();
    fs::write(folder.path().join("history.db"), "no database".repeat(100))
        .expect("it can be written");
    let refused = refused(folder.path());
    assert!(matches!(refused, OpenError::Database { .. }), "{refused:?}");
}

#[test]
fn a_folder_that_is_a_file_is_refused() {
    let folder = folder();
    let path = folder.path().join("releases");
    fs::write(&path, "").expect("it can be written");
    let refused = refused(&path);
    assert!(matches!(refused, OpenError::Folder { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_a_crash_left_on_its_way_in_goes_when_it_is_opened() {
    let folder = folder();
    let store = open(folder.path());
    let whole = put(&store, b"whole").await;
    drop(store);
    let half = Digest::of(b"half");
    let left = folder
        .path()
        .join("incoming")
        .join(format!("{}.0", half.hex()));
    fs::write(&left, b"ha").expect("it can be written");
    let store = open(folder.path());
    assert!(!left.exists());
    let missing = store.missing(&[half, whole]).await;
    assert_eq!(missing.expect("they can be looked for"), [half]);
    let refused = deploy(&store, vec![half]).await;
    assert!(matches!(refused, Err(Error::Missing(_))), "{refused:?}");
    put(&store, b"half").await;
    deploy(&store, vec![half]).await.expect("it is published");
}

#[tokio::test]
async fn nothing_is_left_aside_by_a_file_that_was_stored_or_refused() {
    let folder = folder();
    let store = open(folder.path());
    put(&store, b"stored").await;
    let other = Digest::of(b"other");
    let refused = store.put(other, Bytes::from_static(b"refused")).await;
    assert!(refused.is_err(), "{refused:?}");
    let left = fs::read_dir(folder.path().join("incoming")).expect("it is there");
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_damaged_file_is_told_and_healed_by_storing_it_again() {
    let folder = folder();
    let store = open(folder.path());
    let digest = put(&store, b"bytes").await;
    let path = folder.path().join("files").join(digest.hex());
    for damaged in [&b"byteZ"[..], b"byte", b""] {
        fs::write(&path, damaged).expect("it can be written");
        let got = store.get(digest).await;
        assert!(
            matches!(got, Err(Error::Damaged(it)) if it == digest),
            "{got:?}"
        );
        put(&store, b"bytes").await;
        assert_eq!(store.get(digest).await.expect("it is whole"), &b"bytes"[..]);
    }
}

#[tokio::test]
async fn files_that_are_not_ours_are_not_pruned() {
    let folder = folder();
    let store = open(folder.path());
    let path = folder.path().join("files").join("README");
    fs::write(&path, "a note").expect("it can be written");
    let file = fs::File::options().write(true).open(&path);
    file.expect("it opens")
        .set_modified(std::time::SystemTime::UNIX_EPOCH)
        .expect("it has a time");
    assert_eq!(store.prune(0).await.expect("it can be pruned"), 0);
    assert!(path.exists());
}

#[tokio::test]
async fn the_audit_log_is_cut_to_its_newest_entries() {
    let folder = folder();
    let store = open(folder.path());
    let aside = aside(folder.path());
    let more = crate::releases::AUDIT_KEPT + 5;
    aside
        .execute(
            "INSERT INTO audit (at_ms, actor, origin, action, outcome)
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
             SELECT n, 'ada', '', '', '' FROM numbers",
            [more.cast_signed()],
        )
        .expect("the entries can be made");
    store.prune(1).await.expect("it can be pruned");
    let counted = aside.query_row("SELECT count(*), min(number) FROM audit", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    });
    let kept = crate::releases::AUDIT_KEPT.cast_signed();
    assert_eq!(counted.expect("they can be counted"), (kept, 6));
}

#[tokio::test]
async fn a_failing_file_fails_calls_and_not_the_thread() {
    let folder = folder();
    let store = open(folder.path());
    let aside = aside(folder.path());
    aside
        .execute_batch("ALTER TABLE changes RENAME TO elsewhere")
        .expect("it can be renamed");
    let failed = store.current().await;
    assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
    aside
        .execute_batch("ALTER TABLE elsewhere RENAME TO changes")
        .expect("it can be renamed");
    assert_eq!(store.current().await.expect("it can be read"), None);
}
