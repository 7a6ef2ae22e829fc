//! Releases, changes and the audit log.

use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, Row};
use stoa_capabilities::releases::{
    AUDIT_KEPT, Audit, Cause, Change, Error, NewAudit, NewChange, NewRelease, PAGE_MAX, Release,
    Which,
};

use super::connection::{BEGIN, Failure};
use super::{files, schema};

macro_rules! release_columns {
    () => {
        "number, bundle, at_ms, actor, note"
    };
}

macro_rules! change_columns {
    () => {
        "version, stable, candidate, plan, cause, reason, at_ms, actor"
    };
}

pub(super) async fn current(connection: &mut PgConnection) -> Result<Option<Change>, Failure> {
    let row = sqlx::query(concat!(
        "SELECT ",
        change_columns!(),
        " FROM changes ORDER BY version DESC LIMIT 1"
    ))
    .fetch_optional(connection)
    .await?;
    Ok(row.as_ref().map(read_change).transpose()?)
}

pub(super) async fn publish(
    connection: &mut PgConnection,
    channel: Arc<str>,
    expected: u64,
    release: Option<NewRelease>,
    change: NewChange,
) -> Result<Change, Failure> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    lock(&mut transaction).await?;
    sync(&mut transaction).await?;
    let current = current(&mut transaction).await?;
    if current.as_ref().map_or(0, |change| change.version) != expected {
        let current = current.map(Box::new);
        return Err(Error::Conflict { current }.into());
    }
    let new = match release {
        Some(release) => Some(write_release(&mut transaction, release).await?),
        None => None,
    };
    let change = write_change(&mut transaction, current.as_ref(), new, change).await?;
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(&*channel)
        .bind(change.version.to_string())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(change)
}

/// Takes the lock of all who write releases, changes or remove files. A host of a newer Stoa may have changed the tables
/// meanwhile.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), Failure> {
    let form: i32 = sqlx::query_scalar("SELECT form FROM mark WHERE id = 0 FOR UPDATE")
        .fetch_one(connection)
        .await?;
    if form == schema::FORM {
        return Ok(());
    }
    let message = format!("the release history is of a newer Stoa (form {form})");
    Err(Error::Unavailable(message.into()).into())
}

