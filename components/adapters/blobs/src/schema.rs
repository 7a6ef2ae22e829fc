//! The tables. They belong to all stores of the database; names with a `/` keep them apart from what else lies there.

use crate::database::{Database, of_text};
use crate::error::Error;

/// The moment of a statement by the clock of the database, in seconds since 1970. Only this clock is compared with
/// itself: instances may run on several machines.
macro_rules! now {
    () => {
        "CAST(strftime('%s', 'now') AS INTEGER)"
    };
}
pub(crate) use now;

/// A content that lost its row is kept for so long, in seconds, for those who are reading it.
macro_rules! kept_seconds {
    () => {
        "3600"
    };
}

/// What there is, each by its name and the statement that makes it.
///
/// * `blobs/index` has a row for each blob. Several may have one content: a copy is a row.
/// * `blobs/pieces` has the bytes of a content, in pieces of one size but the last.
/// * `blobs/loose` lists each content that has no row, and until when it may be of use to a writer or a reader. The
///   triggers keep that so whatever happens between two statements.
const PARTS: [(&str, &str); 7] = [
    (
        "blobs/index",
        "CREATE TABLE IF NOT EXISTS \"blobs/index\" (\
         store TEXT NOT NULL, container TEXT NOT NULL, name BLOB NOT NULL, content INTEGER NOT NULL, \
         size INTEGER NOT NULL, content_type TEXT NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL, \
         metadata TEXT NOT NULL, PRIMARY KEY (store, container, name)) WITHOUT ROWID",
    ),
    (
        "blobs/contents",
        "CREATE INDEX IF NOT EXISTS \"blobs/contents\" ON \"blobs/index\" (content)",
    ),
    (
        "blobs/pieces",
        "CREATE TABLE IF NOT EXISTS \"blobs/pieces\" (\
         content INTEGER NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (content, number))",
    ),
    (
        "blobs/loose",
        "CREATE TABLE IF NOT EXISTS \"blobs/loose\" (content INTEGER NOT NULL PRIMARY KEY, until INTEGER NOT NULL)",
    ),
    (
        "blobs/appeared",
        "CREATE TRIGGER IF NOT EXISTS \"blobs/appeared\" AFTER INSERT ON \"blobs/index\" BEGIN \
         DELETE FROM \"blobs/loose\" WHERE content = NEW.content; END",
    ),
    (
        "blobs/replaced",
        concat!(
            "CREATE TRIGGER IF NOT EXISTS \"blobs/replaced\" AFTER UPDATE ON \"blobs/index\" \
             WHEN OLD.content <> NEW.content BEGIN \
             DELETE FROM \"blobs/loose\" WHERE content IN (OLD.content, NEW.content); \
             INSERT INTO \"blobs/loose\" (content, until) SELECT OLD.content, ",
            now!(),
            " + ",
            kept_seconds!(),
            " WHERE NOT EXISTS (SELECT 1 FROM \"blobs/index\" WHERE content = OLD.content); END"
        ),
    ),
    (
        "blobs/disappeared",
        concat!(
            "CREATE TRIGGER IF NOT EXISTS \"blobs/disappeared\" AFTER DELETE ON \"blobs/index\" BEGIN \
             DELETE FROM \"blobs/loose\" WHERE content = OLD.content; \
             INSERT INTO \"blobs/loose\" (content, until) SELECT OLD.content, ",
            now!(),
            " + ",
            kept_seconds!(),
            " WHERE NOT EXISTS (SELECT 1 FROM \"blobs/index\" WHERE content = OLD.content); END"
        ),
    ),
];

/// Makes what is missing. Each part is one statement; others may do the same meanwhile.
pub(crate) fn prepare(database: &impl Database) -> Result<(), Error> {
    let places: Vec<_> = (1..=PARTS.len())
        .map(|number| format!("?{number}"))
        .collect();
    let found = database.execute(
        &format!(
            "SELECT name FROM sqlite_master WHERE name IN ({})",
            places.join(", ")
        ),
        PARTS.iter().map(|(name, _)| of_text(name)).collect(),
    )?;
    if found.len() < PARTS.len() {
        for (_, statement) in PARTS {
            database.execute(statement, Vec::new())?;
        }
    }
    Ok(())
}
