//! What a handle does by itself, over a database that never answers, and over one that does.

use stoa_manifest::{ComponentId, Label};

use super::*;
use crate::Durability;
use crate::sql::{
    Contracting, Cursor, Migration, ROWS_MAX, Transaction, Value, embedded::Embedded, migrations,
};

const SECOND: Duration = Duration::from_secs(5);

/// Never answers.
struct Silent;

#[async_trait::async_trait]
impl Database for Silent {
    async fn query(&self, _: &Arc<Rules>, _: Statement) -> Result<Rows, Error> {
        std::future::pending().await
    }

    async fn cursor(&self, _: &Arc<Rules>, _: Statement) -> Result<Box<dyn Cursor>, Error> {
        std::future::pending().await
    }

    async fn execute(&self, _: &Arc<Rules>, _: Statement) -> Result<Executed, Error> {
        std::future::pending().await
    }

    async fn batch(&self, _: &Arc<Rules>, _: Vec<Statement>) -> Result<Vec<Executed>, Error> {
        std::future::pending().await
    }

    async fn begin(&self, _: &Arc<Rules>) -> Result<Box<dyn Transaction>, Error> {
        std::future::pending().await
    }

    async fn migrate(
        &self,
        _: Vec<Migration>,
        _: Contracting,
    ) -> Result<Vec<String>, migrations::Error> {
        std::future::pending().await
    }

    async fn check(
        &self,
        _: Vec<Migration>,
        _: Contracting,
    ) -> Result<Vec<String>, migrations::Error> {
        std::future::pending().await
    }
}

fn behind(database: Arc<dyn Database>, grant: Grant, deadline: Duration) -> Handle {
    let holder = Holder {
        component: ComponentId::new("guest").expect("it is an id"),
        revision: "1".into(),
        label: Label::new("default").expect("it is a label"),
    };
    let bounds = Bounds {
        deadline,
        // Larger than what is answered at once.
        result_bytes_max: RESULT_BYTES_MAX,
    };
    Handle::new(database, grant, holder, bounds)
}

/// What the results of contracts without parts may hold here.
const RESULT_BYTES_MAX: usize = 17 * 1024 * 1024;

fn embedded(folder: &tempfile::TempDir) -> Arc<dyn Database> {
    let path = folder.path().join("data.db");
    Embedded::open(&path, Durability::Process).expect("it opens")
}

fn plain(text: &str) -> Statement {
    with(text, Vec::new())
}

fn with(text: &str, parameters: Vec<Value>) -> Statement {
    Statement {
        text: text.into(),
        parameters,
    }
}

fn read_only() -> Grant {
    Grant {
        access: Access::Read,
        ..Grant::full()
    }
}

#[tokio::test]
async fn writes_through_a_read_grant_are_denied_before_the_database_is_asked() {
    let handle = behind(Arc::new(Silent), read_only(), SECOND);
    let write = || plain("SELECT 1");
    let denied = Err(Error::Denied("`default` may only be read".into()));
    assert_eq!(handle.execute(write()).await.map(drop), denied);
    assert_eq!(handle.execute_batch(vec![write()]).await.map(drop), denied);
    assert_eq!(handle.begin(Access::ReadWrite).await.map(drop), denied);
}

#[tokio::test]
async fn what_is_larger_than_allowed_is_refused() {
    let handle = behind(Arc::new(Silent), Grant::full(), SECOND);
    let large = Value::Blob(vec![0; ROW_BYTES_MAX]);
    let half = Value::Blob(vec![0; ROW_BYTES_MAX / 2]);
    for (statement, limit) in [
        (plain(&" ".repeat(TEXT_BYTES_MAX + 1)), TEXT_BYTES_MAX),
        (with("SELECT $1", vec![large]), ROW_BYTES_MAX),
        (with("SELECT $1", vec![half; 8]), CALL_BYTES_MAX),
    ] {
        let outcome = handle.query(statement).await;
        assert_eq!(outcome, Err(Error::TooLarge { limit }));
    }
    let many = with("SELECT $1", vec![Value::Null; PARAMETERS_MAX + 1]);
    assert!(matches!(handle.query(many).await, Err(Error::Invalid(_))));
    for count in [0, STATEMENTS_PER_BATCH_MAX + 1] {
        let outcome = handle.execute_batch(vec![plain("SELECT 1"); count]).await;
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{count}");
    }
}

