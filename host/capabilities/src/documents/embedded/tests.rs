//! What only an embedded store can go through: its file, its indexes, its plans.

mod declarations;
mod plans;

use std::sync::atomic::AtomicBool;
use std::time::UNIX_EPOCH;

use serde_json::json;
use stoa_manifest::grants::documents::Index;

use super::schema::Collection;
use super::*;
use crate::documents::{
    Comparison, DOCUMENT_BYTES_MAX, Direction, Moment, Operator, Order, Scalar, conformance,
};

const THINGS: &str = "things";

fn declared(indexes: &[(&str, &[&str])], each: &[&str], search: &[&str]) -> Declared {
    let whole = indexes.iter().map(|(name, paths)| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let unique = name.starts_with("unique");
        let each = false;
        let index = Index {
            paths,
            unique,
            each,
        };
        ((*name).to_owned(), index)
    });
    let each = each.iter().map(|path| {
        let index = Index {
            paths: vec![(*path).to_owned()],
            unique: false,
            each: true,
        };
        (format!("each-{path}"), index)
    });
    Declared {
        indexes: whole.chain(each).collect(),
        search: search.iter().map(|path| ((*path).to_owned(), 1)).collect(),
    }
}

fn undeclared(folder: &Path) -> Arc<Embedded> {
    Embedded::open(&folder.join("store.db"), Durability::Process).expect("it opens")
}

async fn open(folder: &Path, declared: Declared) -> Arc<Embedded> {
    let store = undeclared(folder);
    declare(&store, declared).await.expect("it fits");
    store
}

async fn declare(store: &Embedded, declared: Declared) -> Result<(), DeclareError> {
    let collections = BTreeMap::from([(THINGS.to_owned(), declared)]);
    store.declare(collections).await
}

async fn put(store: &Embedded, id: &str, body: serde_json::Value) -> Version {
    let write = Write {
        id: id.into(),
        body: body.to_string(),
        precondition: Precondition::Always,
    };
    let mut outcomes = store
        .put(THINGS.into(), vec![write])
        .await
        .expect("it is taken");
    outcomes.remove(0).expect("it is good")
}

fn equal(path: &str, value: Scalar) -> Filter {
    compare(path, Comparison::Equal, value)
}

fn compare(path: &str, comparison: Comparison, value: Scalar) -> Filter {
    Filter::Compare {
        path: path.into(),
        comparison,
        value,
    }
}

async fn count(store: &Embedded, filter: Filter, search: Option<&str>) -> u64 {
    let search = search.map(str::to_owned);
    let count = store.count(THINGS.into(), filter, search).await;
    count.expect("it can be counted")
}

#[tokio::test]
async fn a_shape_that_changes_is_made_from_the_documents() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let first = open(folder.path(), declared(&[], &[], &[])).await;
    for number in 0..1200 {
        let body = json!({ "n": [number % 3], "m": number, "title": "boots", "about": "rain" });
        put(&first, &format!("{number:04}"), body).await;
    }
    drop(first);
    let shapes = [
        declared(&[("n", &["n"])], &[], &["title"]),
        declared(&[("m", &["m"])], &["n"], &["about"]),
        declared(
            &[("n", &["m", "n"]), ("o", &["n"])],
            &[],
            &["title", "about"],
        ),
    ];
    for shape in shapes {
        let store = open(folder.path(), shape.clone()).await;
        let two = equal("n", Scalar::Integer(2));
        assert_eq!(count(&store, two, None).await, 400, "{shape:?}");
        let one = equal("m", Scalar::Integer(7));
        assert_eq!(count(&store, one, None).await, 1, "{shape:?}");
        for (field, word) in [("title", "boots"), ("about", "rain")] {
            let is_searched = shape.search.contains_key(field);
            let found = count(&store, Filter::default(), Some(word)).await;
            assert_eq!(
                found,
                if is_searched { 1200 } else { 0 },
                "{shape:?}: {word}"
            );
        }
    }
}

#[tokio::test]
async fn an_array_is_remembered_across_a_start() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let shape = || declared(&[("n", &["n"])], &[], &[]);
    let store = open(folder.path(), shape()).await;
    put(&store, "a", json!({ "n": [1, 2] })).await;
    drop(store);
    let store = open(folder.path(), shape()).await;
    assert_eq!(count(&store, equal("n", Scalar::Integer(2)), None).await, 1);
}

