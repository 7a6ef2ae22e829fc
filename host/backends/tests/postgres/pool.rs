//! What is left of a session when somebody else gets its connection.

use std::collections::HashSet;
use std::pin::pin;
use std::task::{Context, Waker};

use tokio::time::timeout;

use super::*;

async fn backend(connection: &dyn Connection) -> i32 {
    match value(connection, "SELECT pg_backend_pid()").await {
        Value::Int32(pid) => pid,
        other => panic!("{other:?}"),
    }
}

/// Opens connections, and leaves each as `soil` does, until one comes back.
async fn reused(client: &dyn Client, soil: &[&str]) -> Arc<dyn Connection> {
    let mut seen = HashSet::new();
    let reusing = async {
        loop {
            let connection = opened(client, &address(), None).await;
            if !seen.insert(backend(&*connection).await) {
                return connection;
            }
            for sql in soil {
                // Some of it fails, on purpose.
                connection.execute(sql, Vec::new()).await.ok();
            }
        }
    };
    let reused = timeout(SOON, reusing).await;
    reused.expect("connections are kept")
}

#[tokio::test]
async fn nothing_of_a_session_is_met_by_the_next_one() {
    let client = client();
    let soil = [
        "SET statement_timeout = 12345",
        "CREATE TEMPORARY TABLE IF NOT EXISTS left_behind (id int)",
        "SELECT pg_try_advisory_lock(hashtext('stoa test of the pool'))",
        "LISTEN left_behind",
    ];
    let connection = reused(&*client, &soil).await;
    let setting = value(&*connection, "SHOW statement_timeout").await;
    assert_ne!(setting, Value::Str("12345ms".into()));
    let table = value(
        &*connection,
        "SELECT to_regclass('pg_temp.left_behind')::text",
    )
    .await;
    assert_eq!(table, Value::Null);
    let locks =
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
    assert_eq!(value(&*connection, locks).await, Value::Int64(0));
    let channels = "SELECT count(*) FROM pg_listening_channels()";
    assert_eq!(value(&*connection, channels).await, Value::Int64(0));
}

#[tokio::test]
async fn a_transaction_ends_with_its_user() {
    let client = client();
    for soil in [&["BEGIN"][..], &["BEGIN", "SELECT 1/0"]] {
        let connection = reused(&*client, soil).await;
        // Outside of a transaction, a savepoint is refused.
        let refused = connection.execute("SAVEPOINT a", Vec::new()).await;
        let Err(Error::Refused(refusal)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(refusal.code, "25P01");
    }
}

#[tokio::test]
async fn a_connection_whose_call_was_given_up_is_not_used_again() {
    let client = client();
    let connection = opened(&*client, &address(), None).await;
    let given_up = backend(&*connection).await;
    {
        let mut sleeping = pin!(connection.execute("SELECT pg_sleep(600)", Vec::new()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(sleeping.as_mut().poll(&mut context).is_pending());
    }
    drop(connection);
    let reused = reused(&*client, &[]).await;
    assert_ne!(backend(&*reused).await, given_up);
    let end = format!("SELECT pg_terminate_backend({given_up})");
    value(&*reused, &end).await;
}

#[tokio::test]
async fn a_connection_whose_rows_were_not_read_is_not_used_again() {
    let client = client();
    let connection = opened(&*client, &address(), None).await;
    let given_up = backend(&*connection).await;
    let sql = "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)";
    let mut answer = connection
        .query(sql, Vec::new())
        .await
        .expect("it is a query");
    assert!(!answer.rows.next().await.expect("it begins").is_empty());
    drop(answer);
    drop(connection);
    let reused = reused(&*client, &[]).await;
    assert_ne!(backend(&*reused).await, given_up);
}

#[tokio::test]
async fn revisions_do_not_share_connections() {
    let (one, other) = (client(), client());
    let first = reused(&*one, &[]).await;
    let pid = backend(&*first).await;
    drop(first);
    let second = reused(&*other, &[]).await;
    assert_ne!(backend(&*second).await, pid);
}

#[tokio::test]
async fn calls_of_one_connection_run_side_by_side() {
    let connection = connection().await;
    let (one, two) = tokio::join!(
        value(&*connection, "SELECT 1"),
        value(&*connection, "SELECT 2"),
    );
    assert_eq!((one, two), (Value::Int32(1), Value::Int32(2)));
}
