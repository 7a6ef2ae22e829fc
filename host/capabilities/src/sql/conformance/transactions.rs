//! What transactions see, what becomes of them, and that nothing goes on without its caller.

use std::time::Duration;

use super::*;
use crate::sql::Transaction;

async fn begun(database: &Arc<dyn Database>) -> Box<dyn Transaction> {
    let transaction = database.begin(&everything()).await;
    transaction.expect("it begins")
}

pub(super) async fn commits_are_seen_and_rollbacks_are_not(database: Arc<dyn Database>) {
    numbered(&database, 1).await;
    let mut transaction = begun(&database).await;
    let insert = plain("INSERT INTO n VALUES (2)");
    transaction.execute(insert).await.expect("it is good");
    let inside = transaction.query(plain("SELECT count(*) FROM n")).await;
    assert_eq!(inside.expect("it can be read").rows, [[Value::Integer(2)]]);
    assert_eq!(
        integers(&database, "SELECT id FROM n").await,
        [1],
        "not committed yet"
    );
    transaction.commit().await.expect("it commits");
    let mut transaction = begun(&database).await;
    let delete = plain("DELETE FROM n");
    transaction.execute(delete).await.expect("it is good");
    transaction.rollback().await.expect("it rolls back");
    assert_eq!(
        integers(&database, "SELECT id FROM n ORDER BY id").await,
        [1, 2]
    );
}

pub(super) async fn a_dropped_transaction_is_rolled_back(database: Arc<dyn Database>) {
    numbered(&database, 1).await;
    let mut transaction = begun(&database).await;
    let delete = plain("DELETE FROM n");
    transaction.execute(delete).await.expect("it is good");
    drop(transaction);
    run(&database, "INSERT INTO n VALUES (2)").await;
    assert_eq!(
        integers(&database, "SELECT id FROM n ORDER BY id").await,
        [1, 2]
    );
}

pub(super) async fn an_error_rolls_a_transaction_back(database: Arc<dyn Database>) {
    numbered(&database, 1).await;
    for broken in ["SELEC 1", "INSERT INTO n VALUES (1)", "COMMIT"] {
        let mut transaction = begun(&database).await;
        let insert = plain("INSERT INTO n VALUES (2)");
        transaction.execute(insert).await.expect("it is good");
        transaction.execute(plain(broken)).await.expect_err(broken);
        let later = transaction.query(plain("SELECT 1")).await;
        assert_eq!(later, Err(Error::TransactionOver), "{broken}");
        assert_eq!(transaction.commit().await, Err(Error::TransactionOver));
        assert_eq!(
            integers(&database, "SELECT id FROM n").await,
            [1],
            "{broken}"
        );
    }
}

pub(super) async fn a_transaction_that_reads_sees_one_moment(database: Arc<dyn Database>) {
    numbered(&database, 1).await;
    let mut transaction = database.begin(&reading()).await.expect("it begins");
    run(&database, "INSERT INTO n VALUES (2)").await;
    for _ in 0..2 {
        let seen = transaction.query(plain("SELECT id FROM n")).await;
        assert_eq!(seen.expect("it can be read").rows, [[Value::Integer(1)]]);
        run(&database, "DELETE FROM n WHERE id = 2").await;
    }
    transaction.commit().await.expect("it commits");
}

/// Inserts the number of rows there are: only transactions that know of each other make them 0, 1, 2 and so on.
async fn count_up(database: Arc<dyn Database>) {
    loop {
        let attempt = async {
            let mut transaction = database.begin(&everything()).await?;
            let counted = transaction.query(plain("SELECT count(*) FROM n")).await?;
            let insert = statement("INSERT INTO n VALUES ($1)", counted.rows[0].clone());
            transaction.execute(insert).await?;
            transaction.commit().await
        };
        match attempt.await {
            Ok(()) => return,
            Err(Error::Conflict | Error::Constraint { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub(super) async fn transactions_are_serializable(database: Arc<dyn Database>) {
    run(&database, "CREATE TABLE n (id BIGINT NOT NULL)").await;
    let counters: Vec<_> = (0..16)
        .map(|_| tokio::spawn(count_up(Arc::clone(&database))))
        .collect();
    for counter in counters {
        counter.await.expect("a counter does not panic");
    }
    let expected: Vec<i64> = (0..16).collect();
    assert_eq!(
        integers(&database, "SELECT id FROM n ORDER BY id").await,
        expected
    );
}

const ENDLESS: &str = "WITH RECURSIVE c (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c) \
    SELECT count(*) FROM c";

pub(super) async fn endless_statements_end_with_their_caller(database: Arc<dyn Database>) {
    run(&database, "CREATE TABLE n (id BIGINT NOT NULL)").await;
    // More than any pool of connections holds: if one of them went on, the reads below would never come back.
    for _ in 0..16 {
        let (reading, everything) = (reading(), everything());
        assert!(is_left(database.query(&reading, plain(ENDLESS))).await);
        let insert = plain(&format!("INSERT INTO n {ENDLESS}"));
        assert!(is_left(database.execute(&everything, insert)).await);
        let mut transaction = begun(&database).await;
        assert!(is_left(transaction.query(plain(ENDLESS))).await);
    }
    run(&database, "INSERT INTO n VALUES (1)").await;
    assert_eq!(integers(&database, "SELECT id FROM n").await, [1]);
}

/// Waits for a call for a moment, then drops it.
async fn is_left(call: impl Future) -> bool {
    let moment = Duration::from_millis(50);
    tokio::time::timeout(moment, call).await.is_err()
}
