//! How much one call looks at.

use serde_json::json;
use stoa_documents::{Comparison, Facet, Scalar};

use super::*;
use crate::look::DOCUMENTS_MAX;

/// Documents `00001` and so on, each with its number, and a text of so many bytes.
fn fill(database: &Sqlite, count: usize, bytes: usize) -> Store<Sqlite> {
    let store = open(database.clone(), indexed(&[("n", "n", false)]));
    assert_eq!(store.count(THINGS, &Filter::default(), None), Ok(0));
    let table = format!("\"documents/{LABEL}/{THINGS}\"");
    let statement = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}), \
         bodies AS (SELECT n, json_object('n', n, 'text', printf('%.*c', {bytes}, 'x')) AS body FROM numbers) \
         INSERT INTO {table} (id, version, bytes, body) \
         SELECT CAST(printf('%05d', n) AS BLOB), abs(random() >> 1), 5 + length(body), body FROM bodies"
    );
    database
        .run(&statement, Vec::new())
        .expect("they can be written");
    store
}

fn number(comparison: Comparison, number: i64) -> Filter {
    Filter::Compare {
        path: "n".into(),
        comparison,
        value: Scalar::Integer(number),
    }
}

#[test]
fn more_documents_than_are_looked_at_are_refused() {
    let database = Sqlite::new();
    let count = DOCUMENTS_MAX + 1;
    let store = fill(&database, count, 1);
    let all = number(Comparison::Greater, 0);
    let too_many = "too-many-documents";
    assert_eq!(
        code(store.find(THINGS, &query(Filter::default()))),
        too_many
    );
    assert_eq!(code(store.count(THINGS, &all, None)), too_many);
    let facet = Facet {
        path: "n".into(),
        limit: 1,
    };
    assert_eq!(code(store.facets(THINGS, &all, None, &[facet])), too_many);
    assert_eq!(
        code(store.find_and_update(THINGS, first_by("n", "done"))),
        too_many
    );
    assert_eq!(code(store.delete_matching(THINGS, &all, 1)), too_many);
    // What does not look, or at fewer, is answered.
    assert_eq!(
        store.count(THINGS, &Filter::default(), None),
        Ok(count as u64)
    );
    let few = number(Comparison::LessOrEqual, 3);
    assert_eq!(store.count(THINGS, &few, None), Ok(3));
    assert_eq!(store.delete_matching(THINGS, &few, 1), Ok(1));
    let all_but_none = store.count(THINGS, &all, None);
    assert_eq!(all_but_none, Ok(DOCUMENTS_MAX as u64));
}

#[test]
fn more_bytes_than_are_looked_at_are_refused() {
    let database = Sqlite::new();
    let store = fill(&database, 33, 1024 * 1024 - 100);
    let all = number(Comparison::Greater, 0);
    assert_eq!(code(store.count(THINGS, &all, None)), "too-many-documents");
    let most = number(Comparison::Greater, 2);
    assert_eq!(store.count(THINGS, &most, None), Ok(31));
}

#[test]
fn what_comes_in_parts_is_whole() {
    let database = Sqlite::new();
    let store = fill(&database, 12_345, 1);
    let all = number(Comparison::Greater, 0);
    assert_eq!(store.count(THINGS, &all, None), Ok(12_345));
    let mut last = query(all);
    last.sort = first_by("n", "done").sort;
    last.sort[0].direction = Direction::Descending;
    last.limit = 1;
    let page = store.find(THINGS, &last).expect("it is found");
    assert_eq!(page.documents[0].id, "12345");
}

#[test]
fn documents_of_one_call_fit_into_one_answer() {
    let store = open(Sqlite::new(), indexed(&[]));
    let body = json!({ "text": "x".repeat(DOCUMENT_BYTES_MAX - 100) });
    let ids: Vec<_> = (0..16).map(|number| number.to_string()).collect();
    for id in &ids {
        assert!(put(&store, id, &body).is_ok());
    }
    let outcome = store.get(THINGS, &ids);
    let too_large = matches!(
        outcome,
        Err(Error::Documents(stoa_documents::Error::TooLarge { .. }))
    );
    assert!(too_large, "{:?}", outcome.map(|found| found.len()));
    let fits = store.get(THINGS, &ids[..14]).expect("they fit");
    assert!(fits.iter().all(Option::is_some));
}
