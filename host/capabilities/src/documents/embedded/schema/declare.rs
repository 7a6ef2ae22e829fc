//! Adds what is declared to what is there, while the store is in use.
//!
//! First the columns and tables are made, and every write fills them. Then the documents that were there before get
//! theirs, some at a time. In the end the indexes are made, unique ones are held against all documents, and the layout
//! that reads them is published, with no write in between. What is refused on the way is taken back. Searched fields come
//! last, because they cannot be refused (`reweigh`).
//!
//! SQLite makes an index in one statement. It reads keys and no bodies; reads go on meanwhile, and writes wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use stoa_manifest::grants::documents::Collection as Declared;

use super::{Collection, Layout, ShapeError, Turn, build, reweigh, tables, turn};
use crate::documents::DeclareError;
use crate::documents::embedded::session::{Session, unavailable};

/// What is to be declared in the end, by collection.
type Wanted = BTreeMap<String, Declared>;

/// Adds `declared`. Other calls take their turn in `others` between two transactions.
///
/// # Errors
/// If it does not fit what is declared already, or the documents: then what was declared before still is, and no more.
pub(in crate::documents::embedded) fn declare(
    session: &Session,
    declared: &BTreeMap<String, Declared>,
    others: Turn<'_>,
) -> Result<(), ShapeError> {
    let mut wanted = all(&session.layout(), declared)?;
    for name in unfinished(&session.layout()) {
        reweigh::finish(session, &name, others)?;
    }
    let live = session.layout();
    wanted.retain(|name, wanted| live.declared.get(name) != Some(&*wanted));
    if wanted.is_empty() {
        return Ok(());
    }
    index(session, &wanted, others)?;
    for (name, wanted) in &wanted {
        let layout = session.layout();
        let searched = layout.declared.get(name).map(|declared| &declared.search);
        if searched != Some(&wanted.search) {
            reweigh::add(session, name, &wanted.search, others)?;
        }
    }
    Ok(())
}

/// The collections whose postings a failing database left behind.
fn unfinished(layout: &Layout) -> Vec<String> {
    let collections = layout.collections.values();
    let unfinished = collections.filter(|collection| collection.reweighing.is_some());
    unfinished
        .map(|collection| collection.name.clone())
        .collect()
}

/// What each of the collections is declared with, before and now.
fn all(layout: &Layout, declared: &BTreeMap<String, Declared>) -> Result<Wanted, DeclareError> {
    let all = declared.iter().map(|(name, declared)| {
        let mut all = live(layout, name);
        add(&mut all, name, declared)?;
        Ok((name.clone(), all))
    });
    all.collect()
}

/// What is declared of a collection already, with the searched fields that are not finished.
fn live(layout: &Layout, name: &str) -> Declared {
    let declared = layout.declared.get(name).cloned().unwrap_or_default();
    match layout.collection(name) {
        Some(collection) => Declared {
            search: collection.search.clone(),
            ..declared
        },
        None => declared,
    }
}

fn add(all: &mut Declared, collection: &str, more: &Declared) -> Result<(), DeclareError> {
    let differs = |what: String| DeclareError::Differs {
        collection: collection.to_owned(),
        what,
    };
    for (name, index) in &more.indexes {
        let known = all.indexes.entry(name.clone());
        if known.or_insert_with(|| index.clone()) != index {
            return Err(differs(format!(
                "the index `{name}` is declared differently by what is live: give it a new name"
            )));
        }
    }
    for (path, weight) in &more.search {
        let known = *all.search.entry(path.clone()).or_insert(*weight);
        if known != *weight {
            return Err(differs(format!(
                "the searched field `{path}` weighs {known} in what is live, and {weight} here: give it the same weight"
            )));
        }
    }
    Ok(())
}

/// Makes everything but the postings.
fn index(session: &Session, wanted: &Wanted, others: Turn<'_>) -> Result<(), ShapeError> {
    let before = session.layout();
    session.publish(make(session.connection(), &before, wanted)?);
    let made = fill(session, wanted, others).and_then(|()| complete(session, wanted, others));
    if made.is_err() {
        take_back(session, &before, wanted);
    }
    made
}

/// The layout in which all that is wanted is written, and what was there before is read.
fn make(connection: &Connection, before: &Layout, wanted: &Wanted) -> rusqlite::Result<Layout> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let mut layout = before.clone();
    for (name, wanted) in wanted {
        let live: Option<&Collection> = before.collection(name).map(Arc::as_ref);
        let collection = tables::make(connection, live, name, wanted)?;
        layout
            .collections
            .insert(name.clone(), Arc::new(collection));
    }
    transaction.commit()?;
    Ok(layout)
}

fn fill(session: &Session, wanted: &Wanted, others: Turn<'_>) -> Result<(), ShapeError> {
    let layout = session.layout();
    let collections = layout.collections.values();
    for collection in collections.filter(|collection| wanted.contains_key(&collection.name)) {
        build::fill(session.connection(), collection, others)?;
    }
    Ok(())
}

/// Makes the indexes, and publishes the layout in which all is read.
fn complete(session: &Session, wanted: &Wanted, others: Turn<'_>) -> Result<(), ShapeError> {
    let connection = session.connection();
    let mut layout = session.layout().as_ref().clone();
    for (name, wanted) in wanted {
        let Some(collection) = layout.collections.get_mut(name) else {
            continue;
        };
        let collection = Arc::make_mut(collection);
        read_all(collection, wanted);
        let search = collection.search.clone();
        let indexes = wanted.indexes.clone();
        let declared = Declared { indexes, search };
        layout.declared.insert(name.clone(), declared);
        for (index, definition) in wanted.indexes.iter().filter(|(_, index)| !index.each) {
            let definition = tables::index_definition(collection, index, definition);
            connection.execute_batch(&definition)?;
            turn(others)?;
        }
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    for name in wanted.keys() {
        let before = session.layout();
        let before: Option<&Collection> = before.collection(name).map(Arc::as_ref);
        if let Some(collection) = layout.collections.get(name) {
            check_uniques(connection, before, collection)?;
            tables::complete(connection, collection)?;
        }
    }
    transaction.commit()?;
    session.publish(layout);
    Ok(())
}

fn read_all(collection: &mut Collection, wanted: &Declared) {
    let derived = collection.columns.values_mut();
    for derived in derived.chain(collection.elements.values_mut()) {
        derived.is_complete = true;
    }
    let uniques = wanted.indexes.iter().filter(|(_, index)| index.unique);
    collection.uniques = uniques
        .map(|(name, index)| (name.clone(), index.paths.clone()))
        .collect();
}

/// Looks whether documents share values in unique indexes that were not held `before`.
fn check_uniques(
    connection: &Connection,
    before: Option<&Collection>,
    collection: &Collection,
) -> Result<(), ShapeError> {
    for (index, paths) in &collection.uniques {
        if before.is_none_or(|before| !before.uniques.contains_key(index)) {
            build::check_unique(connection, collection, index, paths)?;
        }
    }
    Ok(())
}

/// Goes back to what was declared before. What this fails to remove is not used, and removed by the next declaration.
fn take_back(session: &Session, before: &Arc<Layout>, wanted: &Wanted) {
    session.publish(before.as_ref().clone());
    let declared = before.declared.iter();
    let declared = declared.filter(|(name, _)| wanted.contains_key(*name));
    let declared: Wanted = declared
        .map(|(name, declared)| (name.clone(), declared.clone()))
        .collect();
    if let Err(error) = make(session.connection(), before, &declared) {
        unavailable(&error);
    }
}
