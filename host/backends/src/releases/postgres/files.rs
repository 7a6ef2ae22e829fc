//! Files, in pieces, so that no statement is huge.

use std::collections::HashSet;

use bytes::Bytes;
use sqlx::{Connection, PgConnection};
use stoa_capabilities::releases::{Digest, Error, FILE_BYTES_MAX, UPLOAD_KEPT_SECONDS, absent};

use super::connection::{BEGIN, Failure};
use super::history::{lock, signed, sync};

/// Bytes of a piece.
const PIECE_BYTES: usize = 1024 * 1024;
/// Files that go in one turn: all who publish wait for it.
const PRUNED_MAX: i64 = 16;

/// Those that are not there.
pub(super) async fn missing(
    connection: &mut PgConnection,
    digests: Vec<Digest>,
) -> Result<Vec<Digest>, Failure> {
    let held: Vec<Vec<u8>> = sqlx::query_scalar("SELECT digest FROM files WHERE digest = ANY($1)")
        .bind(hashes(&digests))
        .fetch_all(connection)
        .await?;
    Ok(without(&digests, &held))
}

/// As [`missing`], and keeps those that are there from being pruned before the transaction ends.
pub(super) async fn hold(
    connection: &mut PgConnection,
    digests: &[Digest],
) -> Result<Vec<Digest>, Failure> {
    let held: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT digest FROM files WHERE digest = ANY($1) FOR KEY SHARE")
            .bind(hashes(digests))
            .fetch_all(connection)
            .await?;
    Ok(without(digests, &held))
}

/// The files of a release that are gone.
pub(super) async fn lost(
    connection: &mut PgConnection,
    release: u64,
) -> Result<Vec<Digest>, Failure> {
    let lost: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT digest FROM release_files WHERE release = $1
         AND NOT EXISTS (SELECT 1 FROM files WHERE files.digest = release_files.digest)",
    )
    .bind(signed(release))
    .fetch_all(connection)
    .await?;
    let lost = lost.iter().filter_map(|hash| Digest::from_slice(hash));
    Ok(lost.collect())
}

/// The digests as the database has them.
pub(super) fn hashes(digests: &[Digest]) -> Vec<Vec<u8>> {
    digests.iter().map(|it| it.as_bytes().to_vec()).collect()
}

fn without(digests: &[Digest], held: &[Vec<u8>]) -> Vec<Digest> {
    let held: HashSet<Digest> = held
        .iter()
        .filter_map(|hash| Digest::from_slice(hash))
        .collect();
    absent(digests, |digest| held.contains(digest))
}

/// Stores a file that was verified. Its row comes first: of two who store the same one, the second waits for the first.
/// What was there is replaced: it may be damaged, and its age begins anew.
pub(super) async fn put(
    connection: &mut PgConnection,
    digest: Digest,
    bytes: Bytes,
) -> Result<(), Failure> {
    let hash = digest.as_bytes().as_slice();
    let mut transaction = connection.begin_with(BEGIN).await?;
    sync(&mut transaction).await?;
    sqlx::query(
        "INSERT INTO files (digest, size) VALUES ($1, $2)
         ON CONFLICT (digest) DO UPDATE SET size = excluded.size, uploaded_at = clock_timestamp()",
    )
    .bind(hash)
    .bind(signed(bytes.len() as u64))
    .execute(&mut *transaction)
    .await?;
    sqlx::query("DELETE FROM pieces WHERE digest = $1")
        .bind(hash)
        .execute(&mut *transaction)
        .await?;
    for (number, piece) in (0_i32..).zip(bytes.chunks(PIECE_BYTES)) {
        sqlx::query("INSERT INTO pieces (digest, number, bytes) VALUES ($1, $2, $3)")
            .bind(hash)
            .bind(number)
            .bind(piece)
            .execute(&mut *transaction)
            .await?;
    }
    Ok(transaction.commit().await?)
}

/// The bytes of a file, all of one moment, to be verified.
pub(super) async fn get(connection: &mut PgConnection, digest: Digest) -> Result<Bytes, Failure> {
    let hash = digest.as_bytes().as_slice();
    let moment = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut transaction = connection.begin_with(moment).await?;
    let size: Option<i64> = sqlx::query_scalar("SELECT size FROM files WHERE digest = $1")
        .bind(hash)
        .fetch_optional(&mut *transaction)
        .await?;
    let size = size.ok_or_else(|| Error::Missing(vec![digest]))?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > FILE_BYTES_MAX {
        return Err(Error::Damaged(digest).into());
    }
    let mut bytes = Vec::with_capacity(size);
    for number in 0_i32.. {
        let piece: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT bytes FROM pieces WHERE digest = $1 AND number = $2")
                .bind(hash)
                .bind(number)
                .fetch_optional(&mut *transaction)
                .await?;
        match piece {
            Some(piece) if bytes.len() + piece.len() <= size => bytes.extend_from_slice(&piece),
            Some(_) => return Err(Error::Damaged(digest).into()),
            None => break,
        }
    }
    transaction.commit().await?;
    Ok(bytes.into())
}

/// Removes some of the files that nobody needs, and answers how many. Those that are being stored anew are passed over.
pub(super) async fn prune(
    connection: &mut PgConnection,
    releases_kept: u64,
) -> Result<u64, Failure> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    lock(&mut transaction).await?;
    let removed = sqlx::query(
        "WITH latest AS (SELECT stable, candidate FROM changes ORDER BY version DESC LIMIT 1),
         previous AS (
             SELECT stable FROM changes WHERE stable <> (SELECT stable FROM latest) ORDER BY version DESC LIMIT 1
         ),
         gone AS (
             SELECT digest FROM files
             WHERE uploaded_at < clock_timestamp() - make_interval(secs => $1)
               AND NOT EXISTS (
                   SELECT 1 FROM release_files WHERE release_files.digest = files.digest AND (
                       release > (SELECT coalesce(max(number), 0) FROM releases) - $2
                       OR release IN (
                           SELECT stable FROM latest UNION ALL SELECT candidate FROM latest
                           UNION ALL SELECT stable FROM previous
                       )
                   )
               )
             LIMIT $3 FOR UPDATE OF files SKIP LOCKED
         )
         DELETE FROM files WHERE digest IN (SELECT digest FROM gone)",
    )
    .bind(UPLOAD_KEPT_SECONDS as f64)
    .bind(signed(releases_kept))
    .bind(PRUNED_MAX)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(removed.rows_affected())
}
