//! What every database must do, whatever stands behind it, in the dialect of `docs/sql.md`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::grants::Access;

use super::{
    ConstraintKind, Database, Error, Executed, Migration, PAGE_BYTES_MAX, ROWS_MAX, Row, Rows,
    Rules, Statement, Transaction, Value, migrations,
};

/// A case at work.
pub type Trial = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A fact about a database that starts empty. It panics where the fact does not hold.
pub struct Case {
    /// The fact.
    pub name: &'static str,
    /// Tries it.
    pub run: fn(Arc<dyn Database>) -> Trial,
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// All facts, to be tried one by one, each on a fresh database.
        pub const CASES: &[Case] = &[$(Case { name: stringify!($name), run: |database| Box::pin($name(database)) }),*];
    };
}

cases![
    a_call_that_only_reads_cannot_write,
    a_transaction_that_only_reads_cannot_write,
    tables_that_were_not_granted_are_like_missing_ones,
    the_schema_changes_only_where_it_may,
    transaction_control_is_refused,
    more_than_one_statement_is_refused,
    what_is_no_sql_is_rejected,
    parameters_are_counted,
    parameters_are_bound_by_their_numbers,
    values_of_every_type_come_back,
    integers_and_reals_keep_their_extremes,
    decimals_are_exact_and_canonical,
    timestamps_sort,
    texts_and_blobs_may_be_large,
    texts_are_any_unicode_and_compare_by_their_bytes,
    columns_tell_their_names_and_declared_types,
    nulls_go_where_the_order_says,
    returning_answers_what_was_written,
    conflicts_can_be_ignored_or_updated,
    constraints_are_told_apart,
    results_over_the_limit_are_refused,
    cursors_read_what_is_too_large_for_a_query,
    parts_of_large_rows_are_cut,
    a_cursor_sees_one_moment,
    batches_are_all_or_nothing,
    commits_are_seen_and_rollbacks_are_not,
    a_dropped_transaction_is_rolled_back,
    an_error_rolls_a_transaction_back,
    a_transaction_that_reads_sees_one_moment,
    transactions_are_serializable,
    endless_statements_end_with_their_caller,
    migrations_are_applied_once_and_as_a_whole,
    migrations_that_contract_are_refused_unless_flagged,
    migrations_that_contract_are_refused_while_an_older_release_is_live,
    changed_migrations_are_refused,
    a_check_that_fails_leaves_nothing,
    a_check_says_what_a_migration_would,
];

fn everything() -> Arc<Rules> {
    Arc::new(Rules {
        access: Access::ReadWrite,
        tables: None,
        schema: true,
        bytes_max: None,
    })
}

fn reading() -> Arc<Rules> {
    Arc::new(everything().reading())
}

fn only(table: &str) -> Arc<Rules> {
    Arc::new(Rules {
        tables: Some([table.to_owned()].into()),
        schema: false,
        ..Rules::clone(&everything())
    })
}

fn statement(text: &str, parameters: Vec<Value>) -> Statement {
    Statement {
        text: text.into(),
        parameters,
    }
}

fn plain(text: &str) -> Statement {
    statement(text, Vec::new())
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

async fn run(database: &Arc<dyn Database>, text: &str) -> Executed {
    run_with(database, text, Vec::new()).await
}

async fn run_with(database: &Arc<dyn Database>, text: &str, parameters: Vec<Value>) -> Executed {
    let outcome = database
        .execute(&everything(), statement(text, parameters))
        .await;
    outcome.unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn refused(database: &Arc<dyn Database>, text: &str) -> Error {
    let outcome = database.execute(&everything(), plain(text)).await;
    outcome.expect_err(text)
}

async fn rows(database: &Arc<dyn Database>, text: &str) -> Vec<Row> {
    let outcome = database.query(&reading(), plain(text)).await;
    outcome
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .rows
}

/// The one value of a result.
async fn value(database: &Arc<dyn Database>, text: &str) -> Value {
    let mut rows = rows(database, text).await;
    assert_eq!(rows.len(), 1, "{text}");
    rows.remove(0).remove(0)
}

/// One column of integers.
async fn integers(database: &Arc<dyn Database>, text: &str) -> Vec<i64> {
    let rows = rows(database, text).await;
    let integer = |row: Row| match row.as_slice() {
        [Value::Integer(integer)] => *integer,
        _ => panic!("{text}: {row:?} is no integer"),
    };
    rows.into_iter().map(integer).collect()
}

async fn numbered(database: &Arc<dyn Database>, count: i64) {
    run(database, "CREATE TABLE n (id BIGINT NOT NULL PRIMARY KEY)").await;
    run_with(
        database,
        "WITH RECURSIVE c (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c WHERE id < $1) \
         INSERT INTO n SELECT id FROM c",
        vec![Value::Integer(count)],
    )
    .await;
}

fn is_denied<T: std::fmt::Debug>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Denied(_)))
}