/// Makes the commit of this transaction wait for the disk, on servers that otherwise would not.
pub(super) async fn sync(connection: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query(
        "SELECT set_config('synchronous_commit', 'on', true)
         WHERE current_setting('synchronous_commit') = 'off'",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a release, if all its files are there, and answers its number.
async fn write_release(connection: &mut PgConnection, release: NewRelease) -> Result<u64, Failure> {
    let missing = files::hold(connection, &release.files).await?;
    if !missing.is_empty() {
        return Err(Error::Missing(missing).into());
    }
    let number: i64 = sqlx::query_scalar(
        "INSERT INTO releases (number, bundle, actor, note)
         SELECT coalesce(max(number), 0) + 1, $1, $2, $3 FROM releases RETURNING number",
    )
    .bind(release.bundle.into_bytes())
    .bind(text(&release.by))
    .bind(text(&release.note))
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("INSERT INTO release_files (release, digest) SELECT DISTINCT $1, unnest($2)")
        .bind(number)
        .bind(files::hashes(&release.files))
        .execute(&mut *connection)
        .await?;
    Ok(number.cast_unsigned())
}

async fn write_change(
    connection: &mut PgConnection,
    current: Option<&Change>,
    new: Option<u64>,
    change: NewChange,
) -> Result<Change, Failure> {
    let version = current.map_or(0, |current| current.version) + 1;
    let stable = named(connection, change.stable, new, current).await?;
    let candidate = match change.candidate {
        Some(which) => Some(named(connection, which, new, current).await?),
        None => None,
    };
    let row = sqlx::query(concat!(
        "INSERT INTO changes (version, stable, candidate, plan, cause, reason, actor)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ",
        change_columns!()
    ))
    .bind(signed(version))
    .bind(signed(stable))
    .bind(candidate.map(signed))
    .bind(change.plan.into_bytes())
    .bind(change.cause.as_str())
    .bind(text(&change.reason))
    .bind(text(&change.by))
    .fetch_one(connection)
    .await?;
    Ok(read_change(&row)?)
}

/// The number of a release that a change names. One that does not serve may have lost its files.
async fn named(
    connection: &mut PgConnection,
    which: Which,
    new: Option<u64>,
    current: Option<&Change>,
) -> Result<u64, Failure> {
    let number = match which {
        Which::New => return Ok(new.ok_or(Error::NothingNew)?),
        Which::Number(number) => number,
    };
    let known: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM releases WHERE number = $1)")
            .bind(signed(number))
            .fetch_one(&mut *connection)
            .await?;
    if !known {
        return Err(Error::UnknownRelease(number).into());
    }
    if current.is_some_and(|current| current.names(number)) {
        return Ok(number);
    }
    let missing = files::lost(connection, number).await?;
    match missing.is_empty() {
        true => Ok(number),
        false => Err(Error::Missing(missing).into()),
    }
}

pub(super) async fn release(
    connection: &mut PgConnection,
    number: u64,
) -> Result<Option<Release>, Failure> {
    let query = concat!(
        "SELECT ",
        release_columns!(),
        " FROM releases WHERE number = $1"
    );
    let row = sqlx::query(query).bind(signed(number));
    let row = row.fetch_optional(connection).await?;
    Ok(row.as_ref().map(read_release).transpose()?)
}

pub(super) async fn releases(
    connection: &mut PgConnection,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Release>, Failure> {
    let query = concat!(
        "SELECT ",
        release_columns!(),
        " FROM releases WHERE number < $1 ORDER BY number DESC LIMIT $2"
    );
    page(connection, query, before, limit, read_release).await
}

pub(super) async fn changes(
    connection: &mut PgConnection,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Change>, Failure> {
    let query = concat!(
        "SELECT ",
        change_columns!(),
        " FROM changes WHERE version < $1 ORDER BY version DESC LIMIT $2"
    );
    page(connection, query, before, limit, read_change).await
}

pub(super) async fn record(connection: &mut PgConnection, entry: NewAudit) -> Result<(), Failure> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    sync(&mut transaction).await?;
    sqlx::query("INSERT INTO audit (actor, origin, action, outcome) VALUES ($1, $2, $3, $4)")
        .bind(text(&entry.by))
        .bind(text(&entry.from))
        .bind(text(&entry.action))
        .bind(text(&entry.outcome))
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

pub(super) async fn audit(
    connection: &mut PgConnection,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Audit>, Failure> {
    let query = "SELECT number, at_ms, actor, origin, action, outcome FROM audit
                 WHERE number < $1 ORDER BY number DESC LIMIT $2";
    page(connection, query, before, limit, read_audit).await
}

/// Removes all entries but the newest.
pub(super) async fn prune_audit(connection: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query(
        "DELETE FROM audit
         WHERE number <= (SELECT number FROM audit ORDER BY number DESC LIMIT 1 OFFSET $1)",
    )
    .bind(signed(AUDIT_KEPT))
    .execute(connection)
    .await?;
    Ok(())
}

async fn page<T>(
    connection: &mut PgConnection,
    query: &'static str,
    before: Option<u64>,
    limit: usize,
    read: fn(&PgRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, Failure> {
    let rows = sqlx::query(query)
        .bind(before.map_or(i64::MAX, signed))
        .bind(signed(limit.min(PAGE_MAX) as u64))
        .fetch_all(connection)
        .await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Numbers beyond what PostgreSQL has are beyond all rows.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Text for people. PostgreSQL's has no zero in it, so that one becomes the sign for what cannot be shown.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn read_release(row: &PgRow) -> Result<Release, sqlx::Error> {
    Ok(Release {
        number: number(row, "number")?,
        bundle: opaque(row, "bundle")?,
        at_ms: number(row, "at_ms")?,
        by: row.try_get("actor")?,
        note: row.try_get("note")?,
    })
}

fn read_change(row: &PgRow) -> Result<Change, sqlx::Error> {
    let candidate: Option<i64> = row.try_get("candidate")?;
    let cause: String = row.try_get("cause")?;
    let cause = cause.parse::<Cause>();
    Ok(Change {
        version: number(row, "version")?,
        stable: number(row, "stable")?,
        candidate: candidate.map(i64::cast_unsigned),
        plan: opaque(row, "plan")?,
        cause: cause.map_err(|error| sqlx::Error::Decode(error.into()))?,
        reason: row.try_get("reason")?,
        at_ms: number(row, "at_ms")?,
        by: row.try_get("actor")?,
    })
}

fn read_audit(row: &PgRow) -> Result<Audit, sqlx::Error> {
    Ok(Audit {
        number: number(row, "number")?,
        at_ms: number(row, "at_ms")?,
        by: row.try_get("actor")?,
        from: row.try_get("origin")?,
        action: row.try_get("action")?,
        outcome: row.try_get("outcome")?,
    })
}

fn number(row: &PgRow, column: &str) -> Result<u64, sqlx::Error> {
    row.try_get::<i64, _>(column).map(i64::cast_unsigned)
}

fn opaque(row: &PgRow, column: &str) -> Result<String, sqlx::Error> {
    let bytes: Vec<u8> = row.try_get(column)?;
    String::from_utf8(bytes).map_err(|error| sqlx::Error::Decode(error.into()))
}
