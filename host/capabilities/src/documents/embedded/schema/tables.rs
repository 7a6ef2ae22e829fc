//! The tables, columns and indexes of a collection, and what the file says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rusqlite::Connection;
use stoa_manifest::grants::documents::{Collection as Declared, Index};

use super::{Collection, Derived, Marks};
use crate::documents::{ID_PATH, search};

/// Gives a collection its tables and columns, in the caller's transaction; those that no document has yet are marked as
/// incomplete. What it has and `declared` does not name is removed. Of a collection that is in use, `live`, that is
/// nothing that anybody reads.
pub(super) fn make(
    connection: &Connection,
    live: Option<&Collection>,
    name: &str,
    declared: &Declared,
) -> rusqlite::Result<Collection> {
    let mut collection = Collection {
        name: name.to_owned(),
        columns: BTreeMap::new(),
        elements: BTreeMap::new(),
        uniques: live.map(|live| live.uniques.clone()).unwrap_or_default(),
        search: live.map(|live| live.search.clone()).unwrap_or_default(),
        reweighing: live.and_then(|live| live.reweighing.clone()),
    };
    create(connection, &collection)?;
    drop_indexes(connection, &collection, declared)?;
    let (each, whole): (Vec<_>, Vec<_>) = declared.indexes.values().partition(|index| index.each);
    collection.columns = derive(connection, &collection, "column", &paths(whole))?;
    collection.elements = derive(connection, &collection, "element", &paths(each))?;
    for elements in incomplete(&collection.elements) {
        let table = collection.elements_table(elements);
        connection.execute_batch(&format!("DELETE FROM {table}"))?;
    }
    match live {
        Some(live) => keep_marks(&mut collection, live),
        None => collection.search = kept_search(connection, &collection, &declared.search)?,
    }
    Ok(collection)
}

pub(super) fn incomplete(derived: &BTreeMap<String, Derived>) -> impl Iterator<Item = &Derived> {
    derived.values().filter(|derived| !derived.is_complete)
}

fn paths(indexes: Vec<&Index>) -> BTreeSet<String> {
    let paths = indexes.into_iter().flat_map(|index| index.paths.iter());
    // The id has a column of its own.
    paths.filter(|path| *path != ID_PATH).cloned().collect()
}

/// Readers who go by the layout before look at the marks that will be raised from now on.
fn keep_marks(collection: &mut Collection, live: &Collection) {
    for (path, derived) in &mut collection.columns {
        if let Some(known) = live.columns.get(path)
            && known.number == derived.number
        {
            derived.marks = Arc::clone(&known.marks);
        }
    }
}

fn create(connection: &Connection, collection: &Collection) -> rusqlite::Result<()> {
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
    let known = Collection {
        columns: load(connection, collection, "column")?,
        ..collection.clone()
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

pub(super) fn index_definition(collection: &Collection, name: &str, index: &Index) -> String {
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
        "SELECT path, number, complete, arrays, nulls FROM derived
         WHERE collection = ?1 AND kind = ?2 AND path != ''",
    )?;
    let rows = statement.query_map((&collection.name, kind), |row| {
        let marks = Marks {
            arrays: AtomicBool::new(row.get(3)?),
            nulls: AtomicBool::new(row.get(4)?),
        };
        let derived = Derived {
            number: row.get(1)?,
            is_complete: row.get(2)?,
            marks: Arc::new(marks),
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
        add(connection, collection, kind, path)?;
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

fn add(
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

/// All that is derived by path is complete from now on.
pub(super) fn complete(connection: &Connection, collection: &Collection) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE derived SET complete = 1 WHERE collection = ?1 AND path != ''",
        [&collection.name],
    )?;
    Ok(())
}

/// What postings were made from, and by which rules.
pub(super) fn search_definition(fields: &BTreeMap<String, u32>) -> String {
    match fields.is_empty() {
        true => String::new(),
        false => format!("{} {fields:?}", search::FORMAT),
    }
}

/// Says in the file what the postings of a collection were made from.
pub(super) fn set_search(
    connection: &Connection,
    collection: &Collection,
    definition: &str,
) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE collections SET search = ?2 WHERE name = ?1",
        (&collection.name, definition),
    )?;
    Ok(())
}

/// The fields that the postings of a collection nobody used yet are made from: those that are wanted, or none and then
/// there are no postings.
fn kept_search(
    connection: &Connection,
    collection: &Collection,
    wanted: &BTreeMap<String, u32>,
) -> rusqlite::Result<BTreeMap<String, u32>> {
    let made: String = connection.query_row(
        "SELECT search FROM collections WHERE name = ?1",
        [&collection.name],
        |row| row.get(0),
    )?;
    if made == search_definition(wanted) {
        return Ok(wanted.clone());
    }
    empty_search(connection, collection)?;
    set_search(connection, collection, "")?;
    Ok(BTreeMap::new())
}

/// Makes the tables of the search anew. What the documents say of their words does not count where nothing is searched.
pub(super) fn empty_search(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<()> {
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
    ))?;
    connection.execute(
        "UPDATE collections SET words = 0 WHERE name = ?1",
        [&collection.name],
    )?;
    Ok(())
}
