//! What a grant allows.

use super::*;

pub(super) async fn a_call_that_only_reads_cannot_write(database: Arc<dyn Database>) {
    numbered(&database, 3).await;
    for text in [
        "INSERT INTO n VALUES (9)",
        "UPDATE n SET id = id + 9",
        "DELETE FROM n",
        "INSERT INTO n VALUES (9) RETURNING id",
        "CREATE TABLE m (id BIGINT)",
        "DROP TABLE n",
    ] {
        let outcome = database.query(&reading(), plain(text)).await;
        assert!(is_denied(&outcome), "{text}: {outcome:?}");
        let outcome = database.cursor(&reading(), plain(text)).await.map(drop);
        assert!(is_denied(&outcome), "{text}: {outcome:?}");
    }
    assert_eq!(
        integers(&database, "SELECT id FROM n ORDER BY id").await,
        [1, 2, 3]
    );
}

pub(super) async fn a_transaction_that_only_reads_cannot_write(database: Arc<dyn Database>) {
    numbered(&database, 1).await;
    let mut transaction = database.begin(&reading()).await.expect("it begins");
    let outcome = transaction.execute(plain("DELETE FROM n")).await;
    assert!(is_denied(&outcome), "{outcome:?}");
    let mut transaction = database.begin(&everything()).await.expect("it begins");
    let outcome = transaction.query(plain("DELETE FROM n RETURNING id")).await;
    assert!(is_denied(&outcome), "{outcome:?}");
    drop(transaction);
    assert_eq!(integers(&database, "SELECT id FROM n").await, [1]);
}

pub(super) async fn tables_that_were_not_granted_are_like_missing_ones(
    database: Arc<dyn Database>,
) {
    numbered(&database, 1).await;
    run(&database, "CREATE TABLE secret (word TEXT)").await;
    run(&database, "CREATE VIEW peephole AS SELECT word FROM secret").await;
    let rules = only("n");
    for text in [
        "SELECT word FROM NAME",
        "SELECT count(*) FROM NAME",
        "SELECT nowhere FROM NAME",
        "SELECT id FROM n WHERE EXISTS (SELECT 1 FROM NAME)",
        "SELECT id, (SELECT max(word) FROM NAME) FROM n",
        "WITH n AS (SELECT word FROM NAME) SELECT word FROM n",
        "SELECT id FROM n UNION ALL SELECT word FROM NAME",
        "INSERT INTO NAME VALUES ('x')",
        "INSERT INTO n SELECT length(word) FROM NAME",
        "UPDATE NAME SET word = 'x'",
        "DELETE FROM NAME",
        "DELETE FROM n WHERE id IN (SELECT length(word) FROM NAME)",
    ] {
        let mut told = Vec::new();
        for name in ["secret", "peephole", "missing"] {
            let text = text.replace("NAME", name);
            let outcome = database.execute(&rules, plain(&text)).await;
            assert!(is_denied(&outcome), "{text}: {outcome:?}");
            told.push(outcome);
        }
        assert_eq!(told[0], told[1], "{text}");
        assert_eq!(told[0], told[2], "{text}");
    }
    let outcome = database
        .execute(&rules, plain("INSERT INTO n VALUES (2)"))
        .await;
    assert_eq!(outcome.map(|executed| executed.rows_affected), Ok(1));
}

pub(super) async fn the_schema_changes_only_where_it_may(database: Arc<dyn Database>) {
    numbered(&database, 1).await;
    let rules = Arc::new(Rules {
        schema: false,
        ..Rules::clone(&everything())
    });
    for text in [
        "CREATE TABLE m (id BIGINT)",
        "CREATE INDEX i ON n (id)",
        "CREATE VIEW v AS SELECT id FROM n",
        "ALTER TABLE n ADD COLUMN word TEXT",
        "ALTER TABLE n RENAME TO m",
        "DROP TABLE n",
    ] {
        let outcome = database.execute(&rules, plain(text)).await;
        assert!(is_denied(&outcome), "{text}: {outcome:?}");
    }
    run(
        &database,
        "ALTER TABLE n ADD COLUMN word TEXT NOT NULL DEFAULT ''",
    )
    .await;
    run(&database, "CREATE INDEX i ON n (word)").await;
    run(&database, "DROP INDEX i").await;
    run(&database, "DROP TABLE n").await;
}
