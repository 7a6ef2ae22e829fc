//! The tables of a store, and how they get the shape that the manifest declares.
//!
//! What is derived from bodies (columns of keys, elements, postings) has a mark that says whether it is complete. What is
//! not is made anew from the bodies, in bounded transactions, before the store is used; a host that dies meanwhile
//! starts over.

mod build;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use stoa_manifest::grants::documents::{Collection as Declared, Index};

use super::OpenError;
use crate::documents::key::{self, Key, Subject};
use crate::documents::{ID_PATH, search};

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
    Declared(OpenError),
}

impl From<rusqlite::Error> for ShapeError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// The collections that may be used.
pub(super) struct Layout {
    pub(super) collections: BTreeMap<String, Collection>,
}

/// What is derived from the value at one path.
pub(super) struct Derived {
    /// Names the column `k<number>`, or the table of elements.
    pub(super) number: i64,
    /// Whether there ever was an array: only then does a comparison have to look for elements.
    arrays: AtomicBool,
    /// Whether there ever was an explicit null: only then is it to be told from what is missing.
    nulls: AtomicBool,
}

impl Derived {
    pub(super) fn has_arrays(&self) -> bool {
        self.arrays.load(Ordering::Acquire)
    }

    pub(super) fn has_nulls(&self) -> bool {
        self.nulls.load(Ordering::Acquire)
    }
}

/// A collection's shape.
pub(super) struct Collection {
    pub(super) name: String,
    /// The columns of keys, by path.
    pub(super) columns: BTreeMap<String, Derived>,
    /// The tables of elements, by path.
    pub(super) elements: BTreeMap<String, Derived>,
    /// The paths of each unique index, by its name.
    pub(super) uniques: BTreeMap<String, Vec<String>>,
    /// The searched fields.
    pub(super) search: BTreeMap<String, u32>,
}

impl Collection {
    /// The name of one of its tables, as SQL. Collections are named by letters, digits, `_` and `-`.
    pub(super) fn table(&self, what: &str) -> String {
        format!("\"{what}:{}\"", self.name)
    }

    /// The table of the elements at a path.
    pub(super) fn elements_table(&self, derived: &Derived) -> String {
        format!("\"elements:{}:{}\"", self.name, derived.number)
    }

    /// The column of a path, as part of the table of documents; `None` where it has none.
    pub(super) fn column(&self, path: &str) -> Option<String> {
        match path {
            ID_PATH => Some("d.id".into()),
            _ => Some(format!("d.k{}", self.columns.get(path)?.number)),
        }
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
                self.mark(connection, derived, "arrays", &derived.arrays)?;
            }
            if value.is_some_and(serde_json::Value::is_null) {
                self.mark(connection, derived, "nulls", &derived.nulls)?;
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

/// Gives the declared collections their tables, columns and indexes.
pub(super) fn shape(
    connection: &Connection,
    declared: &BTreeMap<String, Declared>,
) -> Result<Layout, ShapeError> {
    connection.execute_batch(CATALOG)?;
    raise_sequence(connection)?;
    let mut collections = BTreeMap::new();
    for (name, declared) in declared {
        let collection = shape_collection(connection, name, declared)?;
        collections.insert(name.clone(), collection);
    }
    Ok(Layout { collections })
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

fn shape_collection(
    connection: &Connection,
    name: &str,
    declared: &Declared,
) -> Result<Collection, ShapeError> {
    let whole = declared.indexes.values().filter(|index| !index.each);
    let each = declared.indexes.values().filter(|index| index.each);
    let unique = declared.indexes.iter().filter(|(_, index)| index.unique);
    let mut collection = Collection {
        name: name.to_owned(),
        columns: BTreeMap::new(),
        elements: BTreeMap::new(),
        uniques: unique
            .map(|(name, index)| (name.clone(), index.paths.clone()))
            .collect(),
        search: declared.search.clone(),
    };
    create_tables(connection, &collection)?;
    // What goes or comes does so at once, and marked as incomplete.
    let transaction = connection.unchecked_transaction()?;
    drop_indexes(connection, &collection, declared)?;
    collection.columns = derive(connection, &collection, "column", &paths(whole))?;
    collection.elements = derive(connection, &collection, "element", &paths(each))?;
    reset_search(connection, &collection)?;
    transaction.commit()?;
    build::complete(connection, &collection)?;
    for (name, index) in declared.indexes.iter().filter(|(_, index)| !index.each) {
        connection.execute_batch(&index_definition(&collection, name, index))?;
        if index.unique {
            build::check_unique(connection, &collection, name, &index.paths)?;
        }
    }
    Ok(collection)
}

fn paths<'i>(indexes: impl Iterator<Item = &'i Index>) -> BTreeSet<String> {
    let paths = indexes.flat_map(|index| index.paths.iter());
    // The id has a column of its own.
    paths.filter(|path| *path != ID_PATH).cloned().collect()
}

fn create_tables(connection: &Connection, collection: &Collection) -> rusqlite::Result<()> {
    let (documents, bodies) = (collection.table("documents"), collection.table("bodies"));
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {documents} (
             number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, version INTEGER NOT NULL,
             bytes INTEGER NOT NULL, words INTEGER NOT NULL
         );
         CREATE TABLE IF NOT EXISTS {bodies} (number INTEGER PRIMARY KEY, body TEXT NOT NULL);"
    ))?;
    connection.execute(
        "INSERT OR IGNORE INTO collections (name) VALUES (?1)",
        [&collection.name],
    )?;
    Ok(())
}

