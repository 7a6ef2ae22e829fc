//! The shape of a store: which collections there are, and what is kept beside their documents.
//!
//! A [`Layout`] is exchanged as a whole and never changed. What is derived from bodies (columns of keys, elements,
//! postings) is written from the moment it exists and read from the moment it is complete. Until then documents that were
//! there before are given theirs in bounded transactions (`declare`, `build`, `reweigh`), and a mark in the file says that
//! it is not complete: a host that dies meanwhile starts over.

mod build;
mod declare;
mod reweigh;
mod tables;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use stoa_manifest::grants::documents::Collection as Declared;

pub(super) use self::declare::declare;
use self::reweigh::Reweighing;
use crate::documents::key::{Key, Subject};
use crate::documents::{DeclareError, ID_PATH};

const CATALOG: &str = "
    CREATE TABLE IF NOT EXISTS sequence (id INTEGER PRIMARY KEY CHECK (id = 0), version INTEGER NOT NULL);
    INSERT OR IGNORE INTO sequence VALUES (0, 0);
    CREATE TABLE IF NOT EXISTS collections (
        name TEXT NOT NULL PRIMARY KEY,
        documents INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        words INTEGER NOT NULL DEFAULT 0,
        search TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE IF NOT EXISTS derived (
        collection TEXT NOT NULL,
        kind TEXT NOT NULL,
        number INTEGER NOT NULL,
        path TEXT NOT NULL,
        complete INTEGER NOT NULL DEFAULT 0,
        arrays INTEGER NOT NULL DEFAULT 0,
        nulls INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (collection, kind, number)
    );
";

/// Why the tables did not get their shape.
pub(super) enum ShapeError {
    Database(rusqlite::Error),
    Declared(DeclareError),
}

impl From<rusqlite::Error> for ShapeError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<DeclareError> for ShapeError {
    fn from(error: DeclareError) -> Self {
        Self::Declared(error)
    }
}

/// Gives other calls their turn between two transactions; false where nobody can call any more, and the work is to end.
pub(super) type Turn<'t> = &'t mut dyn FnMut() -> bool;

/// A turn that ends the work where the store is being closed.
fn turn(turn: Turn<'_>) -> Result<(), ShapeError> {
    match turn() {
        true => Ok(()),
        false => Err(DeclareError::Unavailable.into()),
    }
}

/// Makes the tables that every file has, before anything is declared.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(CATALOG)?;
    raise_sequence(connection)
}

/// Lifts the sequence above every version that was ever given out, as in the key-value store.
fn raise_sequence(connection: &Connection) -> rusqlite::Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let microseconds = i64::try_from(now.as_micros()).unwrap_or(0);
    connection.execute(
        "UPDATE sequence SET version = max(version, ?1)",
        [microseconds],
    )?;
    Ok(())
}

/// All collections at one time.
#[derive(Clone, Default)]
pub(super) struct Layout {
    /// What is declared and complete.
    pub(super) declared: BTreeMap<String, Declared>,
    /// Their shapes, and those of collections that are being made.
    collections: BTreeMap<String, Arc<Collection>>,
}

/// The layout that counts, for all threads of a store.
#[derive(Default)]
pub(super) struct Shared(RwLock<Arc<Layout>>);

/// What is derived from the value at one path.
#[derive(Clone)]
pub(super) struct Derived {
    /// Names the column `k<number>`, or the table of elements.
    pub(super) number: i64,
    /// Whether every document has it. Otherwise it is written, but not read.
    is_complete: bool,
    /// The same in every layout: who reads by an older one has to see what is raised by who writes.
    marks: Arc<Marks>,
}

/// What kinds of values there ever were at a path.
struct Marks {
    /// Whether there ever was an array: only then does a comparison have to look for elements.
    arrays: AtomicBool,
    /// Whether there ever was an explicit null: only then is it to be told from what is missing.
    nulls: AtomicBool,
}

/// A collection's shape.
#[derive(Clone)]
pub(super) struct Collection {
    pub(super) name: String,
    /// The columns of keys that are written, by path.
    pub(super) columns: BTreeMap<String, Derived>,
    /// The tables of elements that are written, by path.
    pub(super) elements: BTreeMap<String, Derived>,
    /// The paths of each unique index that is held, by its name.
    pub(super) uniques: BTreeMap<String, Vec<String>>,
    /// The searched fields of a document that is written anew.
    search: BTreeMap<String, u32>,
    /// The documents whose postings are not made from these fields yet.
    reweighing: Option<Arc<Reweighing>>,
}