#[tokio::test]
async fn a_unique_index_over_shared_values_is_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[], &[], &[])).await;
    for (id, body) in [
        ("a", json!({ "n": 1 })),
        ("b", json!({ "n": 1 })),
        ("c", json!({})),
        ("d", json!({ "n": null })),
    ] {
        put(&store, id, body).await;
    }
    drop(store);
    let unique = || declared(&[("unique-n", &["n"])], &[], &[]);
    let refused = declare(&undeclared(folder.path()), unique()).await;
    assert!(
        matches!(refused, Err(DeclareError::NotUnique { .. })),
        "{refused:?}"
    );
    let store = open(folder.path(), declared(&[], &[], &[])).await;
    put(&store, "b", json!({ "n": 2 })).await;
    drop(store);
    let store = open(folder.path(), unique()).await;
    assert_eq!(count(&store, Filter::default(), None).await, 4);
}

#[tokio::test]
async fn versions_do_not_come_again_when_the_file_is_lost() {
    let shape = || declared(&[], &[], &[]);
    let first = tempfile::tempdir().expect("a folder can be made");
    let store = open(first.path(), shape()).await;
    let before = put(&store, "a", json!({})).await;
    let second = tempfile::tempdir().expect("a folder can be made");
    let store = open(second.path(), shape()).await;
    let after = put(&store, "a", json!({})).await;
    assert!(after > before, "{after} comes after {before}");
    let now = UNIX_EPOCH.elapsed().expect("it is past 1970").as_micros();
    assert!(u128::from(after) <= now + 1_000_000);
}

#[tokio::test]
async fn a_collection_that_is_not_declared_does_not_exist() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[], &[], &[])).await;
    let outcome = store.count("others".into(), Filter::default(), None).await;
    assert!(matches!(outcome, Err(Error::Denied(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_call_that_panics_is_alone() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[], &[], &[])).await;
    // As often as there are readers, so that each has had one.
    for _ in 0..READERS {
        let read = store.read(0, |_| -> Result<(), Failure> { panic!("a mistake") });
        assert_eq!(read.await, Err(Error::Unavailable));
    }
    let written = store.write(0, 0, |session, _| -> Result<(), Failure> {
        session.connection().execute("DELETE FROM sequence", [])?;
        panic!("a mistake")
    });
    assert_eq!(written.await, Err(Error::Unavailable));
    put(&store, "a", json!({})).await;
    for _ in 0..READERS {
        let m = equal("m", Scalar::Null);
        assert_eq!(count(&store, m, None).await, 1);
    }
}

/// Another store may open the file at once, with another shape: what still wrote would not fill its columns.
#[tokio::test]
async fn a_dropped_store_does_not_write_any_more() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[], &[], &[])).await;
    let (started, start) = oneshot::channel();
    let is_done = Arc::new(AtomicBool::new(false));
    let (writer, done) = (Arc::clone(&store), Arc::clone(&is_done));
    let writing = tokio::spawn(async move {
        let work = move |session: &Session, _: &mut i64| {
            started.send(()).expect("the test waits for it");
            let long =
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)
                        SELECT count(*) FROM n";
            session.connection().query_row(long, [], |_| Ok(()))?;
            done.store(true, Ordering::SeqCst);
            Ok::<_, Failure>(())
        };
        writer.write(0, 0, work).await
    });
    start.await.expect("it starts");
    writing.abort();
    // Its caller and its hold on the store are gone with it.
    drop(writing.await);
    drop(store);
    assert!(is_done.load(Ordering::SeqCst));
}

/// A plan that is older than the first array does not look for elements, and must not be used on what is newer.
#[tokio::test]
async fn a_moment_begins_before_its_plan() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[("n", &["n"])], &[], &[])).await;
    let (started, start) = oneshot::channel();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let reader = Arc::clone(&store);
    let reading = tokio::spawn(async move {
        let work = move |session: &Session| {
            started.send(()).expect("the test waits for it");
            gone.recv().expect("the test goes on");
            let two = equal("n", Scalar::Integer(2));
            find::count(session, &*session.collection(THINGS)?, &two, None)
        };
        reader.read(0, work).await
    });
    start.await.expect("it starts");
    put(&store, "a", json!({ "n": [1, 2] })).await;
    go.send(()).expect("the reader waits for it");
    let counted = reading.await.expect("a reader does not panic");
    assert_eq!(counted, Ok(0));
    assert_eq!(count(&store, equal("n", Scalar::Integer(2)), None).await, 1);
}

