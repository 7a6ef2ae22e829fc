//! The tables of a history, in a schema of their own.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::OpenError;
use super::connection::BEGIN;

/// The form of the tables that this version writes. Tables of a later form are left alone: what they mean is not known
/// here.
pub(super) const FORM: i32 = 1;

/// The advisory lock under which tables are made: "stoarels" in ASCII. Those who make other schemas of the same database
/// wait for each other, which costs nobody anything.
const LOCK: i64 = 0x7374_6f61_7265_6c73;

/// Bundles and plans are bytes, because text in PostgreSQL cannot hold every text. `mark` has one row: its lock is the
/// lock of all writers.
const TABLES: &str = "
    CREATE TABLE mark (id integer PRIMARY KEY CHECK (id = 0), form integer NOT NULL);
    INSERT INTO mark VALUES (0, 1);
    CREATE TABLE releases (
        number bigint PRIMARY KEY,
        bundle bytea NOT NULL,
        at_ms bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
        actor text NOT NULL,
        note text NOT NULL
    );
    CREATE TABLE release_files (
        release bigint NOT NULL REFERENCES releases, digest bytea NOT NULL, PRIMARY KEY (release, digest)
    );
    CREATE INDEX release_files_by_digest ON release_files (digest);
    CREATE TABLE changes (
        version bigint PRIMARY KEY,
        stable bigint NOT NULL REFERENCES releases,
        candidate bigint REFERENCES releases,
        plan bytea NOT NULL,
        cause text NOT NULL,
        reason text NOT NULL,
        at_ms bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
        actor text NOT NULL
    );
    CREATE TABLE audit (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at_ms bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
        actor text NOT NULL,
        origin text NOT NULL,
        action text NOT NULL,
        outcome text NOT NULL
    );
    CREATE TABLE files (
        digest bytea PRIMARY KEY, size bigint NOT NULL, uploaded_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE TABLE pieces (
        digest bytea NOT NULL REFERENCES files ON DELETE CASCADE,
        number integer NOT NULL,
        bytes bytea NOT NULL,
        PRIMARY KEY (digest, number)
    );
";

/// Makes what is missing, and answers the latest version: 0 before the first.
pub(super) async fn prepare(options: &PgConnectOptions, schema: &str) -> Result<u64, OpenError> {
    let mut connection = PgConnection::connect_with(options).await?;
    let mut transaction = connection.begin_with(BEGIN).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *transaction)
        .await?;
    make(&mut transaction, schema).await?;
    let found: i32 = sqlx::query_scalar("SELECT form FROM mark WHERE id = 0")
        .fetch_one(&mut *transaction)
        .await?;
    if found != FORM {
        return Err(OpenError::Newer { found });
    }
    let version: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM changes")
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(version.map_or(0, i64::cast_unsigned))
}

/// Makes the schema and its tables, unless they are there: who only uses them needs no right to make them. The name was
/// checked to need no quotes, and gets some all the same, because it may be a word of SQL.
async fn make(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let made: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(format!("\"{schema}\".mark"))
        .fetch_one(&mut *connection)
        .await?;
    if made {
        return Ok(());
    }
    let named: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)")
            .bind(schema)
            .fetch_one(&mut *connection)
            .await?;
    if !named {
        let create = AssertSqlSafe(format!("CREATE SCHEMA \"{schema}\""));
        sqlx::raw_sql(create).execute(&mut *connection).await?;
    }
    sqlx::raw_sql(TABLES).execute(&mut *connection).await?;
    Ok(())
}
