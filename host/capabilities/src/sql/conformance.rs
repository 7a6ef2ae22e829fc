//! What every database must do, whatever stands behind it, in the dialect of `docs/sql.md`.

mod grants;
mod migrations;
mod results;
mod statements;
mod transactions;
mod values;
mod writes;

use std::pin::Pin;
use std::sync::Arc;

use stoa_manifest::grants::Access;

use super::{Database, Error, Executed, Row, Rules, Statement, Value};

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
    ($($module:ident::$name:ident),* $(,)?) => {
        /// All facts, to be tried one by one, each on a fresh database.
        pub const CASES: &[Case] =
            &[$(Case { name: stringify!($name), run: |database| Box::pin($module::$name(database)) }),*];
    };
}

cases![
    grants::a_call_that_only_reads_cannot_write,
    grants::a_transaction_that_only_reads_cannot_write,
    grants::tables_that_were_not_granted_are_like_missing_ones,
    grants::the_schema_changes_only_where_it_may,
    statements::transaction_control_is_refused,
    statements::more_than_one_statement_is_refused,
    statements::what_is_no_sql_is_rejected,
    statements::parameters_are_counted,
    statements::parameters_are_bound_by_their_numbers,
    values::values_of_every_type_come_back,
    values::integers_and_reals_keep_their_extremes,
    values::decimals_are_exact_and_canonical,
    values::timestamps_sort,
    values::texts_and_blobs_may_be_large,
    values::texts_are_any_unicode_and_compare_by_their_bytes,
    values::columns_tell_their_names_and_declared_types,
    values::nulls_go_where_the_order_says,
    writes::returning_answers_what_was_written,
    writes::conflicts_can_be_ignored_or_updated,
    writes::constraints_are_told_apart,
    results::results_over_the_limit_are_refused,
    results::cursors_read_what_is_too_large_for_a_query,
    results::parts_of_large_rows_are_cut,
    results::a_cursor_sees_one_moment,
    writes::batches_are_all_or_nothing,
    transactions::commits_are_seen_and_rollbacks_are_not,
    transactions::a_dropped_transaction_is_rolled_back,
    transactions::an_error_rolls_a_transaction_back,
    transactions::a_transaction_that_reads_sees_one_moment,
    transactions::transactions_are_serializable,
    transactions::endless_statements_end_with_their_caller,
    migrations::migrations_are_applied_once_and_as_a_whole,
    migrations::migrations_that_contract_are_refused_unless_flagged,
    migrations::migrations_that_contract_are_refused_while_an_older_release_is_live,
    migrations::changed_migrations_are_refused,
    migrations::a_check_that_fails_leaves_nothing,
    migrations::a_check_says_what_a_migration_would,
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

const TYPED: &str = "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, truth BOOLEAN, \
    number DOUBLE PRECISION, price DECIMAL(15, 4), word TEXT, bytes BYTEA, at TIMESTAMPTZ)";
