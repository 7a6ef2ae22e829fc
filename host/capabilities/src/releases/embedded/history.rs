//! Releases, changes and the audit log in SQLite. All of it runs on one thread.

use std::collections::HashSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};
use tokio::sync::watch;

use super::files::{Files, Staged};
use super::{OpenError, schema};
use crate::Durability;
use crate::releases::{
    AUDIT_KEPT, Audit, Cause, Change, Digest, Error, NewAudit, NewChange, NewRelease, PAGE_MAX,
    Release, Which,
};
use crate::sqlite::{self, Log};

macro_rules! release_columns {
    () => {
        "SELECT number, bundle, at_ms, actor, note FROM releases "
    };
}

macro_rules! change_columns {
    () => {
        "SELECT version, stable, candidate, plan, cause, reason, at_ms, actor FROM changes "
    };
}

/// The history's one connection, with what else its thread owns.
pub(super) struct History {
    connection: Connection,
    log: Log,
    files: Files,
    latest: watch::Sender<u64>,
}

impl History {
    pub(super) fn open(
        path: &Path,
        files: Files,
    ) -> Result<(Self, watch::Receiver<u64>), OpenError> {
        let failed = |source| OpenError::Database {
            path: path.to_owned(),
            source,
        };
        let mut connection = sqlite::writer(path, Durability::Power).map_err(failed)?;
        schema::prepare(&mut connection).map_err(|refused| match refused {
            schema::Refused::Newer(found) => OpenError::Newer {
                path: path.to_owned(),
                found,
            },
            schema::Refused::Database(source) => failed(source),
        })?;
        let change = latest(&connection).map_err(failed)?;
        let (sender, receiver) = watch::channel(change.map_or(0, |change| change.version));
        let history = Self {
            connection,
            log: Log::of(path),
            files,
            latest: sender,
        };
        Ok((history, receiver))
    }

    pub(super) fn current(&mut self) -> Result<Option<Change>, Error> {
        Ok(latest(&self.connection)?)
    }

    pub(super) fn publish(
        &mut self,
        expected: u64,
        release: Option<NewRelease>,
        change: NewChange,
    ) -> Result<Change, Error> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        let current = latest(&transaction)?;
        if current.as_ref().map_or(0, |change| change.version) != expected {
            let current = current.map(Box::new);
            return Err(Error::Conflict { current });
        }
        let new = release
            .map(|release| write_release(&transaction, &self.files, release))
            .transpose()?;
        let change = write_change(&transaction, &self.files, current.as_ref(), new, change)?;
        transaction.commit()?;
        self.latest.send_replace(change.version);
        self.log.bound(&self.connection);
        Ok(change)
    }

    pub(super) fn release(&mut self, number: u64) -> Result<Option<Release>, Error> {
        let Ok(number) = i64::try_from(number) else {
            return Ok(None);
        };
        let query = concat!(release_columns!(), "WHERE number = ?1");
        let mut statement = self.connection.prepare_cached(query)?;
        Ok(statement.query_row([number], read_release).optional()?)
    }

    pub(super) fn releases(
        &mut self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Release>, Error> {
        let query = concat!(
            release_columns!(),
            "WHERE number < ?1 ORDER BY number DESC LIMIT ?2"
        );
        self.page(query, before, limit, read_release)
    }

    pub(super) fn changes(
        &mut self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Change>, Error> {
        let query = concat!(
            change_columns!(),
            "WHERE version < ?1 ORDER BY version DESC LIMIT ?2"
        );
        self.page(query, before, limit, read_change)
    }

    pub(super) fn record(&mut self, entry: &NewAudit) -> Result<(), Error> {
        let NewAudit {
            by,
            from,
            action,
            outcome,
        } = entry;
        self.connection
            .prepare_cached(
                "INSERT INTO audit (at_ms, actor, origin, action, outcome) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((now_ms(), by, from, action, outcome))?;
        self.log.bound(&self.connection);
        Ok(())
    }

    pub(super) fn audit(&mut self, before: Option<u64>, limit: usize) -> Result<Vec<Audit>, Error> {
        let query = "SELECT number, at_ms, actor, origin, action, outcome FROM audit
                     WHERE number < ?1 ORDER BY number DESC LIMIT ?2";
        self.page(query, before, limit, read_audit)
    }

    fn page<T>(
        &mut self,
        query: &str,
        before: Option<u64>,
        limit: usize,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let before = before.map_or(i64::MAX, signed);
        let limit = limit.min(PAGE_MAX) as u64;
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map((before, signed(limit)), read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(super) fn place(&mut self, staged: Staged) -> Result<(), Error> {
        self.files.place(staged)
    }

    pub(super) fn prune(&mut self, releases_kept: u64) -> Result<u64, Error> {
        let needed = needed(&self.connection, releases_kept)?;
        let gone = self.files.prune(|digest| needed.contains(digest))?;
        self.connection.execute(
            "DELETE FROM audit
             WHERE number <= (SELECT number FROM audit ORDER BY number DESC LIMIT 1 OFFSET ?1)",
            [signed(AUDIT_KEPT)],
        )?;
        self.log.bound(&self.connection);
        Ok(gone)
    }
}

/// Numbers beyond what SQLite has are beyond all rows.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn latest(connection: &Connection) -> rusqlite::Result<Option<Change>> {
    let query = concat!(change_columns!(), "ORDER BY version DESC LIMIT 1");
    let mut statement = connection.prepare_cached(query)?;
    statement.query_row([], read_change).optional()
}

/// Writes a release, if all its files are there, and answers its number.
fn write_release(
    connection: &Connection,
    files: &Files,
    release: NewRelease,
) -> Result<u64, Error> {
    let missing = files.missing(&release.files)?;
    if !missing.is_empty() {
        return Err(Error::Missing(missing));
    }
    let number: i64 = connection.query_row(
        "INSERT INTO releases (number, bundle, at_ms, actor, note)
         VALUES ((SELECT coalesce(max(number), 0) + 1 FROM releases), ?1, ?2, ?3, ?4) RETURNING number",
        (release.bundle, now_ms(), release.by, release.note),
        |row| row.get(0),
    )?;
    let mut statement =
        connection.prepare_cached("INSERT OR IGNORE INTO release_files VALUES (?1, ?2)")?;
    for digest in &release.files {
        statement.execute((number, digest.as_bytes().as_slice()))?;
    }
    Ok(number.cast_unsigned())
}

fn write_change(
    connection: &Connection,
    files: &Files,
    current: Option<&Change>,
    new: Option<u64>,
    change: NewChange,
) -> Result<Change, Error> {
    let named = |which| match which {
        Which::New => new.ok_or(Error::NothingNew),
        Which::Number(number) => known(connection, files, current, number),
    };
    let change = Change {
        version: current.map_or(0, |current| current.version) + 1,
        stable: named(change.stable)?,
        candidate: change.candidate.map(named).transpose()?,
        plan: change.plan,
        cause: change.cause,
        reason: change.reason,
        at_ms: now_ms().cast_unsigned(),
        by: change.by,
    };
    connection.execute(
        "INSERT INTO changes (version, stable, candidate, plan, cause, reason, at_ms, actor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            signed(change.version),
            signed(change.stable),
            change.candidate.map(signed),
            &change.plan,
            change.cause.as_str(),
            &change.reason,
            change.at_ms.cast_signed(),
            &change.by,
        ),
    )?;
    Ok(change)
}

/// The number of a release that was written before. One that does not serve may have lost its files.
fn known(
    connection: &Connection,
    files: &Files,
    current: Option<&Change>,
    number: u64,
) -> Result<u64, Error> {
    let known: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM releases WHERE number = ?1)",
        [signed(number)],
        |row| row.get(0),
    )?;
    if !known {
        return Err(Error::UnknownRelease(number));
    }
    if current.is_some_and(|current| current.names(number)) {
        return Ok(number);
    }
    let mut statement =
        connection.prepare_cached("SELECT digest FROM release_files WHERE release = ?1")?;
    let needed = statement.query_map([signed(number)], read_digest)?;
    let missing = files.missing(&needed.collect::<rusqlite::Result<Vec<_>>>()?)?;
    match missing.is_empty() {
        true => Ok(number),
        false => Err(Error::Missing(missing)),
    }
}

