use crate::sql::{Access, ConstraintKind, Database, Decimal, Error, Timestamp, sql};
use crate::testing::{self, block_on};

fn orders() -> Database {
    testing::database("orders").run(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, price DECIMAL(10, 2), paid BOOLEAN, at TIMESTAMPTZ, note TEXT NOT NULL)",
    );
    Database::open("orders").expect("every label is granted")
}

fn insert(id: i64) -> crate::sql::Statement {
    sql("INSERT INTO orders (id, note) VALUES ($1, $2)")
        .bind(id)
        .bind("new")
}

fn count(database: &Database) -> i64 {
    let rows = block_on(database.query("SELECT count(*) FROM orders"));
    let rows = rows.expect("it is a query");
    rows.one().and_then(|row| row.get(0)).expect("it counts")
}

#[test]
fn what_no_component_may_do_is_denied() {
    let orders = orders();
    for text in [
        "BEGIN",
        "COMMIT",
        "SAVEPOINT a",
        "ATTACH 'other.db' AS other",
        "PRAGMA foreign_keys = OFF",
    ] {
        let outcome = block_on(orders.execute(text));
        assert!(
            matches!(outcome, Err(Error::Denied(_))),
            "{text}: {outcome:?}"
        );
    }
    let written = block_on(orders.query(insert(1)));
    assert!(matches!(written, Err(Error::Denied(_))));
    assert_eq!(count(&orders), 0);
}

#[test]
fn statements_that_are_wrong_are_invalid() {
    let orders = orders();
    for statement in [
        sql("SELEC 1"),
        sql("SELECT 1; SELECT 2"),
        sql("SELECT $1"),
        sql("SELECT $2").bind(1_i64).bind(2_i64).bind(3_i64),
        sql("SELECT $1").bind(f64::NAN),
        sql("SELECT $1").bind(Decimal("1e3".to_owned())),
        sql("SELECT $1").bind(Timestamp("yesterday".to_owned())),
    ] {
        let outcome = block_on(orders.query(statement));
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
    }
}

#[test]
fn a_batch_takes_effect_as_a_whole_or_not_at_all() {
    let orders = orders();
    let twice = block_on(orders.batch(vec![insert(1), insert(1)]));
    let unique = Error::Constraint {
        kind: ConstraintKind::Unique,
        name: "orders.id".to_owned(),
    };
    assert_eq!(twice, Err(unique));
    assert_eq!(count(&orders), 0);
    block_on(orders.batch(vec![insert(1), insert(2)])).expect("both are new");
    assert_eq!(count(&orders), 2);
}

#[test]
fn a_transaction_that_is_dropped_is_undone() {
    let orders = orders();
    let transaction = block_on(orders.begin(Access::Write)).expect("nobody else writes");
    block_on(transaction.execute(insert(1))).expect("it is new");
    assert_eq!(count(&orders), 0, "others do not see it");
    assert_eq!(block_on(orders.execute(insert(2))), Err(Error::Deadline));
    drop(transaction);
    assert_eq!(count(&orders), 0);
}

#[test]
fn an_error_ends_a_transaction() {
    let orders = orders();
    let transaction = block_on(orders.begin(Access::Write)).expect("nobody else writes");
    block_on(transaction.execute(insert(1))).expect("it is new");
    block_on(transaction.execute(insert(1))).expect_err("it is there");
    let later = block_on(transaction.execute(insert(2)));
    assert_eq!(later, Err(Error::TransactionOver));
    assert_eq!(block_on(transaction.commit()), Err(Error::TransactionOver));
    assert_eq!(count(&orders), 0);
}

#[test]
fn a_transaction_that_reads_sees_one_moment_and_writes_nothing() {
    let orders = orders();
    let transaction = block_on(orders.begin(Access::Read)).expect("it only reads");
    block_on(orders.execute(insert(1))).expect("it is new");
    let rows = block_on(transaction.query("SELECT id FROM orders")).expect("it reads");
    assert!(rows.is_empty());
    let written = block_on(transaction.execute(insert(2)));
    assert!(matches!(written, Err(Error::Denied(_))));
}

#[test]
fn values_come_back_as_what_their_columns_were_declared() {
    let orders = orders();
    let statement = sql("INSERT INTO orders VALUES ($1, $2, $3, $4, $5) RETURNING *");
    let statement = statement
        .bind(1_i64)
        .bind(Decimal("19.90".to_owned()))
        .bind(true)
        .bind(Timestamp("2026-03-01T12:00:00.5Z".to_owned()))
        .bind("ä");
    let executed = block_on(orders.execute(statement)).expect("it is new");
    assert_eq!(
        (executed.rows_affected, executed.last_insert_id),
        (1, Some(1))
    );
    let row = executed.returned.one().expect("one row was inserted");
    assert_eq!(row.get("price"), Ok(Decimal("19.9".to_owned())));
    assert_eq!(row.get("paid"), Ok(true));
    let moment = Timestamp("2026-03-01T12:00:00.500000Z".to_owned());
    assert_eq!(row.get("at"), Ok(moment));
    assert_eq!(row.get("note"), Ok("ä".to_owned()));
}

#[test]
fn a_cursor_reads_to_the_end_in_parts() {
    let orders = orders();
    let statements = (1..=5).map(insert).collect();
    block_on(orders.batch(statements)).expect("all are new");
    let cursor = block_on(orders.cursor("SELECT id FROM orders ORDER BY id"));
    let mut cursor = cursor.expect("it reads");
    assert_eq!(cursor.columns()[0].name, "id");
    assert!(matches!(block_on(cursor.next(0)), Err(Error::Invalid(_))));
    let mut sizes = Vec::new();
    loop {
        let part = block_on(cursor.next(2)).expect("it reads");
        sizes.push(part.len());
        if part.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1, 0]);
}

#[test]
fn a_refusal_is_answered_once() {
    let orders = orders();
    testing::database("orders").refuse(Error::Conflict);
    assert_eq!(block_on(orders.execute(insert(1))), Err(Error::Conflict));
    block_on(orders.execute(insert(1))).expect("it is new");
}
