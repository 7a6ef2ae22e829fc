//! What is left of a session when somebody else gets its connection.

use std::collections::HashSet;
use std::pin::pin;
use std::task::{Context, Waker};

use tokio::time::timeout;

use super::*;

async fn number(connection: &dyn Connection) -> String {
    format!("{:?}", value(connection, "SELECT connection_id()").await)
}

/// Opens connections, and leaves each as `soil` does, until one comes back.
async fn reused(client: &dyn Client, address: &str, soil: &[&str]) -> Arc<dyn Connection> {
    let mut seen = HashSet::new();
    let reusing = async {
        loop {
            let connection = opened(client, address).await;
            if !seen.insert(number(&*connection).await) {
                return connection;
            }
            for sql in soil {
                execute(&*connection, sql).await;
            }
        }
    };
    let reused = timeout(SOON, reusing).await;
    reused.expect("connections are kept")
}

#[tokio::test]
async fn nothing_of_a_session_is_met_by_the_next_one() {
    within(|address| async move {
        let client = client();
        let soil = [
            "SET @left = 'behind'",
            "SET SESSION lock_wait_timeout = 12345",
            "CREATE TEMPORARY TABLE IF NOT EXISTS left_behind (id int)",
            "USE information_schema",
        ];
        let connection = reused(&*client, &address, &soil).await;
        let database = value(&*connection, "SELECT database()").await;
        let own = address.rsplit('/').next().expect("it names a database");
        assert_eq!(database, Value::Str(own.into()));
        let left = value(&*connection, "SELECT CAST(@left AS char)").await;
        assert_eq!(left, Value::Null);
        let setting = value(&*connection, "SELECT @@lock_wait_timeout <> 12345").await;
        assert_eq!(setting, Value::Int32(1));
        let gone = connection
            .execute("SELECT * FROM left_behind", Vec::new())
            .await;
        assert!(matches!(gone, Err(Error::QueryFailed(_))), "{gone:?}");
    })
    .await;
}

#[tokio::test]
async fn a_transaction_ends_with_its_user() {
    within(|address| async move {
        let client = client();
        let connection = opened(&*client, &address).await;
        execute(&*connection, "CREATE TABLE a (id int) ENGINE = InnoDB").await;
        drop(connection);
        let soil = ["START TRANSACTION", "INSERT INTO a VALUES (1)"];
        let connection = reused(&*client, &address, &soil).await;
        execute(&*connection, "COMMIT").await;
        let count = value(&*connection, "SELECT count(*) FROM a").await;
        assert_eq!(count, Value::Int64(0));
    })
    .await;
}

#[tokio::test]
async fn a_database_that_was_chosen_is_not_met_where_the_address_names_none() {
    let client = client();
    let connection = opened(&*client, &url()).await;
    let chosen = number(&*connection).await;
    execute(&*connection, "USE information_schema").await;
    drop(connection);
    let connection = reused(&*client, &url(), &[]).await;
    assert_eq!(value(&*connection, "SELECT database()").await, Value::Null);
    assert_ne!(number(&*connection).await, chosen);
}

#[tokio::test]
async fn a_connection_whose_call_was_given_up_is_not_used_again() {
    within(|address| async move {
        let client = client();
        let connection = opened(&*client, &address).await;
        let given_up = number(&*connection).await;
        {
            let mut sleeping = pin!(connection.execute("DO sleep(60)", Vec::new()));
            let mut context = Context::from_waker(Waker::noop());
            assert!(sleeping.as_mut().poll(&mut context).is_pending());
        }
        // Nor by who gave up the call.
        let again = connection.execute("SELECT 1", Vec::new()).await;
        assert!(
            matches!(again, Err(Error::ConnectionFailed(_))),
            "{again:?}"
        );
        drop(connection);
        let reused = reused(&*client, &address, &[]).await;
        assert_ne!(number(&*reused).await, given_up);
    })
    .await;
}

#[tokio::test]
async fn calls_of_one_connection_run_one_after_the_other() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        let (one, two) = tokio::join!(
            value(&*connection, "SELECT 1"),
            value(&*connection, "SELECT 2"),
        );
        assert_eq!((one, two), (Value::Int32(1), Value::Int32(2)));
    })
    .await;
}
