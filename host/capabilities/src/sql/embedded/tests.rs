//! What only an embedded database can go through: its file, and ways out of it.

use std::time::Duration;

use super::*;
use crate::sql::Value;

struct Place {
    folder: tempfile::TempDir,
    database: Arc<Embedded>,
}

fn open() -> Place {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("data.db");
    let database = Embedded::open(&path, Durability::Process).expect("it opens");
    Place { folder, database }
}

fn rules() -> Rules {
    Rules {
        access: Access::ReadWrite,
        tables: None,
        schema: true,
        bytes_max: None,
    }
}

fn plain(text: &str) -> Statement {
    Statement {
        text: text.into(),
        parameters: Vec::new(),
    }
}

impl Place {
    /// Runs a statement, but does not wait for ever: a thread that is stuck never answers.
    async fn run(&self, rules: Rules, text: &str) -> Result<Executed, Error> {
        let rules = Arc::new(rules);
        let run = self.database.execute(&rules, plain(text));
        let outcome = tokio::time::timeout(Duration::from_secs(10), run).await;
        outcome.expect("the writer answers")
    }

    async fn prepared(self, texts: &[&str]) -> Self {
        for text in texts {
            let outcome = self.run(rules(), text).await;
            outcome.unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        self
    }
}

/// With all that a grant can give.
#[tokio::test]
async fn there_is_no_way_out_of_the_file() {
    let place = open().prepared(&["CREATE TABLE t (word TEXT)"]).await;
    let aside = place.folder.path().join("aside.db");
    let aside = aside.display();
    for text in [
        format!("ATTACH '{aside}' AS aside"),
        "ATTACH ':memory:' AS aside".into(),
        "DETACH main".into(),
        format!("VACUUM INTO '{aside}'"),
        "VACUUM".into(),
        "PRAGMA journal_mode = DELETE".into(),
        "PRAGMA writable_schema = ON".into(),
        "PRAGMA max_page_count = 4000000000".into(),
        "PRAGMA temp_store_directory = '/'".into(),
        "SELECT * FROM pragma_database_list".into(),
        "BEGIN".into(),
        "COMMIT".into(),
        "SAVEPOINT a".into(),
        "SELECT load_extension('aside')".into(),
        "SELECT fts3_tokenizer('simple')".into(),
        "UPDATE sqlite_master SET sql = ''".into(),
        "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 2, '')".into(),
        "DELETE FROM sqlite_master".into(),
        "CREATE TEMP TABLE x (id)".into(),
        "CREATE TABLE temp.x (id)".into(),
        "CREATE TEMP VIEW x AS SELECT 1".into(),
        "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END".into(),
        "CREATE VIRTUAL TABLE x USING fts5 (word)".into(),
        "ANALYZE".into(),
        "SELECT * FROM dbstat".into(),
        "SELECT * FROM stoa_migrations".into(),
        "DELETE FROM stoa_migrations".into(),
        "DROP TABLE stoa_migrations".into(),
        "CREATE TABLE stoa_x (id)".into(),
        "ALTER TABLE stoa_migrations ADD COLUMN x".into(),
        "CREATE INDEX x ON stoa_migrations (name)".into(),
    ] {
        let outcome = place.run(rules(), &text).await;
        assert!(
            matches!(outcome, Err(Error::Denied(_))),
            "{text}: {outcome:?}"
        );
    }
    let files = std::fs::read_dir(place.folder.path()).expect("it can be listed");
    let names: Vec<_> = files
        .map(|file| file.expect("it can be read").file_name())
        .collect();
    assert!(!names.iter().any(|name| name == "aside.db"), "{names:?}");
}

#[tokio::test]
async fn names_of_granted_tables_do_not_open_others() {
    let place = open()
        .prepared(&[
            "CREATE TABLE t (word TEXT)",
            "CREATE TABLE secret (word TEXT)",
            "CREATE VIEW v AS SELECT word FROM secret",
            "CREATE TABLE u (word TEXT)",
            "CREATE TRIGGER u_insert AFTER INSERT ON u BEGIN INSERT INTO t SELECT word FROM secret; END",
        ])
        .await;
    let granted = |schema| Rules {
        tables: Some(["t", "u", "v"].map(String::from).into()),
        schema,
        ..rules()
    };
    for text in [
        "SELECT word FROM v",
        "WITH v AS (SELECT word FROM secret) SELECT word FROM v",
        "WITH t AS (SELECT word FROM main.secret) SELECT word FROM t",
        "INSERT INTO u VALUES ('x')",
        "SELECT sql FROM sqlite_master",
        "SELECT name FROM sqlite_schema",
        "SELECT * FROM pragma_table_info('secret')",
        "PRAGMA table_info(secret)",
    ] {
        let outcome = place.run(granted(false), text).await;
        assert!(
            matches!(outcome, Err(Error::Denied(_))),
            "{text}: {outcome:?}"
        );
    }
    for text in [
        "CREATE TABLE other (word TEXT)",
        "ALTER TABLE t RENAME TO other",
        "ALTER TABLE secret ADD COLUMN x TEXT",
        "DROP TABLE secret",
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; END",
        "CREATE INDEX x ON secret (word)",
    ] {
        let outcome = place.run(granted(true), text).await;
        assert!(
            matches!(outcome, Err(Error::Denied(_))),
            "{text}: {outcome:?}"
        );
    }
    for text in [
        "ALTER TABLE t ADD COLUMN x TEXT",
        "CREATE INDEX t_word ON t (word)",
        "DROP INDEX t_word",
        "DROP TABLE t",
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)",
        "INSERT INTO t DEFAULT VALUES",
    ] {
        let outcome = place.run(granted(true), text).await;
        assert!(outcome.is_ok(), "{text}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_one_grant_compiled_is_not_there_for_another() {
    let place = open().prepared(&["CREATE TABLE t (word TEXT)"]).await;
    let none = || Rules {
        tables: Some(Default::default()),
        ..rules()
    };
    for _ in 0..4 {
        assert!(place.run(rules(), "DELETE FROM t").await.is_ok());
        let outcome = place.run(none(), "DELETE FROM t").await;
        assert!(matches!(outcome, Err(Error::Denied(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_file_grows_to_its_quota_and_shrinks_again() {
    let place = open().prepared(&["CREATE TABLE t (bytes BLOB)"]).await;
    let bounded = || Rules {
        bytes_max: Some(256 * 1024),
        ..rules()
    };
    let insert = "INSERT INTO t VALUES (zeroblob(60000))";
    let mut written = 0;
    let outcome = loop {
        match place.run(bounded(), insert).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 10, "it is over its quota");
    };
    assert_eq!(outcome, Error::Quota("bytes_max"));
    assert!(written > 0);
    assert!(place.run(bounded(), "DELETE FROM t").await.is_ok());
    assert!(place.run(bounded(), insert).await.is_ok());
    for _ in 0..10 {
        assert!(
            place.run(rules(), insert).await.is_ok(),
            "others have no quota"
        );
    }
}

#[tokio::test]
async fn a_schema_that_another_connection_changed_is_seen() {
    let place = open().prepared(&["CREATE TABLE t (a TEXT)"]).await;
    let reading = Arc::new(rules().reading());
    for columns in 1..4 {
        let insert = format!("INSERT INTO t (a) VALUES ('{columns}')");
        place.run(rules(), &insert).await.expect("it is good");
        // Compiled, found to be one, and out of the cache.
        for _ in 0..6 {
            let read = place.database.query(&reading, plain("SELECT * FROM t"));
            let read = read.await.expect("it can be read");
            assert_eq!(read.columns.len(), columns);
            assert!(read.rows.iter().all(|row| row.len() == columns));
        }
        let alter = format!("ALTER TABLE t ADD COLUMN c{columns} TEXT");
        place.run(rules(), &alter).await.expect("it is good");
    }
}

#[tokio::test]
async fn the_key_of_the_last_row_is_told_for_inserts_alone() {
    let place = open()
        .prepared(&["CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT)"])
        .await;
    for expected in [1, 2, 3] {
        let executed = place
            .run(rules(), "INSERT INTO t (word) VALUES ('a')")
            .await;
        assert_eq!(executed.expect("it is good").last_insert_id, Some(expected));
        let executed = place.run(rules(), "UPDATE t SET word = 'b'").await;
        assert_eq!(executed.expect("it is good").last_insert_id, None);
    }
}

#[tokio::test]
async fn moments_that_sqlite_writes_are_moments() {
    let place = open()
        .prepared(&[
            "CREATE TABLE t (at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)",
            "INSERT INTO t VALUES ('2026-03-01 12:00:00')",
            "INSERT INTO t DEFAULT VALUES",
        ])
        .await;
    let read = place
        .run(rules(), "SELECT at FROM t")
        .await
        .expect("it can be read");
    let first = Value::Timestamp("2026-03-01T12:00:00.000000Z".into());
    assert_eq!(read.returned.rows[0], [first]);
    assert!(matches!(&read.returned.rows[1][..], [Value::Timestamp(_)]));
}

#[tokio::test]
async fn open_cursors_do_not_keep_plain_reads_waiting() {
    let place = open()
        .prepared(&["CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (1)"])
        .await;
    let reading = Arc::new(rules().reading());
    let mut cursors = Vec::new();
    for _ in 0..SESSIONS {
        let cursor = place.database.cursor(&reading, plain("SELECT id FROM t"));
        cursors.push(cursor.await.expect("it opens"));
    }
    let read = place.database.query(&reading, plain("SELECT id FROM t"));
    let read = tokio::time::timeout(Duration::from_secs(5), read).await;
    assert!(read.expect("it is answered").is_ok());
    assert!(place.run(rules(), "DELETE FROM t").await.is_ok());
    drop(cursors);
    let cursor = place.database.cursor(&reading, plain("SELECT id FROM t"));
    assert!(cursor.await.is_ok(), "dropped cursors leave room");
}

#[tokio::test]
async fn many_statements_do_not_use_up_the_stack() {
    let place = open();
    for text in ["SELECT 1;".repeat(25_000), ";".repeat(250_000)] {
        for _ in 0..3 {
            let outcome = place.run(rules(), &text).await;
            assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
        }
    }
}

#[test]
fn a_check_that_takes_too_long_is_ended_and_undone() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("data.db");
    let connection = sqlite::writer(&path, Durability::Process).expect("it opens");
    let tables = connection.execute_batch(migrate::SCHEMA);
    tables.expect("it gets its tables");
    let connection = Guarded::new(connection).expect("it is guarded");
    let (rules, caller) = (Arc::new(migrate::rules()), Arc::new(()));
    let file = |name: &str, text: &str| Migration {
        name: name.into(),
        text: text.into(),
        contracts: false,
    };
    let endless = "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let files = [file("1", "CREATE TABLE t (id BIGINT)"), file("2", endless)];
    let check = |limit: Duration, files: &[Migration]| {
        connection.run(&rules, Arc::downgrade(&caller), |connection| {
            let contracting = Contracting::Refused;
            Ok(migrate::check(
                connection,
                &rules,
                files,
                contracting,
                limit,
            ))
        })
    };
    let limit = Duration::from_millis(50);
    let late = migrations::Error::Database(Error::Deadline { limit });
    assert_eq!(check(limit, &files), Ok(Err(late)));
    // Neither the table nor the bound is left.
    let one = Ok(vec!["1".to_owned()]);
    assert_eq!(check(Duration::from_secs(600), &files[..1]), Ok(one));
}
