//! Declarations over many documents, while others write.

use std::sync::mpsc;

use super::*;
use crate::documents::DOCUMENTS_PER_CALL_MAX;

/// Documents that are there before; others come meanwhile.
const BEFORE: usize = 10_000;

fn body(number: usize) -> serde_json::Value {
    json!({ "n": number, "tags": [number, "all"], "title": "boots", "about": format!("rain {number}") })
}

fn write(number: usize) -> Write {
    Write {
        id: format!("{number:06}"),
        body: body(number).to_string(),
        precondition: Precondition::Always,
    }
}

async fn put_all(store: &Embedded, numbers: impl Iterator<Item = usize>) {
    let writes: Vec<_> = numbers.map(write).collect();
    for writes in writes.chunks(DOCUMENTS_PER_CALL_MAX) {
        let outcomes = store.put(THINGS.into(), writes.to_vec()).await;
        let outcomes = outcomes.expect("they are taken");
        assert!(outcomes.iter().all(Result::is_ok));
    }
}

fn whole() -> Declared {
    let mut whole = declared(&[("unique-n", &["n"])], &["tags"], &["title"]);
    whole.search.insert("about".into(), 3);
    whole
}

/// How many rows a table of the collection has.
async fn rows(store: &Embedded, table: impl FnOnce(&Collection) -> String + Send + 'static) -> i64 {
    let rows = store.read(0, move |session| {
        let collection = session.collection(THINGS)?;
        let count = format!("SELECT count(*) FROM {}", table(&collection));
        let connection = session.connection();
        Ok(connection.query_row(&count, [], |row| row.get(0))?)
    });
    rows.await.expect("they can be counted")
}

async fn elements(store: &Embedded) -> i64 {
    rows(store, |collection| {
        let tags = collection.elements_of("tags").expect("it is complete");
        collection.elements_table(tags)
    })
    .await
}

#[tokio::test]
async fn every_write_during_a_declaration_is_in_the_new_index() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[], &[], &["title"])).await;
    put_all(&store, 0..BEFORE).await;
    let declaring = tokio::spawn({
        let store = Arc::clone(&store);
        async move { declare(&store, whole()).await }
    });
    let mut next = BEFORE;
    let boots = || count(&store, Filter::default(), Some("boots"));
    loop {
        // New ones, some that were there, and one that goes: before and after their turn comes.
        put_all(&store, next..next + 10).await;
        put_all(&store, (0..BEFORE).skip(next % 97).step_by(997)).await;
        let id = format!("{next:06}");
        let gone = store.delete(THINGS.into(), id, Precondition::Present).await;
        assert_eq!(gone, Ok(true));
        put_all(&store, next..next + 1).await;
        next += 10;
        // A search misses nothing meanwhile.
        assert_eq!(boots().await, next as u64);
        if declaring.is_finished() {
            break;
        }
    }
    let outcome = declaring.await.expect("it does not panic");
    assert_eq!(outcome, Ok(()));
    assert_eq!(store.declared()[THINGS], whole());
    let documents = i64::try_from(next).expect("there are few");
    for number in (0..next).step_by(101).chain(BEFORE..next) {
        let value = Scalar::Integer(i64::try_from(number).expect("there are few"));
        for path in ["n", "tags"] {
            let found = count(&store, equal(path, value.clone()), None).await;
            assert_eq!(found, 1, "{path} {number}");
        }
        let found = count(&store, Filter::default(), Some(&format!("{number} rain"))).await;
        assert_eq!(found, 1, "{number}");
    }
    assert_eq!(elements(&store).await, 2 * documents);
    // Three words each: `boots`, `rain` and the number.
    let postings = rows(&store, |collection| collection.table("postings")).await;
    assert_eq!(postings, 3 * documents);
    let taken = Write {
        id: "taken".into(),
        ..write(next - 1)
    };
    let outcomes = store.put(THINGS.into(), vec![taken]).await;
    let conflict = Err(Error::Conflict("unique-n".into()));
    assert_eq!(outcomes, Ok(vec![conflict]));
}

