//! Makes postings anew when fields are added to a search, in place and document by document.
//!
//! That is not cheap: the words of every document are read again. But a search misses nothing meanwhile. Each document
//! has the postings of the fields before or of all, never none, so whoever searches finds what was found before, and in
//! the end what the new fields say. It cannot be refused, and is never undone: what a failing database cuts short is
//! finished by the next declaration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::tables::{empty_search, search_definition, set_search};
use super::{Collection, ShapeError, Turn, build, turn};
use crate::documents::embedded::postings::Postings;
use crate::documents::embedded::session::Session;
use crate::documents::search;

/// Stands in the file for what postings were made from while that is not the same for all. It is no definition, so that
/// a host that dies meanwhile makes them anew.
const UNFINISHED: &str = "unfinished";

/// Which documents still have the postings of the fields before.
pub(super) struct Reweighing {
    /// Those fields.
    pub(super) was: BTreeMap<String, u32>,
    /// The number of the last document when it began.
    pub(super) bound: i64,
    /// The last number that is done. Only the thread that writes asks.
    done: AtomicI64,
}

impl Reweighing {
    /// Whether the turn of a document is still to come.
    pub(super) fn is_ahead_of(&self, number: i64) -> bool {
        number > self.done.load(Ordering::Relaxed) && number <= self.bound
    }
}

/// Adds fields to the search of a collection that may be in use.
pub(super) fn add(
    session: &Session,
    name: &str,
    fields: &BTreeMap<String, u32>,
    others: Turn<'_>,
) -> Result<(), ShapeError> {
    begin(session, name, fields)?;
    finish(session, name, others)
}

fn begin(session: &Session, name: &str, fields: &BTreeMap<String, u32>) -> rusqlite::Result<()> {
    let connection = session.connection();
    let mut layout = session.layout().as_ref().clone();
    let Some(collection) = layout.collections.get_mut(name) else {
        return Ok(());
    };
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    if collection.search.is_empty() {
        empty_search(connection, collection)?;
    }
    set_search(connection, collection, UNFINISHED)?;
    let bound = build::last_number(connection, collection)?;
    transaction.commit()?;
    let collection = Arc::make_mut(collection);
    collection.reweighing = Some(Arc::new(Reweighing {
        was: std::mem::replace(&mut collection.search, fields.clone()),
        bound,
        done: AtomicI64::new(i64::MIN),
    }));
    session.publish(layout);
    Ok(())
}

/// Goes on until every document has the postings of all fields.
pub(super) fn finish(session: &Session, name: &str, others: Turn<'_>) -> Result<(), ShapeError> {
    let mut layout = session.layout().as_ref().clone();
    let Some(collection) = layout.collections.get_mut(name) else {
        return Ok(());
    };
    let Some(reweighing) = collection.reweighing.clone() else {
        return Ok(());
    };
    while step(session.connection(), collection, &reweighing)? {
        turn(others)?;
    }
    let definition = search_definition(&collection.search);
    set_search(session.connection(), collection, &definition)?;
    let collection = Arc::make_mut(collection);
    collection.reweighing = None;
    if let Some(declared) = layout.declared.get_mut(name) {
        declared.search = collection.search.clone();
    }
    session.publish(layout);
    Ok(())
}

/// Some documents in one transaction; answers whether there were any.
fn step(
    connection: &Connection,
    collection: &Collection,
    reweighing: &Reweighing,
) -> rusqlite::Result<bool> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let done = reweighing.done.load(Ordering::Relaxed);
    let documents = build::read(connection, collection, done, reweighing.bound)?;
    let Some(last) = documents.last() else {
        return Ok(false);
    };
    let (mut postings, mut more) = (Postings::default(), 0);
    for document in &documents {
        let was = search::terms(&reweighing.was, &document.body);
        let is = search::terms(&collection.search, &document.body);
        more += i64::from(is.words) - i64::from(was.words);
        set_words(connection, collection, document.number, is.words)?;
        postings.remove(document.number, was);
        postings.add(document.number, is);
    }
    postings.write(connection, collection)?;
    connection
        .prepare_cached("UPDATE collections SET words = words + ?1 WHERE name = ?2")?
        .execute((more, &collection.name))?;
    transaction.commit()?;
    reweighing.done.store(last.number, Ordering::Relaxed);
    Ok(true)
}

fn set_words(
    connection: &Connection,
    collection: &Collection,
    number: i64,
    words: u32,
) -> rusqlite::Result<()> {
    let documents = collection.table("documents");
    connection
        .prepare_cached(&format!(
            "UPDATE {documents} SET words = ?1 WHERE number = ?2"
        ))?
        .execute((words, number))?;
    Ok(())
}
