//! Results: how much they may be, how they arrive, and what is told instead of one.

use super::*;

const LIMIT: usize = 64 * 1024;

async fn limited(address: &str) -> Arc<dyn Connection> {
    let config = Config {
        result_bytes_max: LIMIT,
        ..Config::default()
    };
    opened(&*client_with(&config, &[&server()]), address).await
}

/// So many rows of a text that is so long.
fn rows_of(rows: u32, length: u32) -> String {
    format!(
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         SELECT repeat('x', {length}) FROM n"
    )
}

#[tokio::test]
async fn a_result_of_too_many_rows_is_refused() {
    within(|address| async move {
        let connection = limited(&address).await;
        let refused = query(&*connection, &rows_of(900, 1000), Vec::new()).await;
        assert_eq!(refused, Err(Error::TooLarge(LIMIT)));
        // What was not read of it does not stand in the way.
        assert_eq!(value(&*connection, "SELECT 1").await, Value::Int32(1));
    })
    .await;
}

#[tokio::test]
async fn a_row_that_is_too_large_is_refused_before_it_is_here() {
    within(|address| async move {
        let connection = limited(&address).await;
        let refused = query(&*connection, &rows_of(1, 1_000_000), Vec::new()).await;
        assert_eq!(refused, Err(Error::TooLarge(LIMIT)));
        // That took the connection with it.
        let again = connection.execute("SELECT 1", Vec::new()).await;
        assert!(
            matches!(again, Err(Error::ConnectionFailed(_))),
            "{again:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_server_refuses_is_told_in_its_words() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        let refused = query(&*connection, "SELECT * FROM nowhere", Vec::new()).await;
        let Err(Error::QueryFailed(told)) = refused else {
            panic!("{refused:?}");
        };
        assert!(told.contains("ERROR 1146 (42S02)"), "{told}");
        execute(&*connection, "CREATE TABLE a (id int PRIMARY KEY)").await;
        execute(&*connection, "INSERT INTO a VALUES (1)").await;
        let refused = connection
            .execute("INSERT INTO a VALUES (1)", Vec::new())
            .await;
        let Err(Error::QueryFailed(told)) = refused else {
            panic!("{refused:?}");
        };
        assert!(told.contains("ERROR 1062 (23000)"), "{told}");
        assert_eq!(
            value(&*connection, "SELECT count(*) FROM a").await,
            Value::Int64(1)
        );
    })
    .await;
}

#[tokio::test]
async fn too_few_and_too_many_parameters_are_refused() {
    within(|address| async move {
        for parameters in [Vec::new(), vec![Value::Int32(1), Value::Int32(2)]] {
            let connection = opened(&*client(), &address).await;
            let refused = query(&*connection, "SELECT ?", parameters).await;
            assert!(matches!(refused, Err(Error::QueryFailed(_))), "{refused:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_has_no_value_in_the_contract_is_refused() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        for sql in [
            "SELECT 1.5",
            "SELECT now()",
            "SELECT CAST('2024-02-29' AS date)",
        ] {
            let refused = query(&*connection, sql, Vec::new()).await;
            assert!(
                matches!(refused, Err(Error::ValueConversionFailed(_))),
                "{refused:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn columns_are_told_where_there_are_no_rows() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        let found = query(
            &*connection,
            "SELECT 1 AS one, 'a' AS a LIMIT 0",
            Vec::new(),
        )
        .await;
        let (columns, rows) = found.expect("it is a query");
        let names: Vec<_> = columns.iter().map(|column| &*column.name).collect();
        assert_eq!(names, ["one", "a"]);
        assert!(rows.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_statement_without_rows_has_none() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        let found = query(&*connection, "CREATE TABLE a (id int)", Vec::new()).await;
        assert_eq!(found, Ok((Vec::new(), Vec::new())));
    })
    .await;
}

#[tokio::test]
async fn of_several_results_the_first_is_told() {
    within(|address| async move {
        aside(&format!(
            "CREATE PROCEDURE {}.two() BEGIN SELECT 1; SELECT 2; END",
            address.rsplit('/').next().expect("it names a database")
        ))
        .await;
        let connection = opened(&*client(), &address).await;
        let found = query(&*connection, "CALL two()", Vec::new()).await;
        let (_, rows) = found.expect("it is a query");
        assert_eq!(rows, [vec![Value::Int32(1)]]);
        assert_eq!(value(&*connection, "SELECT 3").await, Value::Int32(3));
    })
    .await;
}

#[tokio::test]
async fn a_refusal_behind_the_first_result_is_told() {
    within(|address| async move {
        aside(&format!(
            "CREATE PROCEDURE {}.half() BEGIN SELECT 1; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END",
            address.rsplit('/').next().expect("it names a database")
        ))
        .await;
        let connection = opened(&*client(), &address).await;
        let refused = query(&*connection, "CALL half()", Vec::new()).await;
        let told = Error::QueryFailed("ERROR 1644 (45000): no".into());
        assert_eq!(refused, Err(told));
        assert_eq!(value(&*connection, "SELECT 3").await, Value::Int32(3));
    })
    .await;
}

#[tokio::test]
async fn statements_that_are_not_kept_are_prepared_again() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        for _ in 0..2 {
            for number in 0..20 {
                let found = value(&*connection, &format!("SELECT {number}")).await;
                assert_eq!(found, Value::Int32(number));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn rows_arrive_in_parts() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        let sql = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i FROM n";
        let mut answer = connection.query(sql, Vec::new()).await.expect("it is a query");
        let (mut found, mut parts) = (Vec::new(), 0);
        loop {
            let rows = answer.rows.next().await.expect("it goes on");
            if rows.is_empty() {
                break;
            }
            parts += 1;
            found.extend(rows);
        }
        assert_eq!(found.len(), 900);
        assert!(parts > 1);
        assert_eq!(answer.rows.next().await, Ok(Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_dropped_leaves_a_connection_that_answers() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        let answer = connection.query(&rows_of(900, 1000), Vec::new()).await;
        let mut answer = answer.expect("it is a query");
        assert!(!answer.rows.next().await.expect("it begins").is_empty());
        drop(answer);
        assert_eq!(value(&*connection, "SELECT 1").await, Value::Int32(1));
    })
    .await;
}
