//! Values of every type, there and back, and their order.

use super::*;

pub(super) async fn values_of_every_type_come_back(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    let row = vec![
        Value::Integer(1),
        Value::Boolean(true),
        Value::Real(0.5),
        Value::Decimal("19.99".into()),
        text("word"),
        Value::Blob(vec![0, 255]),
        Value::Timestamp("2026-03-01T12:00:00.000001Z".into()),
    ];
    let mut nulls = vec![Value::Null; row.len()];
    nulls[0] = Value::Integer(2);
    let insert = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7)";
    run_with(&database, insert, row.clone()).await;
    run_with(&database, insert, nulls.clone()).await;
    assert_eq!(
        rows(&database, "SELECT * FROM t ORDER BY id").await,
        [row, nulls]
    );
    assert_eq!(
        integers(&database, "SELECT id FROM t WHERE truth").await,
        [1]
    );
}

pub(super) async fn integers_and_reals_keep_their_extremes(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    let extremes = [
        (i64::MIN, f64::MIN),
        (i64::MAX, f64::MAX),
        (0, f64::MIN_POSITIVE),
        (-1, f64::NEG_INFINITY),
    ];
    for (integer, real) in extremes {
        let parameters = vec![Value::Integer(integer), Value::Real(real)];
        run_with(
            &database,
            "INSERT INTO t (id, number) VALUES ($1, $2)",
            parameters,
        )
        .await;
        let query = "SELECT id, number FROM t WHERE id = $1 AND number = $2";
        let row = vec![Value::Integer(integer), Value::Real(real)];
        let read = database
            .query(&reading(), statement(query, row.clone()))
            .await;
        assert_eq!(read.expect("it can be read").rows, [row]);
    }
    assert_eq!(
        value(&database, "SELECT min(id) FROM t").await,
        Value::Integer(i64::MIN)
    );
}

pub(super) async fn decimals_are_exact_and_canonical(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    let exact = ["0.1", "-19.99", "0", "12345678901.2345", "100", "-0.0001"];
    for (id, decimal) in (0..).zip(exact) {
        let parameters = vec![Value::Integer(id), Value::Decimal(decimal.into())];
        run_with(
            &database,
            "INSERT INTO t (id, price) VALUES ($1, $2)",
            parameters,
        )
        .await;
    }
    let read = rows(&database, "SELECT price FROM t ORDER BY id").await;
    let expected: Vec<_> = exact
        .map(|decimal| vec![Value::Decimal(decimal.into())])
        .into();
    assert_eq!(read, expected);
    assert_eq!(
        integers(&database, "SELECT id FROM t WHERE price < 1 ORDER BY price").await,
        [1, 5, 2, 0]
    );
}

pub(super) async fn timestamps_sort(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    let moments = [
        "2026-03-01T12:00:00.000010Z",
        "2026-03-01T12:00:00.000009Z",
        "1969-12-31T23:59:59.999999Z",
    ];
    for (id, moment) in (0..).zip(moments) {
        let parameters = vec![Value::Integer(id), Value::Timestamp(moment.into())];
        run_with(
            &database,
            "INSERT INTO t (id, at) VALUES ($1, $2)",
            parameters,
        )
        .await;
    }
    assert_eq!(
        integers(&database, "SELECT id FROM t ORDER BY at").await,
        [2, 1, 0]
    );
}

pub(super) async fn texts_and_blobs_may_be_large(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    let bytes: Vec<u8> = (0..1024 * 1024).map(|at| (at % 251) as u8).collect();
    let word = "é".repeat(512 * 1024);
    let row = vec![Value::Integer(1), Value::Text(word), Value::Blob(bytes)];
    let insert = "INSERT INTO t (id, word, bytes) VALUES ($1, $2, $3)";
    run_with(&database, insert, row.clone()).await;
    let read = rows(&database, "SELECT id, word, bytes FROM t").await;
    assert!(read == [row], "what was written is read");
}

pub(super) async fn texts_are_any_unicode_and_compare_by_their_bytes(database: Arc<dyn Database>) {
    run(&database, "CREATE TABLE t (word TEXT NOT NULL PRIMARY KEY)").await;
    let mut words = ["ключ", "🗝️", "a", "B", "é", "'; DROP TABLE t; --", "%_", ""];
    for word in words {
        run_with(&database, "INSERT INTO t VALUES ($1)", vec![text(word)]).await;
    }
    words.sort_unstable();
    let sorted: Vec<_> = words.map(|word| vec![text(word)]).into();
    assert_eq!(
        rows(&database, "SELECT word FROM t ORDER BY word").await,
        sorted
    );
}

pub(super) async fn columns_tell_their_names_and_declared_types(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    let query = "SELECT id, word AS w, 1 + 1 AS two FROM t";
    let read = database.query(&reading(), plain(query)).await;
    let columns = read.expect("it can be read").columns;
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "w", "two"]);
    let declared = |index: usize| columns[index].declared.as_deref().map(str::to_uppercase);
    assert_eq!(declared(0).as_deref(), Some("BIGINT"));
    assert_eq!(declared(1).as_deref(), Some("TEXT"));
}

pub(super) async fn nulls_go_where_the_order_says(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    run(
        &database,
        "INSERT INTO t (id, number) VALUES (1, 2), (2, NULL), (3, 1)",
    )
    .await;
    for (order, ids) in [
        ("number NULLS FIRST", [2, 3, 1]),
        ("number NULLS LAST", [3, 1, 2]),
        ("number DESC NULLS FIRST", [2, 1, 3]),
        ("number DESC NULLS LAST", [1, 3, 2]),
    ] {
        let query = format!("SELECT id FROM t ORDER BY {order}");
        assert_eq!(integers(&database, &query).await, ids, "{order}");
    }
}
