//! What others write between two statements of one call.

use std::cell::Cell;

use serde_json::json;
use stoa_documents::Document;

use super::*;
use crate::look::TRIES_MAX;

/// A database in which somebody else does something before some statements.
struct Meddled<F> {
    database: Sqlite,
    /// How the statements start that somebody comes before.
    before: &'static str,
    /// How often they still come.
    times: Cell<usize>,
    /// How many of these statements there were.
    seen: Cell<usize>,
    meddle: F,
}

impl<F: Fn(&Sqlite)> Database for Meddled<F> {
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Rows, Error> {
        if statement.starts_with(self.before) {
            self.seen.set(self.seen.get() + 1);
            // The first look of a call may begin in peace.
            let comes = self.before != LOOK || self.seen.get() > 1;
            if comes && self.times.get() > 0 {
                self.times.set(self.times.get() - 1);
                (self.meddle)(&self.database);
            }
        }
        self.database.execute(statement, parameters)
    }

    fn random(&self) -> u64 {
        self.database.random()
    }
}

const LOOK: &str = "WITH candidates";
const UPDATE: &str = "UPDATE OR IGNORE";
const ALWAYS: usize = usize::MAX;

fn meddled<F: Fn(&Sqlite)>(
    database: &Sqlite,
    before: &'static str,
    times: usize,
    meddle: F,
) -> Store<Meddled<F>> {
    let meddled = Meddled {
        database: database.clone(),
        before,
        times: Cell::new(times),
        seen: Cell::new(0),
        meddle,
    };
    open(meddled, indexed(&[("sku", "sku", true)]))
}

/// Somebody else, an instance of their own.
fn other(database: &Sqlite) -> Store<Sqlite> {
    open(database.clone(), indexed(&[("sku", "sku", true)]))
}

fn written(database: &Sqlite, id: &str, body: &Json) {
    put(&other(database), id, body).expect("the document is good");
}

fn read(database: &Sqlite, id: &str) -> Json {
    let mut found = other(database)
        .get(THINGS, &[id.to_owned()])
        .expect("it can be read");
    let Document { body, .. } = found.remove(0).expect("it is there");
    serde_json::from_str(&body).expect("it is JSON")
}

#[test]
fn the_first_is_the_first_when_it_is_changed() {
    let database = Sqlite::new();
    written(&database, "a", &json!({ "n": 2 }));
    let store = meddled(&database, UPDATE, 1, |database| {
        written(database, "b", &json!({ "n": 1 }));
    });
    let changed = store.find_and_update(THINGS, first_by("n", "done"));
    let changed = changed.expect("it is tried again").expect("it is found");
    assert_eq!(changed.id, "b");
    assert_eq!(read(&database, "a"), json!({ "n": 2 }));
}

#[test]
fn what_was_changed_meanwhile_is_changed_as_it_became() {
    let database = Sqlite::new();
    written(&database, "a", &json!({ "n": 1 }));
    let store = meddled(&database, UPDATE, 3, |database| {
        let mut body = read(database, "a");
        body["n"] = json!(body["n"].as_i64().expect("it is a number") + 1);
        written(database, "a", &body);
    });
    let changed = store.find_and_update(THINGS, first_by("n", "done"));
    assert!(changed.is_ok_and(|changed| changed.is_some()));
    assert_eq!(read(&database, "a"), json!({ "done": true, "n": 4 }));
}

#[test]
fn a_change_gives_up_where_others_never_do() {
    let database = Sqlite::new();
    written(&database, "a", &json!({ "n": 1 }));
    let store = meddled(&database, UPDATE, ALWAYS, |database| {
        written(database, "a", &json!({ "n": 1 }));
    });
    let outcome = store.find_and_update(THINGS, first_by("n", "done"));
    assert_eq!(outcome, Err(Error::unavailable()));
    assert_eq!(read(&database, "a"), json!({ "n": 1 }));
}

/// The value that is taken is only looked at while the document is the one to change.
#[test]
fn a_unique_value_that_was_taken_meanwhile_is_a_conflict() {
    let database = Sqlite::new();
    written(&database, "a", &json!({}));
    let store = meddled(&database, UPDATE, 1, |database| {
        written(database, "b", &json!({ "sku": true }));
    });
    let outcome = store.find_and_update(THINGS, first_by("_id", "sku"));
    let taken = Err(stoa_documents::Error::Conflict("sku".into()).into());
    assert_eq!(outcome, taken);
    assert_eq!(read(&database, "a"), json!({}));
}

/// Five megabytes and more come in parts.
fn large(database: &Sqlite) {
    let text = "x".repeat(DOCUMENT_BYTES_MAX - 100);
    for id in 10..22 {
        written(database, &id.to_string(), &json!({ "text": text }));
    }
}

#[test]
fn a_look_is_of_one_moment() {
    let database = Sqlite::new();
    large(&database);
    // One goes that was read, and one comes that will be: without a second look there would be both, or neither.
    let store = meddled(&database, LOOK, 1, |database| {
        let gone = other(database).delete(THINGS, "10", Precondition::Always);
        assert_eq!(gone, Ok(true));
        written(database, "99", &json!({}));
    });
    let mut asked = query(Filter::default());
    asked.fields = Some(vec!["none".to_owned()]);
    let page = store.find(THINGS, &asked).expect("it is looked again");
    let ids: Vec<_> = page
        .documents
        .iter()
        .map(|found| found.id.as_str())
        .collect();
    assert_eq!((ids[0], ids[ids.len() - 1], ids.len()), ("11", "99", 12));
}

#[test]
fn a_look_gives_up_where_others_never_do() {
    let database = Sqlite::new();
    large(&database);
    let store = meddled(&database, LOOK, 2 * TRIES_MAX, |database| {
        written(database, "99", &json!({}));
    });
    let outcome = store.find(THINGS, &query(Filter::default()));
    assert_eq!(outcome, Err(Error::unavailable()));
}

#[test]
fn what_changed_since_it_was_looked_at_is_not_removed_as_it_was() {
    let database = Sqlite::new();
    written(&database, "a", &json!({ "n": 1 }));
    written(&database, "b", &json!({ "n": 1 }));
    let store = meddled(&database, "DELETE", 1, |database| {
        written(database, "a", &json!({ "n": 2 }));
    });
    let one = Filter::Compare {
        path: "n".into(),
        comparison: stoa_documents::Comparison::Equal,
        value: stoa_documents::Scalar::Integer(1),
    };
    assert_eq!(store.delete_matching(THINGS, &one, 10), Ok(1));
    assert_eq!(read(&database, "a"), json!({ "n": 2 }));
    assert_eq!(store.count(THINGS, &Filter::default(), None), Ok(1));
}
