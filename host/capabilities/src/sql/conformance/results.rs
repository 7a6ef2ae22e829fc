//! How much a query answers, and what cursors are for.

use super::*;
use crate::sql::{PAGE_BYTES_MAX, ROWS_MAX};

pub(super) async fn results_over_the_limit_are_refused(database: Arc<dyn Database>) {
    numbered(&database, ROWS_MAX as i64 + 1).await;
    let outcome = database.query(&reading(), plain("SELECT id FROM n")).await;
    assert_eq!(outcome, Err(Error::TooLarge { limit: ROWS_MAX }));
    // What would return too much is not written either.
    let error = refused(&database, "DELETE FROM n RETURNING id").await;
    assert_eq!(error, Error::TooLarge { limit: ROWS_MAX });
    assert_eq!(
        value(&database, "SELECT count(*) FROM n").await,
        Value::Integer(ROWS_MAX as i64 + 1)
    );
}

pub(super) async fn cursors_read_what_is_too_large_for_a_query(database: Arc<dyn Database>) {
    const COUNT: i64 = 100_000;
    numbered(&database, COUNT).await;
    let query = plain("SELECT id FROM n ORDER BY id");
    let mut cursor = database.cursor(&reading(), query).await.expect("it opens");
    assert_eq!(cursor.columns()[0].name, "id");
    let mut expected = 1;
    loop {
        let part = cursor.next(777).await.expect("it can be read");
        assert!(part.len() <= 777);
        if part.is_empty() {
            break;
        }
        for row in part {
            assert_eq!(row, [Value::Integer(expected)]);
            expected += 1;
        }
    }
    assert_eq!(expected, COUNT + 1);
    assert_eq!(
        cursor.next(1).await,
        Ok(Vec::new()),
        "the end stays the end"
    );
}

pub(super) async fn parts_of_large_rows_are_cut(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    for id in 0..4 {
        let large = Value::Blob(vec![1; PAGE_BYTES_MAX / 2 + 1]);
        let parameters = vec![Value::Integer(id), large];
        run_with(
            &database,
            "INSERT INTO t (id, bytes) VALUES ($1, $2)",
            parameters,
        )
        .await;
    }
    let query = plain("SELECT bytes FROM t");
    let mut cursor = database.cursor(&reading(), query).await.expect("it opens");
    for _ in 0..2 {
        let part = cursor.next(ROWS_MAX).await.expect("it can be read");
        assert_eq!(part.len(), 2, "the row that fills a part is still in it");
    }
    assert_eq!(cursor.next(ROWS_MAX).await, Ok(Vec::new()));
}

pub(super) async fn a_cursor_sees_one_moment(database: Arc<dyn Database>) {
    numbered(&database, 10).await;
    let query = plain("SELECT id FROM n ORDER BY id");
    let mut cursor = database.cursor(&reading(), query).await.expect("it opens");
    let first = cursor.next(5).await.expect("it can be read");
    run(&database, "DELETE FROM n").await;
    let second = cursor.next(10).await.expect("it can be read");
    assert_eq!((first.len(), second.len()), (5, 5));
}