// === impl Layout ===

impl Layout {
    /// A collection that may be used.
    pub(super) fn collection(&self, name: &str) -> Option<&Arc<Collection>> {
        self.declared.get(name).and(self.collections.get(name))
    }
}

// === impl Shared ===

impl Shared {
    /// The layout, which is not exchanged while this is held.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Arc<Layout>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Exchanges it. What the new one reads is committed before.
    pub(super) fn publish(&self, layout: Arc<Layout>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = layout;
    }
}

// === impl Derived ===

impl Derived {
    pub(super) fn has_arrays(&self) -> bool {
        self.marks.arrays.load(Ordering::Acquire)
    }

    pub(super) fn has_nulls(&self) -> bool {
        self.marks.nulls.load(Ordering::Acquire)
    }
}

// === impl Collection ===

impl Collection {
    /// The name of one of its tables, as SQL. Collections are named by letters, digits, `_` and `-`.
    pub(super) fn table(&self, what: &str) -> String {
        format!("\"{what}:{}\"", self.name)
    }

    /// The table of the elements at a path.
    pub(super) fn elements_table(&self, derived: &Derived) -> String {
        format!("\"elements:{}:{}\"", self.name, derived.number)
    }

    /// The column of a path, as part of the table of documents; `None` where it has none that may be read.
    pub(super) fn column(&self, path: &str) -> Option<String> {
        match path {
            ID_PATH => Some("d.id".into()),
            _ => Some(format!("d.k{}", self.column_of(path)?.number)),
        }
    }

    /// What a column of keys that may be read is derived from.
    pub(super) fn column_of(&self, path: &str) -> Option<&Derived> {
        self.columns.get(path).filter(|column| column.is_complete)
    }

    /// The same for a table of elements.
    pub(super) fn elements_of(&self, path: &str) -> Option<&Derived> {
        let elements = self.elements.get(path);
        elements.filter(|elements| elements.is_complete)
    }

    /// The fields that a search finds in every document.
    pub(super) fn searched(&self) -> &BTreeMap<String, u32> {
        let reweighing = self.reweighing.as_ref();
        reweighing.map_or(&self.search, |reweighing| &reweighing.was)
    }

    /// The fields that the postings of a document are made from, by its number; `None`: a new one.
    pub(super) fn search_of(&self, number: Option<i64>) -> &BTreeMap<String, u32> {
        match (&self.reweighing, number) {
            (Some(reweighing), Some(number)) if reweighing.is_ahead_of(number) => &reweighing.was,
            _ => &self.search,
        }
    }

    /// The number of a new document, where it is not to be left to SQLite: that takes the number of a last document that
    /// was deleted again, and its postings might be taken for those of an old one.
    pub(super) fn next_number(&self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        let Some(reweighing) = &self.reweighing else {
            return Ok(None);
        };
        let last = build::last_number(connection, self)?;
        Ok(Some(last.max(reweighing.bound).max(0).saturating_add(1)))
    }

    /// The keys of a document, in the order of the columns' paths.
    pub(super) fn keys(&self, subject: Subject<'_>) -> Vec<Key> {
        self.columns.keys().map(|path| subject.key(path)).collect()
    }

    /// Remembers what kinds of values a document has, before it is written: a reader that sees the document sees that.
    pub(super) fn note(
        &self,
        connection: &Connection,
        subject: Subject<'_>,
    ) -> rusqlite::Result<()> {
        for (path, derived) in &self.columns {
            let value = subject.at(path);
            let value = value.as_deref();
            if value.is_some_and(serde_json::Value::is_array) {
                self.mark(connection, derived, "arrays", &derived.marks.arrays)?;
            }
            if value.is_some_and(serde_json::Value::is_null) {
                self.mark(connection, derived, "nulls", &derived.marks.nulls)?;
            }
        }
        Ok(())
    }

    /// The mark is raised before the commit, and at once for all readers: where the commit fails, it costs them a look in
    /// vain. That is why it is always written, too: the transaction that raised it may not be the one that lasts.
    fn mark(
        &self,
        connection: &Connection,
        derived: &Derived,
        what: &str,
        raised: &AtomicBool,
    ) -> rusqlite::Result<()> {
        raised.store(true, Ordering::Release);
        connection
            .prepare_cached(&format!(
                "UPDATE derived SET {what} = 1
                 WHERE collection = ?1 AND kind = 'column' AND number = ?2 AND NOT {what}"
            ))?
            .execute((&self.name, derived.number))?;
        Ok(())
    }
}