/// Drops indexes that are not declared, or declared otherwise.
fn drop_indexes(
    connection: &Connection,
    collection: &Collection,
    declared: &Declared,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
    )?;
    let table = format!("documents:{}", collection.name);
    let existing = statement
        .query_map([table], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let columns = load(connection, collection, "column")?;
    let known = Collection {
        columns,
        elements: BTreeMap::new(),
        uniques: BTreeMap::new(),
        search: BTreeMap::new(),
        name: collection.name.clone(),
    };
    let wanted: BTreeSet<_> = declared
        .indexes
        .iter()
        .filter(|(_, index)| {
            !index.each && index.paths.iter().all(|path| known.column(path).is_some())
        })
        .map(|(name, index)| definition(&known, name, index))
        .collect();
    for (name, sql) in existing {
        if !wanted.contains(&sql) {
            connection.execute_batch(&format!("DROP INDEX \"{name}\""))?;
        }
    }
    Ok(())
}

fn index_definition(collection: &Collection, name: &str, index: &Index) -> String {
    let definition = definition(collection, name, index);
    definition.replacen("CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1)
}

/// As SQLite keeps it. The id comes last, so that documents with the same values lie in its order. A unique index is one
/// like the others: whether a value is there already is looked up before a write, and there is one writer.
fn definition(collection: &Collection, name: &str, index: &Index) -> String {
    let mut columns: Vec<_> = index
        .paths
        .iter()
        .filter_map(|path| Some(collection.column(path)?.replacen("d.", "", 1)))
        .collect();
    columns.push("id".into());
    format!(
        "CREATE INDEX \"index:{}:{name}\" ON {}({})",
        collection.name,
        collection.table("documents"),
        columns.join(", ")
    )
}

/// What exists of one kind, by path.
fn load(
    connection: &Connection,
    collection: &Collection,
    kind: &str,
) -> rusqlite::Result<BTreeMap<String, Derived>> {
    let mut statement = connection.prepare(
        "SELECT path, number, arrays, nulls FROM derived WHERE collection = ?1 AND kind = ?2 AND path != ''",
    )?;
    let rows = statement.query_map((&collection.name, kind), |row| {
        let derived = Derived {
            number: row.get(1)?,
            arrays: AtomicBool::new(row.get(2)?),
            nulls: AtomicBool::new(row.get(3)?),
        };
        Ok((row.get(0)?, derived))
    })?;
    rows.collect()
}

/// Frees what is not wanted and makes what is missing.
fn derive(
    connection: &Connection,
    collection: &Collection,
    kind: &str,
    wanted: &BTreeSet<String>,
) -> rusqlite::Result<BTreeMap<String, Derived>> {
    let existing = load(connection, collection, kind)?;
    for (path, derived) in &existing {
        if !wanted.contains(path) {
            free(connection, collection, kind, derived)?;
        }
    }
    for path in wanted.iter().filter(|path| !existing.contains_key(*path)) {
        make(connection, collection, kind, path)?;
    }
    load(connection, collection, kind)
}

/// A column that nobody reads stays until another path takes it: to drop it would rewrite the table.
fn free(
    connection: &Connection,
    collection: &Collection,
    kind: &str,
    derived: &Derived,
) -> rusqlite::Result<()> {
    if kind == "element" {
        let table = collection.elements_table(derived);
        connection.execute_batch(&format!("DROP TABLE {table}"))?;
    }
    connection.execute(
        "UPDATE derived SET path = '', complete = 0, arrays = 0, nulls = 0
         WHERE collection = ?1 AND kind = ?2 AND number = ?3",
        (&collection.name, kind, derived.number),
    )?;
    Ok(())
}

fn make(
    connection: &Connection,
    collection: &Collection,
    kind: &str,
    path: &str,
) -> rusqlite::Result<()> {
    let (free, next): (Option<i64>, i64) = connection.query_row(
        "SELECT min(number) FILTER (WHERE path = ''), ifnull(max(number) + 1, 0) FROM derived
         WHERE collection = ?1 AND kind = ?2",
        (&collection.name, kind),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let number = free.unwrap_or(next);
    connection.execute(
        "INSERT INTO derived (collection, kind, number, path) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (collection, kind, number) DO UPDATE SET path = excluded.path",
        (&collection.name, kind, number, path),
    )?;
    if kind == "element" {
        let table = format!("elements:{}:{number}", collection.name);
        return connection.execute_batch(&format!(
            "CREATE TABLE \"{table}\" (number INTEGER NOT NULL, value BLOB, occurrences INTEGER NOT NULL);
             CREATE INDEX \"value:{table}\" ON \"{table}\"(value, number, occurrences);
             CREATE INDEX \"number:{table}\" ON \"{table}\"(number);"
        ));
    }
    if free.is_none() {
        let documents = collection.table("documents");
        connection.execute_batch(&format!(
            "ALTER TABLE {documents} ADD COLUMN k{number} BLOB"
        ))?;
    }
    Ok(())
}

/// What the postings were made from, and by which rules.
fn search_definition(collection: &Collection) -> String {
    match collection.search.is_empty() {
        true => String::new(),
        false => format!("{} {:?}", search::FORMAT, collection.search),
    }
}

/// Empties the postings if they were made from other fields.
fn reset_search(connection: &Connection, collection: &Collection) -> rusqlite::Result<()> {
    let made: String = connection.query_row(
        "SELECT search FROM collections WHERE name = ?1",
        [&collection.name],
        |row| row.get(0),
    )?;
    if made == search_definition(collection) {
        return Ok(());
    }
    connection.execute(
        "UPDATE collections SET search = '', words = 0 WHERE name = ?1",
        [&collection.name],
    )?;
    let documents = collection.table("documents");
    connection.execute_batch(&format!("UPDATE {documents} SET words = 0"))?;
    empty_search(connection, collection)
}

fn empty_search(connection: &Connection, collection: &Collection) -> rusqlite::Result<()> {
    let [terms, variants, postings] =
        ["terms", "variants", "postings"].map(|what| collection.table(what));
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS {terms}; DROP TABLE IF EXISTS {variants}; DROP TABLE IF EXISTS {postings};
         CREATE TABLE {terms} (number INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE, documents INTEGER NOT NULL);
         CREATE TABLE {variants} (variant INTEGER NOT NULL, term INTEGER NOT NULL, PRIMARY KEY (variant, term)) WITHOUT ROWID;
         CREATE TABLE {postings} (
             term INTEGER NOT NULL, document INTEGER NOT NULL, weight INTEGER NOT NULL, words INTEGER NOT NULL,
             PRIMARY KEY (term, document)
         ) WITHOUT ROWID;"
    ))
}

/// Whether a key can be the same as another's in a unique index: nothing and null are left out, and so are arrays and
/// objects.
pub(super) fn is_unique_value(key: &Key) -> bool {
    key.as_ref().is_some_and(|key| !key::is_compound(key))
}