#[tokio::test]
async fn values_that_no_column_keeps_are_refused() {
    let handle = behind(Arc::new(Silent), Grant::full(), SECOND);
    for value in [
        Value::Real(f64::NAN),
        Value::Decimal("1e3".into()),
        Value::Decimal("0.12345678901234567".into()),
        Value::Timestamp("yesterday".into()),
    ] {
        let outcome = handle.query(with("SELECT $1", vec![value])).await;
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn calls_end_at_the_deadline() {
    let limit = Duration::from_millis(1);
    let handle = behind(Arc::new(Silent), Grant::full(), limit);
    let deadline = Err(Error::Deadline { limit });
    assert_eq!(handle.query(plain("SELECT 1")).await.map(drop), deadline);
    assert_eq!(handle.execute(plain("SELECT 1")).await.map(drop), deadline);
    assert_eq!(handle.cursor(plain("SELECT 1")).await.map(drop), deadline);
    assert_eq!(handle.begin(Access::Read).await.map(drop), deadline);
}

#[tokio::test]
async fn calls_over_the_rate_are_refused() {
    let mut grant = Grant::full();
    grant.quota.calls_per_second_max = Some(1);
    let limit = Duration::from_millis(1);
    let handle = behind(Arc::new(Silent), grant, limit);
    let first = handle.query(plain("SELECT 1")).await;
    assert_eq!(first, Err(Error::Deadline { limit }));
    let second = handle.query(plain("SELECT 1")).await;
    assert_eq!(second, Err(Error::Quota("calls_per_second_max")));
}

#[tokio::test]
async fn a_component_has_only_so_many_open() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let limit = Duration::from_millis(200);
    let handle = behind(embedded(&folder), Grant::full(), limit);
    let mut open = Vec::new();
    for _ in 0..OPEN_MAX {
        open.push(handle.begin(Access::Read).await.expect("it begins"));
    }
    let more = handle.cursor(plain("SELECT 1")).await.map(drop);
    assert_eq!(more, Err(Error::Deadline { limit }));
    open[0].rollback().await.expect("it rolls back");
    assert!(handle.cursor(plain("SELECT 1")).await.is_ok());
}

#[tokio::test]
async fn the_first_error_ends_a_transaction() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let handle = behind(embedded(&folder), Grant::full(), SECOND);
    let create = plain("CREATE TABLE t (id BIGINT)");
    handle.execute(create).await.expect("it is good");
    // One that the handle finds, and one that the database finds.
    for broken in [
        with("SELECT $1", vec![Value::Real(f64::NAN)]),
        plain("SELEC"),
    ] {
        let transaction = handle.begin(Access::ReadWrite).await.expect("it begins");
        let insert = plain("INSERT INTO t VALUES (1)");
        transaction.execute(insert).await.expect("it is good");
        let error = transaction.query(broken).await;
        assert!(matches!(error, Err(Error::Invalid(_))), "{error:?}");
        let over = Err(Error::TransactionOver);
        assert_eq!(transaction.execute(plain("SELECT 1")).await.map(drop), over);
        assert_eq!(transaction.commit().await, over);
        assert_eq!(transaction.rollback().await, over);
        let read = handle.query(plain("SELECT id FROM t")).await;
        assert!(read.expect("it can be read").rows.is_empty());
    }
}

#[tokio::test]
async fn a_statement_that_never_ends_is_interrupted_at_the_deadline() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let limit = Duration::from_millis(100);
    let handle = behind(embedded(&folder), Grant::full(), limit);
    let endless =
        "WITH RECURSIVE c (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c) SELECT max(id) FROM c";
    for _ in 0..8 {
        let outcome = handle.query(plain(endless)).await;
        assert_eq!(outcome, Err(Error::Deadline { limit }));
    }
    let again = behind(embedded(&folder), Grant::full(), SECOND);
    assert!(again.query(plain("SELECT 1")).await.is_ok());
    assert!(handle.query(plain("SELECT 1")).await.is_ok());
}

#[tokio::test]
async fn what_does_not_tell_reading_from_writing_keeps_to_the_grant() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let database = embedded(&folder);
    let writes = behind(Arc::clone(&database), Grant::full(), SECOND);
    writes
        .run(plain("CREATE TABLE t (id BIGINT)"))
        .await
        .expect("it is good");
    let reads = behind(database, read_only(), SECOND);
    let read = reads.run(plain("SELECT id FROM t")).await;
    assert_eq!(read.expect("it can be read").rows_affected, 0);
    let outcome = reads.run(plain("INSERT INTO t VALUES (1)")).await;
    assert!(matches!(outcome, Err(Error::Denied(_))), "{outcome:?}");
}

/// A statement with so many rows of so many bytes each.
fn rows(rows: usize, bytes: usize) -> Statement {
    plain(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         SELECT i, hex(zeroblob({bytes} / 2)) AS t FROM n"
    ))
}

#[tokio::test]
async fn results_over_the_limit_of_large_ones_are_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let handle = behind(embedded(&folder), Grant::full(), SECOND);
    let limit = RESULT_BYTES_MAX;
    let outcome = handle.run(rows(20_000, 1024)).await;
    assert_eq!(outcome, Err(Error::TooLarge { limit }));
    // Nothing of it is held any more.
    assert_eq!(handle.inner.held_bytes.available_permits(), HELD_BYTES_MAX);
}

#[tokio::test]
async fn a_statement_that_writes_is_not_run_twice_for_what_it_returns() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let handle = behind(embedded(&folder), Grant::full(), SECOND);
    let table = plain("CREATE TABLE things (n BIGINT)");
    handle.run(table).await.expect("the table is made");
    let all = format!(
        "INSERT INTO things WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= {ROWS_MAX}) SELECT i FROM n RETURNING n"
    );
    let outcome = handle.run(plain(&all)).await;
    assert_eq!(outcome, Err(Error::TooLarge { limit: ROWS_MAX }));
    let count = handle.run(plain("SELECT count(*) FROM things")).await;
    let count = count.expect("it is answered").returned.rows;
    assert_eq!(count, [[Value::Integer(0)]]);
}

#[tokio::test]
async fn what_reads_is_answered_beyond_the_rows_of_a_whole_result() {
    for grant in [Grant::full(), read_only()] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let handle = behind(embedded(&folder), grant, SECOND);
        let executed = handle.run(rows(ROWS_MAX + 1, 2)).await;
        let executed = executed.expect("it is answered");
        assert_eq!(executed.returned.rows.len(), ROWS_MAX + 1);
        assert_eq!(executed.returned.columns[1].name, "t");
        assert_eq!(executed.rows_affected, 0);
    }
}
