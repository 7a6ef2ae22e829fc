//! Results: how much they may be, how they arrive, and what is told instead of one.

use super::*;

const LIMIT: usize = 64 * 1024;

async fn limited() -> Arc<dyn Connection> {
    let config = Config {
        result_bytes_max: LIMIT,
        ..Config::default()
    };
    opened(&*client_with(&config, &[&server()]), &address(), None).await
}

#[tokio::test]
async fn a_result_of_too_many_rows_is_refused() {
    let connection = limited().await;
    let sql = "SELECT repeat('x', 1000) FROM generate_series(1, 100000)";
    let refused = query(&*connection, sql, Vec::new()).await;
    assert_eq!(refused, Err(Error::TooLarge(LIMIT)));
    // What was not read of it does not stand in the way.
    assert_eq!(value(&*connection, "SELECT 1").await, Value::Int32(1));
}

#[tokio::test]
async fn a_row_that_is_too_large_is_refused_before_it_is_here() {
    let connection = limited().await;
    let sql = "SELECT repeat('x', 10000000)";
    let refused = query(&*connection, sql, Vec::new()).await;
    assert_eq!(refused, Err(Error::TooLarge(LIMIT)));
    // That took the connection with it.
    let again = connection.execute("SELECT 1", Vec::new()).await;
    assert!(matches!(again, Err(Error::QueryFailed(_))), "{again:?}");
}

#[tokio::test]
async fn what_a_server_refuses_is_told_in_its_words() {
    let connection = connection().await;
    let refused = query(&*connection, "SELECT FROM nowhere", Vec::new()).await;
    let Err(Error::Refused(refusal)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((&*refusal.severity, &*refusal.code), ("ERROR", "42P01"));
    assert!(refusal.message.contains("nowhere"));
    execute(
        &*connection,
        "CREATE TEMPORARY TABLE a (id int CONSTRAINT once UNIQUE)",
    )
    .await;
    execute(&*connection, "INSERT INTO a VALUES (1)").await;
    let refused = connection
        .execute("INSERT INTO a VALUES (1)", Vec::new())
        .await;
    let Err(Error::Refused(refusal)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refusal.code, "23505");
    assert!(
        refusal
            .detail
            .is_some_and(|detail| detail.contains("(id)=(1)"))
    );
    assert!(
        refusal
            .extras
            .contains(&("constraint".into(), "once".into()))
    );
    assert_eq!(
        value(&*connection, "SELECT count(*) FROM a").await,
        Value::Int64(1)
    );
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_refused() {
    let connection = connection().await;
    let bad = query(
        &*connection,
        "SELECT $1::date",
        vec![Value::Date((2023, 2, 29))],
    )
    .await;
    assert!(matches!(bad, Err(Error::BadParameter(_))), "{bad:?}");
    for parameters in [
        Vec::new(),
        vec![Value::Int32(1), Value::Int32(2)],
        vec![Value::Str("1".into())],
    ] {
        let refused = query(&*connection, "SELECT $1::int4", parameters).await;
        assert!(matches!(refused, Err(Error::QueryFailed(_))), "{refused:?}");
    }
    assert_eq!(value(&*connection, "SELECT 1").await, Value::Int32(1));
}

#[tokio::test]
async fn what_has_no_value_in_the_contract_is_refused() {
    let connection = connection().await;
    for sql in [
        "SELECT 'infinity'::date",
        "SELECT '-infinity'::timestamp",
        "SELECT '{{1,2},{3,4}}'::int4[]",
    ] {
        let refused = query(&*connection, sql, Vec::new()).await;
        assert!(
            matches!(refused, Err(Error::ValueConversionFailed(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn statements_tell_how_many_rows_they_changed() {
    let connection = connection().await;
    assert_eq!(
        execute(&*connection, "CREATE TEMPORARY TABLE a (id int)").await,
        0
    );
    let insert = "INSERT INTO a SELECT generate_series(1, 5)";
    assert_eq!(execute(&*connection, insert).await, 5);
    assert_eq!(execute(&*connection, "DELETE FROM a WHERE id > 3").await, 2);
}

#[tokio::test]
async fn columns_are_told_where_there_are_no_rows() {
    let connection = connection().await;
    let found = query(
        &*connection,
        "SELECT 1 AS one, 'a'::text AS a WHERE false",
        Vec::new(),
    );
    let (columns, rows) = found.await.expect("it is a query");
    let names: Vec<_> = columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["one", "a"]);
    assert!(rows.is_empty());
}

#[tokio::test]
async fn rows_arrive_in_parts() {
    let connection = connection().await;
    let sql = "SELECT generate_series(1, 10000)";
    let mut answer = connection
        .query(sql, Vec::new())
        .await
        .expect("it is a query");
    let (mut expected, mut parts) = (1, 0);
    loop {
        let rows = answer.rows.next().await.expect("it goes on");
        if rows.is_empty() {
            break;
        }
        parts += 1;
        for row in rows {
            assert_eq!(row, [Value::Int32(expected)]);
            expected += 1;
        }
    }
    assert_eq!(expected, 10_001);
    assert!(parts > 1);
    assert_eq!(answer.rows.next().await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_error_after_some_rows_is_told() {
    let connection = connection().await;
    let sql = "SELECT 1 / (5 - n) FROM generate_series(1, 10) AS n";
    let refused = query(&*connection, sql, Vec::new()).await;
    let Err(Error::Refused(refusal)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refusal.code, "22012");
}
