//! What statements and batches write, and what keeps them from it.

use super::*;
use crate::sql::{ConstraintKind, Rows};

pub(super) async fn returning_answers_what_was_written(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    let insert = "INSERT INTO t (id, truth) VALUES ($1, $2), ($3, $2) RETURNING id, truth";
    let parameters = vec![Value::Integer(1), Value::Boolean(false), Value::Integer(2)];
    let inserted = run_with(&database, insert, parameters).await;
    assert_eq!(inserted.rows_affected, 2);
    let returned: Vec<Row> = [1, 2]
        .map(|id| vec![Value::Integer(id), Value::Boolean(false)])
        .into();
    assert_eq!(inserted.returned.rows, returned);
    let deleted = run(&database, "DELETE FROM t WHERE id = 2 RETURNING id").await;
    assert_eq!(deleted.returned.rows, [[Value::Integer(2)]]);
    let updated = run(&database, "UPDATE t SET truth = NULL WHERE id = 7").await;
    assert_eq!(
        (updated.rows_affected, updated.returned),
        (0, Rows::default())
    );
}

pub(super) async fn conflicts_can_be_ignored_or_updated(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    run(&database, "INSERT INTO t (id, word) VALUES (1, 'a')").await;
    let ignored = "INSERT INTO t (id, word) VALUES (1, 'b') ON CONFLICT (id) DO NOTHING";
    assert_eq!(run(&database, ignored).await.rows_affected, 0);
    let updated = "INSERT INTO t (id, word) VALUES (1, 'c') \
        ON CONFLICT (id) DO UPDATE SET word = t.word || excluded.word";
    assert_eq!(run(&database, updated).await.rows_affected, 1);
    assert_eq!(value(&database, "SELECT word FROM t").await, text("ac"));
}

pub(super) async fn constraints_are_told_apart(database: Arc<dyn Database>) {
    run(&database, "CREATE TABLE p (id BIGINT NOT NULL PRIMARY KEY)").await;
    let child = "CREATE TABLE c (id BIGINT NOT NULL UNIQUE, p BIGINT REFERENCES p (id), \
        n BIGINT, CONSTRAINT positive CHECK (n > 0))";
    run(&database, child).await;
    run(&database, "INSERT INTO c (id) VALUES (1)").await;
    for (broken, expected) in [
        ("INSERT INTO c (id) VALUES (1)", ConstraintKind::Unique),
        ("INSERT INTO c (id) VALUES (NULL)", ConstraintKind::NotNull),
        ("INSERT INTO c (id, n) VALUES (2, 0)", ConstraintKind::Check),
        (
            "INSERT INTO c (id, p) VALUES (3, 7)",
            ConstraintKind::ForeignKey,
        ),
    ] {
        let error = refused(&database, broken).await;
        let Error::Constraint { kind, name } = error else {
            panic!("{broken}: {error:?}");
        };
        assert_eq!(kind, expected, "{broken}");
        assert!(
            expected != ConstraintKind::Check || name == "positive",
            "{name}"
        );
    }
    assert_eq!(integers(&database, "SELECT id FROM c").await, [1]);
}

pub(super) async fn batches_are_all_or_nothing(database: Arc<dyn Database>) {
    numbered(&database, 1).await;
    let insert = |id| statement("INSERT INTO n VALUES ($1)", vec![Value::Integer(id)]);
    let broken = vec![insert(2), insert(1), insert(3)];
    let outcome = database.batch(&everything(), broken).await;
    assert!(
        matches!(outcome, Err(Error::Constraint { .. })),
        "{outcome:?}"
    );
    assert_eq!(integers(&database, "SELECT id FROM n").await, [1]);
    let good = vec![insert(2), plain("SELECT count(*) FROM n"), insert(3)];
    let executed = database.batch(&everything(), good).await;
    let executed = executed.expect("the batch is good");
    assert_eq!(executed[1].returned.rows, [[Value::Integer(2)]]);
    assert_eq!(
        integers(&database, "SELECT id FROM n ORDER BY id").await,
        [1, 2, 3]
    );
}