/// The files of the newest releases, of those that serve, and of the stable one before.
fn needed(connection: &Connection, releases_kept: u64) -> rusqlite::Result<HashSet<Digest>> {
    let mut statement = connection.prepare_cached(
        "WITH latest AS (SELECT stable, candidate FROM changes ORDER BY version DESC LIMIT 1),
         previous AS (
             SELECT stable FROM changes WHERE stable != (SELECT stable FROM latest) ORDER BY version DESC LIMIT 1
         )
         SELECT DISTINCT digest FROM release_files
         WHERE release > (SELECT coalesce(max(number), 0) FROM releases) - ?1
            OR release IN (
                SELECT stable FROM latest UNION ALL SELECT candidate FROM latest UNION ALL SELECT stable FROM previous
            )",
    )?;
    let rows = statement.query_map([signed(releases_kept)], read_digest)?;
    rows.collect()
}

fn read_digest(row: &Row<'_>) -> rusqlite::Result<Digest> {
    let hash = row.get_ref(0)?.as_blob()?;
    Digest::from_slice(hash).ok_or(rusqlite::Error::InvalidColumnType(
        0,
        "digest".into(),
        Type::Blob,
    ))
}

fn read_release(row: &Row<'_>) -> rusqlite::Result<Release> {
    Ok(Release {
        number: unsigned(row, 0)?,
        bundle: row.get(1)?,
        at_ms: unsigned(row, 2)?,
        by: row.get(3)?,
        note: row.get(4)?,
    })
}

fn read_change(row: &Row<'_>) -> rusqlite::Result<Change> {
    let candidate: Option<i64> = row.get(2)?;
    let cause = row.get_ref(4)?.as_str()?.parse::<Cause>();
    Ok(Change {
        version: unsigned(row, 0)?,
        stable: unsigned(row, 1)?,
        candidate: candidate.map(i64::cast_unsigned),
        plan: row.get(3)?,
        cause: cause.map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(4, Type::Text, Box::new(error))
        })?,
        reason: row.get(5)?,
        at_ms: unsigned(row, 6)?,
        by: row.get(7)?,
    })
}

fn read_audit(row: &Row<'_>) -> rusqlite::Result<Audit> {
    Ok(Audit {
        number: unsigned(row, 0)?,
        at_ms: unsigned(row, 1)?,
        by: row.get(2)?,
        from: row.get(3)?,
        action: row.get(4)?,
        outcome: row.get(5)?,
    })
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// By the clock of this machine, in milliseconds since 1970.
fn now_ms() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
