//! What is where: one row per blob, in one SQLite file. A blob is what has a row; its row is the commit point.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};

use super::failure::Failure;
use crate::blobs::{Condition, Error, Info, Page, Place, Range};

/// `TEXT` compares by its UTF-8 bytes, which is the order of listings.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS blobs (
        container TEXT NOT NULL,
        name TEXT NOT NULL,
        content TEXT NOT NULL,
        size INTEGER NOT NULL,
        content_type TEXT NOT NULL,
        etag TEXT NOT NULL,
        modified INTEGER NOT NULL,
        metadata TEXT NOT NULL,
        PRIMARY KEY (container, name)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS blobs_content ON blobs (content);
    CREATE INDEX IF NOT EXISTS blobs_modified ON blobs (modified);
    -- Files that may be there without a blob.
    CREATE TABLE IF NOT EXISTS unsettled (content TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
";

const COLUMNS: &str = "name, size, content_type, etag, modified, metadata, content";

/// A blob and the file it is in.
pub(super) struct Found {
    pub(super) info: Info,
    pub(super) content: String,
}

/// What a change did: its result, and the file that nobody refers to any more.
pub(super) struct Changed<T> {
    pub(super) result: T,
    pub(super) retired: Option<String>,
}

// === reading ===

pub(super) fn find(connection: &Connection, place: &Place) -> rusqlite::Result<Option<Found>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM blobs WHERE container = ?1 AND name = ?2"
        ))?
        .query_row((&place.container, &place.name), found)
        .optional()
}

/// One lower bound and no upper one: rows come in order, so the first that does not fit ends the page.
pub(super) fn page(
    connection: &Connection,
    container: &str,
    range: &Range,
) -> rusqlite::Result<Page> {
    let after = range.after.as_deref().unwrap_or_default();
    let (compare, from) = match after >= range.prefix.as_str() {
        true => (">", after),
        false => (">=", range.prefix.as_str()),
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM blobs WHERE container = ?1 AND name {compare} ?2 ORDER BY name"
    ))?;
    let mut rows = statement.query((container, from))?;
    let mut page = Page::default();
    while let Some(row) = rows.next()? {
        let info = found(row)?.info;
        if !info.name.starts_with(&range.prefix) {
            break;
        }
        if page.entries.len() == range.limit {
            page.next = page.entries.last().map(|last| last.name.clone());
            break;
        }
        page.entries.push(info);
    }
    Ok(page)
}

pub(super) fn stored(connection: &Connection, containers: &[String]) -> rusqlite::Result<u64> {
    let mut statement = connection
        .prepare_cached("SELECT coalesce(sum(size), 0) FROM blobs WHERE container = ?1")?;
    let mut sum = 0;
    for container in containers {
        sum += number(statement.query_row([container], |row| row.get(0))?);
    }
    Ok(sum)
}

