//! How SQLite goes about queries: by indexes, not over all documents.

use rusqlite::params_from_iter;

use super::*;
use crate::documents::cursor::Cursor;
use crate::documents::embedded::plan::Sql;

/// How SQLite goes about a statement, line by line.
fn explain(session: &Session, sql: &Sql) -> Vec<String> {
    let text = format!("EXPLAIN QUERY PLAN {}", sql.text);
    let mut statement = session.connection().prepare(&text).expect("it is SQL");
    let lines = statement.query_map(params_from_iter(&sql.values), |row| row.get(3));
    let lines = lines.expect("it can be explained");
    lines.collect::<rusqlite::Result<_>>().expect("it is text")
}

fn indexed(session: &Session) -> Arc<Collection> {
    let collection = session.collection(conformance::INDEXED);
    collection.expect("it is declared")
}

/// All plans of a query, from the start and after a document.
fn plans(session: &Session, query: &Query, found: Option<&[i64]>) -> Vec<Vec<String>> {
    let collection = indexed(session);
    let collection = collection.as_ref();
    let key = crate::documents::key::of_scalar(&Scalar::Integer(1));
    let cursor = Cursor {
        keys: vec![key; query.sort.len()],
        id: "a".into(),
    };
    let starts = plan::stretches(collection, &query.sort, None);
    let rest = plan::stretches(collection, &query.sort, Some(&cursor));
    let stretches = starts.into_iter().chain(rest);
    stretches
        .map(|stretch| find::select(collection, query, found, stretch, 10))
        .map(|sql| explain(session, &sql))
        .collect()
}

/// Whether a plan goes over the documents without a place to start.
fn is_scan(line: &str) -> bool {
    line == "SCAN d" || line.starts_with("SCAN d ")
}

#[tokio::test]
async fn filters_on_indexes_start_at_a_place() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let session = session(folder.path());
    let number = Scalar::Integer;
    let category = || equal("category", Scalar::Text("x".into()));
    let filters = [
        equal("_id", Scalar::Text("x".into())),
        equal("price", number(1)),
        equal("price", Scalar::Null),
        compare("price", Comparison::Less, number(5)),
        compare("price", Comparison::GreaterOrEqual, number(5)),
        equal("tags", number(1)),
        equal("shelf.row", number(1)),
        category(),
        Filter::All(vec![
            category(),
            compare("price", Comparison::Less, number(5)),
            equal("about", number(1)),
        ]),
        Filter::Any(vec![equal("price", number(1)), category()]),
        Filter::OneOf {
            path: "price".into(),
            values: (0..100).map(number).collect(),
        },
        Filter::StartsWith {
            path: "category".into(),
            start: "x".into(),
        },
    ];
    for filter in filters {
        let query = query(filter, &[]);
        // After a document of the order by id, the id itself may be the place.
        for plan in plans(&session, &query, None) {
            assert!(
                !plan.iter().any(|line| is_scan(line)),
                "{query:?}: {plan:#?}"
            );
        }
    }
}

#[tokio::test]
async fn sorts_walk_their_index() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let session = session(folder.path());
    let (up, down) = (Direction::Ascending, Direction::Descending);
    let sorts: [&[(&str, Direction)]; 4] = [
        &[],
        &[("price", up)],
        &[("price", down)],
        &[("category", up), ("price", up)],
    ];
    for sort in sorts {
        let plans = plans(&session, &query(Filter::default(), sort), None);
        for plan in &plans {
            let by_index = |line: &String| !is_scan(line) || line.contains("USING INDEX");
            assert!(plan.iter().all(by_index), "{sort:?}: {plan:#?}");
            let sorted = |line: &String| line.contains("TEMP B-TREE FOR ORDER BY");
            assert!(!plan.iter().any(sorted), "{sort:?}: {plan:#?}");
        }
        for plan in &plans[1..] {
            assert!(
                !plan.iter().any(|line| is_scan(line)),
                "{sort:?}: {plan:#?}"
            );
        }
    }
    let filtered = query(
        equal("category", Scalar::Text("x".into())),
        &[("price", up)],
    );
    for plan in plans(&session, &filtered, None) {
        assert!(!plan.iter().any(|line| is_scan(line)), "{plan:#?}");
    }
}

#[tokio::test]
async fn searches_and_facets_do_not_go_over_the_documents() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let session = session(folder.path());
    let by_price = query(Filter::default(), &[("price", Direction::Descending)]);
    let found = [1, 2, 3];
    for plan in plans(&session, &by_price, Some(&found[..])) {
        assert!(!plan.iter().any(|line| is_scan(line)), "{plan:#?}");
    }
    let category = equal("category", Scalar::Text("x".into()));
    let all = Filter::default();
    for (filter, found) in [(&all, None), (&category, None), (&all, Some(&found[..]))] {
        for path in ["price", "category", "tags"] {
            let (path, limit) = (path.to_owned(), 10);
            let facet = Facet { path, limit };
            let among = facets::Among { filter, found };
            let sql = facets::by_index(&indexed(&session), &among, &facet);
            let plan = explain(&session, &sql.expect("it has an index"));
            let over = |line: &String| is_scan(line) && !line.contains("COVERING INDEX");
            assert!(!plan.iter().any(over), "{filter:?} {facet:?}: {plan:#?}");
        }
    }
}