fn increment(filter: Filter) -> Update {
    let (path, by) = ("n".to_owned(), 1);
    Update {
        filter,
        sort: Vec::new(),
        operators: vec![Operator::Increment { path, by }],
        answer: Moment::After,
        document_bytes_max: DOCUMENT_BYTES_MAX,
    }
}

/// Others share the transaction.
#[tokio::test]
async fn a_look_that_fails_fails_its_call_alone() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[], &[], &[])).await;
    put(&store, "a", json!({})).await;
    let is_alone = store.write(0, 0, |session, version| {
        let collection = session.collection(THINGS)?;
        let bodies = collection.table("bodies");
        let break_all = format!("UPDATE {bodies} SET body = '['");
        session.connection().execute(&break_all, [])?;
        let update = increment(equal("m", Scalar::Null));
        let outcome = change::update(session, &collection, version, &update);
        Ok(matches!(outcome, Err(Failure::Call(Error::Unavailable))))
    });
    assert_eq!(is_alone.await, Ok(true));
    put(&store, "b", json!({})).await;
}

#[tokio::test]
async fn words_that_stay_are_not_written_again_and_those_that_go_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[], &[], &["title"])).await;
    let title = |title: &str| Write {
        id: "a".into(),
        body: json!({ "title": title }).to_string(),
        precondition: Precondition::Always,
    };
    let writes = vec![title("red boots"), title("red shoes")];
    let outcomes = store.put(THINGS.into(), writes).await;
    assert!(outcomes.is_ok_and(|outcomes| outcomes.iter().all(Result::is_ok)));
    let rows = store.write(0, 0, |session, version| {
        let connection = session.connection();
        let collection = session.collection(THINGS)?;
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let terms = number(&format!(
            "SELECT count(*) FROM {}",
            collection.table("terms")
        ))?;
        let before = number("SELECT total_changes()")?;
        change::update(session, &collection, version, &increment(Filter::default()))?;
        Ok((terms, number("SELECT total_changes()")? - before))
    });
    // The document, its body, and what is known of the collection.
    assert_eq!(rows.await, Ok((2, 3)));
    for (word, found) in [("red", 1), ("shoes", 1), ("boots", 0)] {
        assert_eq!(
            count(&store, Filter::default(), Some(word)).await,
            found,
            "{word}"
        );
    }
}

#[tokio::test]
async fn the_clock_is_read_for_each_document() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let session = session(folder.path());
    let plain = session.collection(conformance::PLAIN);
    let plain = plain.expect("it is declared");
    let plain = plain.as_ref();
    let write = Write {
        id: "a".into(),
        body: "{}".into(),
        precondition: Precondition::Always,
    };
    let written = change::put(&session, plain, &mut 1, &[write]);
    assert!(written.is_ok_and(|outcomes| outcomes[0].is_ok()));
    let counted = |end: Instant| {
        let null = equal("n", Scalar::Null);
        session.moment(end, |session| find::count(session, plain, &null, None))
    };
    let late = counted(Instant::now());
    assert!(matches!(late, Err(Failure::Call(Error::Deadline { .. }))));
    assert!(matches!(counted(Instant::now() + READ_MAX), Ok(1)));
}

/// A session as a reader has it, over the collection of the conformance suite.
fn session(folder: &Path) -> Session {
    let path = folder.join("store.db");
    let connection = sqlite::writer(&path, Durability::Process).expect("it opens");
    schema::prepare(&connection).expect("it gets its tables");
    let session = Session::new(connection, Arc::default()).expect("it starts");
    let declared = schema::declare(&session, &conformance::collections(), &mut || true);
    assert!(declared.is_ok(), "it gets its shape");
    session
}

fn query(filter: Filter, sort: &[(&str, Direction)]) -> Query {
    let sort = sort.iter().map(|(path, direction)| Order {
        path: (*path).into(),
        direction: *direction,
    });
    Query {
        filter,
        search: None,
        sort: sort.collect(),
        fields: None,
        after: None,
        limit: 10,
    }
}
