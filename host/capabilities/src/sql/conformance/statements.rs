//! What is a statement, and what its parameters are.

use super::*;

pub(super) async fn transaction_control_is_refused(database: Arc<dyn Database>) {
    for text in ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a"] {
        let error = refused(&database, text).await;
        assert!(matches!(error, Error::Denied(_)), "{text}: {error:?}");
        let mut transaction = database.begin(&everything()).await.expect("it begins");
        let outcome = transaction.execute(plain(text)).await;
        assert!(is_denied(&outcome), "{text}: {outcome:?}");
    }
}

pub(super) async fn more_than_one_statement_is_refused(database: Arc<dyn Database>) {
    numbered(&database, 1).await;
    for text in [
        "DELETE FROM n; DELETE FROM n",
        "SELECT 1; DELETE FROM n",
        "SELECT 1; nonsense",
    ] {
        let error = refused(&database, text).await;
        assert!(matches!(error, Error::Invalid(_)), "{text}: {error:?}");
    }
    // So many that a check which goes into each of them would not come back.
    let error = refused(&database, &"SELECT 1;".repeat(20_000)).await;
    assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    assert_eq!(integers(&database, "SELECT id FROM n;").await, [1]);
}

pub(super) async fn what_is_no_sql_is_rejected(database: Arc<dyn Database>) {
    numbered(&database, 1).await;
    for text in [
        "",
        " ;",
        "-- nothing",
        "SELEC 1",
        "SELECT * FROM nowhere",
        "SELECT nowhere FROM n",
        "SELECT id FROM n FOR UPDATE",
    ] {
        let error = refused(&database, text).await;
        assert!(matches!(error, Error::Invalid(_)), "{text:?}: {error:?}");
    }
}

pub(super) async fn parameters_are_counted(database: Arc<dyn Database>) {
    for (text, given) in [
        ("SELECT 1", 1),
        ("SELECT $1", 0),
        ("SELECT $1, $2", 1),
        ("SELECT $1, $2", 3),
        ("SELECT $3", 2),
    ] {
        let parameters = vec![Value::Integer(1); given];
        let outcome = database
            .query(&reading(), statement(text, parameters))
            .await;
        let invalid = matches!(outcome, Err(Error::Invalid(_)));
        assert!(invalid, "{text} with {given}: {outcome:?}");
    }
}

pub(super) async fn parameters_are_bound_by_their_numbers(database: Arc<dyn Database>) {
    run(&database, "CREATE TABLE t (a TEXT, b TEXT, c TEXT)").await;
    let parameters = vec![text("one"), text("two")];
    run_with(
        &database,
        "INSERT INTO t (a, b, c) VALUES ($2, $1, $2)",
        parameters,
    )
    .await;
    assert_eq!(
        rows(&database, "SELECT a, b, c FROM t").await,
        [[text("two"), text("one"), text("two")]]
    );
}