/// What was made live is what would have been made at a start.
#[tokio::test]
async fn statistics_are_those_of_a_start() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder can be made"));
    let mut ranked = Vec::new();
    for (folder, first) in folders
        .iter()
        .zip([declared(&[], &[], &["title"]), whole()])
    {
        let store = open(folder.path(), first).await;
        put_all(&store, 0..700).await;
        declare(&store, whole()).await.expect("it fits");
        let query = Query {
            search: Some("rain 7".into()),
            ..query(Filter::default(), &[])
        };
        let statistics = store.read(0, |session| {
            let collection = session.collection(THINGS)?;
            let known = ranking::statistics(session.connection(), &collection)?;
            Ok((known.documents, known.words))
        });
        let page = store.find(THINGS.into(), query).await;
        let ids = page.map(|page| page.documents.into_iter().map(|found| found.id));
        let ids: Vec<_> = ids.expect("it can be searched").collect();
        ranked.push((statistics.await, ids));
    }
    assert_eq!(ranked[0], ranked[1]);
    assert_eq!(ranked[0].0, Ok((700, 2100)));
}

#[tokio::test]
async fn what_was_refused_leaves_no_column_and_no_index() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[("m", &["m"])], &[], &[])).await;
    for id in ["a", "b"] {
        put(&store, id, json!({ "n": 1, "m": 2, "tags": [1] })).await;
    }
    let refused = declare(&store, whole()).await;
    assert!(
        matches!(refused, Err(DeclareError::NotUnique { .. })),
        "{refused:?}"
    );
    let left = store.read(0, |session| {
        let number = |sql: &str| {
            let connection = session.connection();
            connection.query_row(sql, [], |row| row.get::<_, i64>(0))
        };
        Ok((
            number("SELECT count(*) FROM derived WHERE path != ''")?,
            number("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'index:%'")?,
            number("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'elements:%'")?,
        ))
    });
    assert_eq!(left.await, Ok((1, 1, 0)));
    assert_eq!(count(&store, equal("m", Scalar::Integer(2)), None).await, 2);
    // What is in the way can be removed, and the same declared again.
    put(&store, "b", json!({ "n": 2 })).await;
    assert_eq!(declare(&store, whole()).await, Ok(()));
    assert_eq!(count(&store, equal("n", Scalar::Integer(2)), None).await, 1);
}

/// An array with too many different elements is refused at its write where it is indexed, so one that is there before
/// refuses the index.
#[tokio::test]
async fn a_document_that_cannot_be_indexed_is_told() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[], &[], &[])).await;
    let many: Vec<_> = (0..10_001).collect();
    put(&store, "a", json!({ "tags": many })).await;
    let refused = declare(&store, declared(&[], &["tags"], &[])).await;
    assert!(
        matches!(refused, Err(DeclareError::Unfit { .. })),
        "{refused:?}"
    );
    put(&store, "b", json!({ "tags": many })).await;
}

/// The layout and the moment of a read belong together: what is published after the one is not read in the other.
#[tokio::test]
async fn a_read_under_way_keeps_its_layout() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path(), declared(&[], &[], &[])).await;
    put(&store, "a", json!({ "n": 2 })).await;
    let (started, start) = oneshot::channel();
    let (go, gone) = mpsc::channel::<()>();
    let reader = Arc::clone(&store);
    let reading = tokio::spawn(async move {
        let work = move |session: &Session| {
            started.send(()).expect("the test waits for it");
            gone.recv().expect("the test goes on");
            let collection = session.collection(THINGS)?;
            assert!(collection.column("n").is_none());
            let two = equal("n", Scalar::Integer(2));
            find::count(session, &collection, &two, None)
        };
        reader.read(0, work).await
    });
    start.await.expect("it starts");
    declare(&store, whole()).await.expect("it fits");
    put(&store, "b", json!({ "n": 2.5, "tags": [2] })).await;
    go.send(()).expect("the reader waits for it");
    let counted = reading.await.expect("a reader does not panic");
    assert_eq!(counted, Ok(1));
}

#[tokio::test]
async fn what_nobody_declares_after_a_start_is_removed() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    drop(open(folder.path(), whole()).await);
    let store = open(folder.path(), declared(&[("m", &["m"])], &[], &[])).await;
    assert_eq!(
        store.declared()[THINGS],
        declared(&[("m", &["m"])], &[], &[])
    );
    let left = store.read(0, |session| {
        let left = "SELECT group_concat(path) FROM derived WHERE path != ''";
        Ok(session
            .connection()
            .query_row(left, [], |row| row.get::<_, String>(0))?)
    });
    assert_eq!(left.await, Ok("m".into()));
    // Documents that were written without it have no place in what was made before.
    put(&store, "a", json!({ "n": 1, "title": "boots" })).await;
    assert_eq!(declare(&store, whole()).await, Ok(()));
    assert_eq!(count(&store, equal("n", Scalar::Integer(1)), None).await, 1);
    assert_eq!(count(&store, Filter::default(), Some("boots")).await, 1);
}