/// The blobs that were written last: which file, and of which size.
pub(super) fn newest(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<(String, u64)>> {
    connection
        .prepare("SELECT content, size FROM blobs ORDER BY modified DESC LIMIT ?1")?
        .query_map([limit], |row| Ok((row.get(0)?, number(row.get(1)?))))?
        .collect()
}

pub(super) fn unsettled(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("SELECT content FROM unsettled LIMIT ?1")?
        .query_map([limit], |row| row.get(0))?
        .collect()
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    let metadata: String = row.get(5)?;
    Ok(Found {
        info: Info {
            name: row.get(0)?,
            size: number(row.get(1)?),
            content_type: row.get(2)?,
            etag: row.get(3)?,
            modified: number(row.get(4)?),
            metadata: metadata_of(&metadata),
        },
        content: row.get(6)?,
    })
}

// === changing ===

/// Lists a file that is about to be made.
pub(super) fn begin(
    connection: &mut Connection,
    place: &Place,
    content: &str,
    condition: &Condition,
) -> Result<(), Failure> {
    let transaction = immediate(connection)?;
    check(&transaction, place, condition)?;
    transaction
        .prepare_cached("INSERT INTO unsettled VALUES (?1)")?
        .execute([content])?;
    Ok(transaction.commit()?)
}

/// Makes a file a blob.
pub(super) fn commit(
    connection: &mut Connection,
    place: &Place,
    blob: &Found,
    condition: &Condition,
) -> Result<Changed<()>, Failure> {
    let transaction = immediate(connection)?;
    let replaced = check(&transaction, place, condition)?;
    settle(&transaction, &blob.content)?;
    set(&transaction, place, blob)?;
    let retired = retire(&transaction, replaced)?;
    transaction.commit()?;
    Ok(Changed {
        result: (),
        retired,
    })
}

/// A copy is a second row for one file: no byte is moved.
pub(super) fn copy(
    connection: &mut Connection,
    source: &Place,
    target: &Place,
    bytes_max: u64,
    condition: &Condition,
) -> Result<Changed<Found>, Failure> {
    let transaction = immediate(connection)?;
    let name = source.name.clone();
    let mut blob = find(&transaction, source)?.ok_or(Error::NotFound { name })?;
    if blob.info.size > bytes_max {
        return Err(Error::TooLarge { limit: bytes_max }.into());
    }
    let replaced = check(&transaction, target, condition)?;
    blob.info.name.clone_from(&target.name);
    blob.info.modified = super::now();
    set(&transaction, target, &blob)?;
    let retired = retire(&transaction, replaced)?;
    transaction.commit()?;
    let result = blob;
    Ok(Changed { result, retired })
}

pub(super) fn delete(connection: &mut Connection, place: &Place) -> Result<Changed<bool>, Failure> {
    let transaction = immediate(connection)?;
    let deleted = find(&transaction, place)?;
    let result = deleted.is_some();
    transaction
        .prepare_cached("DELETE FROM blobs WHERE container = ?1 AND name = ?2")?
        .execute((&place.container, &place.name))?;
    let retired = retire(&transaction, deleted)?;
    transaction.commit()?;
    Ok(Changed { result, retired })
}

/// Takes blobs whose file did not survive out of the index, and lists what is left of it. Answers how many.
pub(super) fn lose(connection: &mut Connection, content: &str) -> rusqlite::Result<usize> {
    let transaction = immediate(connection)?;
    let lost = transaction.execute("DELETE FROM blobs WHERE content = ?1", [content])?;
    unsettle(&transaction, content)?;
    transaction.commit()?;
    Ok(lost)
}

/// The files are gone.
pub(super) fn forget(connection: &mut Connection, gone: &[String]) -> Result<(), Failure> {
    let transaction = immediate(connection)?;
    for content in gone {
        settle(&transaction, content)?;
    }
    Ok(transaction.commit()?)
}

/// Takes a file off the list: it is a blob's, or gone.
pub(super) fn settle(connection: &Connection, content: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM unsettled WHERE content = ?1")?
        .execute([content])?;
    Ok(())
}

/// Brings what was committed to the disk. Waits for readers: a passive checkpoint would stop at what they see, without
/// a word and without a sync.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), Failure> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get(0))?;
    match busy {
        false => Ok(()),
        true => Err(Error::Unavailable.into()),
    }
}

fn immediate(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Answers the blob that is there, if it may be replaced.
fn check(
    connection: &Connection,
    place: &Place,
    condition: &Condition,
) -> Result<Option<Found>, Failure> {
    let current = find(connection, place)?;
    let holds = match condition {
        Condition::Always => true,
        Condition::Absent => current.is_none(),
        Condition::Etag(etag) => current.as_ref().is_some_and(|it| it.info.etag == *etag),
    };
    let name = place.name.clone();
    match holds {
        true => Ok(current),
        false => Err(Error::Conflict { name }.into()),
    }
}

fn set(connection: &Connection, place: &Place, blob: &Found) -> rusqlite::Result<()> {
    let Found { info, content } = blob;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO blobs
             (container, name, content, size, content_type, etag, modified, metadata)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            &place.container,
            &place.name,
            content,
            info.size.cast_signed(),
            &info.content_type,
            &info.etag,
            info.modified.cast_signed(),
            metadata_text(&info.metadata),
        ))?;
    Ok(())
}

/// Lists the file of a blob that is no more, unless another blob is in it too.
fn retire(connection: &Connection, blob: Option<Found>) -> rusqlite::Result<Option<String>> {
    let Some(Found { content, .. }) = blob else {
        return Ok(None);
    };
    let shared = connection
        .prepare_cached("SELECT 1 FROM blobs WHERE content = ?1")?
        .exists([&content])?;
    if shared {
        return Ok(None);
    }
    unsettle(connection, &content)?;
    Ok(Some(content))
}

fn unsettle(connection: &Connection, content: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO unsettled VALUES (?1)")?
        .execute([content])?;
    Ok(())
}

// === translation ===

/// Sizes and times are stored as SQLite's only integer.
fn number(stored: i64) -> u64 {
    stored.cast_unsigned()
}

/// A line per entry: neither a key nor a value can hold a line feed, and no key a colon.
fn metadata_text(entries: &[(String, String)]) -> String {
    let lines = entries
        .iter()
        .map(|(key, value)| format!("{key}:{value}\n"));
    lines.collect()
}

fn metadata_of(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