async fn a_call_that_only_reads_cannot_write(database: Arc<dyn Database>) {
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

async fn a_transaction_that_only_reads_cannot_write(database: Arc<dyn Database>) {
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

async fn tables_that_were_not_granted_are_like_missing_ones(database: Arc<dyn Database>) {
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

async fn the_schema_changes_only_where_it_may(database: Arc<dyn Database>) {
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

async fn transaction_control_is_refused(database: Arc<dyn Database>) {
    for text in ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a"] {
        let error = refused(&database, text).await;
        assert!(matches!(error, Error::Denied(_)), "{text}: {error:?}");
        let mut transaction = database.begin(&everything()).await.expect("it begins");
        let outcome = transaction.execute(plain(text)).await;
        assert!(is_denied(&outcome), "{text}: {outcome:?}");
    }
}

async fn more_than_one_statement_is_refused(database: Arc<dyn Database>) {
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

async fn what_is_no_sql_is_rejected(database: Arc<dyn Database>) {
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

async fn parameters_are_counted(database: Arc<dyn Database>) {
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

async fn parameters_are_bound_by_their_numbers(database: Arc<dyn Database>) {
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

const TYPED: &str = "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, truth BOOLEAN, \
    number DOUBLE PRECISION, price DECIMAL(15, 4), word TEXT, bytes BYTEA, at TIMESTAMPTZ)";

async fn values_of_every_type_come_back(database: Arc<dyn Database>) {
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

async fn integers_and_reals_keep_their_extremes(database: Arc<dyn Database>) {
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

async fn decimals_are_exact_and_canonical(database: Arc<dyn Database>) {
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

async fn timestamps_sort(database: Arc<dyn Database>) {
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

async fn texts_and_blobs_may_be_large(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    let bytes: Vec<u8> = (0..1024 * 1024).map(|at| (at % 251) as u8).collect();
    let word = "é".repeat(512 * 1024);
    let row = vec![Value::Integer(1), Value::Text(word), Value::Blob(bytes)];
    let insert = "INSERT INTO t (id, word, bytes) VALUES ($1, $2, $3)";
    run_with(&database, insert, row.clone()).await;
    let read = rows(&database, "SELECT id, word, bytes FROM t").await;
    assert!(read == [row], "what was written is read");
}

async fn texts_are_any_unicode_and_compare_by_their_bytes(database: Arc<dyn Database>) {
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

async fn columns_tell_their_names_and_declared_types(database: Arc<dyn Database>) {
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

async fn nulls_go_where_the_order_says(database: Arc<dyn Database>) {
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

async fn returning_answers_what_was_written(database: Arc<dyn Database>) {
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

async fn conflicts_can_be_ignored_or_updated(database: Arc<dyn Database>) {
    run(&database, TYPED).await;
    run(&database, "INSERT INTO t (id, word) VALUES (1, 'a')").await;
    let ignored = "INSERT INTO t (id, word) VALUES (1, 'b') ON CONFLICT (id) DO NOTHING";
    assert_eq!(run(&database, ignored).await.rows_affected, 0);
    let updated = "INSERT INTO t (id, word) VALUES (1, 'c') \
        ON CONFLICT (id) DO UPDATE SET word = t.word || excluded.word";
    assert_eq!(run(&database, updated).await.rows_affected, 1);
    assert_eq!(value(&database, "SELECT word FROM t").await, text("ac"));
}

async fn constraints_are_told_apart(database: Arc<dyn Database>) {
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

async fn results_over_the_limit_are_refused(database: Arc<dyn Database>) {
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

async fn cursors_read_what_is_too_large_for_a_query(database: Arc<dyn Database>) {
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

async fn parts_of_large_rows_are_cut(database: Arc<dyn Database>) {
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

async fn a_cursor_sees_one_moment(database: Arc<dyn Database>) {
    numbered(&database, 10).await;
    let query = plain("SELECT id FROM n ORDER BY id");
    let mut cursor = database.cursor(&reading(), query).await.expect("it opens");
    let first = cursor.next(5).await.expect("it can be read");
    run(&database, "DELETE FROM n").await;
    let second = cursor.next(10).await.expect("it can be read");
    assert_eq!((first.len(), second.len()), (5, 5));
}

async fn batches_are_all_or_nothing(database: Arc<dyn Database>) {
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

async fn begun(database: &Arc<dyn Database>) -> Box<dyn Transaction> {
    let transaction = database.begin(&everything()).await;
    transaction.expect("it begins")
}

async fn commits_are_seen_and_rollbacks_are_not(database: Arc<dyn Database>) {
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

async fn a_dropped_transaction_is_rolled_back(database: Arc<dyn Database>) {
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

async fn an_error_rolls_a_transaction_back(database: Arc<dyn Database>) {
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

async fn a_transaction_that_reads_sees_one_moment(database: Arc<dyn Database>) {
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

async fn transactions_are_serializable(database: Arc<dyn Database>) {
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

async fn endless_statements_end_with_their_caller(database: Arc<dyn Database>) {
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

fn file(name: &str, text: &str) -> Migration {
    Migration {
        name: name.into(),
        text: text.into(),
        contracts: false,
    }
}

const ALLOWED: migrations::Contracting = migrations::Contracting::Allowed;
const REFUSED: migrations::Contracting = migrations::Contracting::Refused;

async fn migrations_are_applied_once_and_as_a_whole(database: Arc<dyn Database>) {
    let first = file(
        "1",
        "CREATE TABLE n (id BIGINT NOT NULL); INSERT INTO n VALUES (1);",
    );
    let broken = file("2", "INSERT INTO n VALUES (2); INSERT INTO n VALUES (NULL)");
    let outcome = database.migrate(vec![first.clone(), broken], ALLOWED).await;
    let Err(migrations::Error::Rejected {
        name, statement, ..
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((name.as_str(), statement), ("2", 2));
    assert_eq!(integers(&database, "SELECT id FROM n").await, [1]);
    let good = file("2", "INSERT INTO n VALUES (2)");
    let set = vec![good, first];
    assert_eq!(
        database.migrate(set.clone(), REFUSED).await,
        Ok(vec!["2".to_owned()])
    );
    assert_eq!(database.migrate(set, ALLOWED).await, Ok(vec![]));
    assert_eq!(
        integers(&database, "SELECT id FROM n ORDER BY id").await,
        [1, 2]
    );
}

/// What takes something away, as the second statement of a file.
const CONTRACTING: [&str; 5] = [
    "DROP TABLE n",
    "ALTER TABLE n DROP COLUMN word",
    "ALTER TABLE n RENAME TO m",
    "ALTER TABLE n RENAME COLUMN word TO term",
    "CREATE UNIQUE INDEX i ON n (word)",
];

async fn migrations_that_contract_are_refused_unless_flagged(database: Arc<dyn Database>) {
    let first = file("1", "CREATE TABLE n (id BIGINT NOT NULL, word TEXT)");
    for text in CONTRACTING {
        let second = file("2", &format!("CREATE TABLE o (id BIGINT); {text}"));
        let set = vec![first.clone(), second];
        let checked = database.check(set.clone(), ALLOWED).await;
        let outcome = database.migrate(set, ALLOWED).await;
        assert_eq!(checked, outcome, "{text}");
        let Err(error @ migrations::Error::Contracts { .. }) = outcome else {
            panic!("{text}: {outcome:?}");
        };
        let words = error.to_string();
        assert!(
            words.contains("`2` contracts in its statement 2: "),
            "{words}"
        );
        assert!(
            words.contains("list the file under `contracting`"),
            "{words}"
        );
        assert!(rows(&database, "SELECT word FROM n").await.is_empty());
    }
    let mut second = file("2", "DROP TABLE n");
    second.contracts = true;
    let set = vec![first, second];
    let applied = Ok(vec!["2".to_owned()]);
    assert_eq!(database.check(set.clone(), ALLOWED).await, applied);
    assert!(rows(&database, "SELECT word FROM n").await.is_empty());
    assert_eq!(database.migrate(set, ALLOWED).await, applied);
}

async fn migrations_that_contract_are_refused_while_an_older_release_is_live(
    database: Arc<dyn Database>,
) {
    let first = file("1", "CREATE TABLE n (id BIGINT NOT NULL, word TEXT)");
    let applied = database.migrate(vec![first.clone()], REFUSED).await;
    assert_eq!(applied, Ok(vec!["1".to_owned()]));
    for (text, flagged) in CONTRACTING
        .into_iter()
        .flat_map(|text| [(text, false), (text, true)])
    {
        let mut second = file("2", &format!("CREATE TABLE o (id BIGINT); {text}"));
        second.contracts = flagged;
        let set = vec![first.clone(), second];
        let checked = database.check(set.clone(), REFUSED).await;
        let outcome = database.migrate(set, REFUSED).await;
        assert_eq!(checked, outcome, "{text}");
        let Err(error @ migrations::Error::Contracts { .. }) = outcome else {
            panic!("{text}: {outcome:?}");
        };
        let words = error.to_string();
        assert!(words.starts_with("the migration `2` contracts "), "{words}");
        assert!(
            words.ends_with("an older release still uses the schema"),
            "{words}"
        );
        assert!(rows(&database, "SELECT word FROM n").await.is_empty());
    }
}

async fn changed_migrations_are_refused(database: Arc<dyn Database>) {
    let first = file("1", "CREATE TABLE n (id BIGINT)");
    let applied = database.migrate(vec![first], ALLOWED).await;
    assert_eq!(applied, Ok(vec!["1".to_owned()]));
    let changed = file("1", "CREATE TABLE m (id BIGINT)");
    let second = file("2", "CREATE TABLE o (id BIGINT)");
    let set = vec![changed, second];
    let name = "1".to_owned();
    let refused = Err(migrations::Error::Changed { name });
    assert_eq!(database.check(set.clone(), ALLOWED).await, refused);
    assert_eq!(database.migrate(set, ALLOWED).await, refused);
}

async fn a_check_that_fails_leaves_nothing(database: Arc<dyn Database>) {
    let set = |second: &str| {
        vec![
            file(
                "1",
                "CREATE TABLE n (id BIGINT NOT NULL); INSERT INTO n VALUES (1)",
            ),
            file("2", second),
            file("3", "CREATE TABLE p (id BIGINT)"),
        ]
    };
    let broken = set("CREATE TABLE o (id BIGINT); INSERT INTO n VALUES (NULL)");
    let outcome = database.check(broken, REFUSED).await;
    let Err(migrations::Error::Rejected {
        name, statement, ..
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((name.as_str(), statement), ("2", 2));
    // Made again, they would be there twice.
    let good = set("CREATE TABLE o (id BIGINT)");
    let all = Ok(["1", "2", "3"].map(String::from).to_vec());
    assert_eq!(database.migrate(good, REFUSED).await, all);
    assert_eq!(integers(&database, "SELECT id FROM n").await, [1]);
}

async fn a_check_says_what_a_migration_would(database: Arc<dyn Database>) {
    let set = vec![
        file("1", "CREATE TABLE n (id BIGINT NOT NULL)"),
        file("2", "INSERT INTO n VALUES (1)"),
    ];
    let first = set[..1].to_vec();
    let one = Ok(vec!["1".to_owned()]);
    assert_eq!(database.check(first.clone(), REFUSED).await, one);
    assert_eq!(database.migrate(first.clone(), REFUSED).await, one);
    assert_eq!(database.check(first, REFUSED).await, Ok(vec![]));
    let two = Ok(vec!["2".to_owned()]);
    for _ in 0..2 {
        assert_eq!(database.check(set.clone(), REFUSED).await, two);
        assert!(rows(&database, "SELECT id FROM n").await.is_empty());
    }
    assert_eq!(database.migrate(set, REFUSED).await, two);
    assert_eq!(integers(&database, "SELECT id FROM n").await, [1]);
}
