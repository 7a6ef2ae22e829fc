//! Makes what is derived from bodies and not complete.

use rusqlite::{Connection, params_from_iter};
use serde_json::Value;

use super::{Collection, ShapeError, empty_search, search_definition};
use crate::documents::embedded::session::{Failure, parse};
use crate::documents::embedded::{OpenError, change, postings::Postings};
use crate::documents::key::Subject;
use crate::documents::search;

/// Documents that share a transaction while a shape is made.
const DOCUMENTS_PER_COMMIT: usize = 500;

/// What is to be made.
struct Missing {
    columns: bool,
    elements: bool,
    search: bool,
}

struct Stored {
    number: i64,
    id: String,
    body: Value,
}

/// Makes what is missing. All columns are filled when one is missing: reading the bodies is what takes the time.
pub(super) fn complete(connection: &Connection, collection: &Collection) -> Result<(), ShapeError> {
    let missing = missing(connection, collection)?;
    if !(missing.columns || missing.elements || missing.search) {
        return Ok(());
    }
    clear(connection, collection, &missing)?;
    let mut after = i64::MIN;
    loop {
        let transaction = connection.unchecked_transaction()?;
        let documents = read(connection, collection, after)?;
        let Some(last) = documents.last() else {
            finish(connection, collection)?;
            transaction.commit()?;
            return Ok(());
        };
        after = last.number;
        make(connection, collection, &missing, &documents)?;
        transaction.commit()?;
    }
}

fn missing(connection: &Connection, collection: &Collection) -> rusqlite::Result<Missing> {
    let incomplete = |kind: &str| {
        connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM derived WHERE collection = ?1 AND kind = ?2 AND path != '' AND NOT complete)",
            (&collection.name, kind),
            |row| row.get(0),
        )
    };
    let made: String = connection.query_row(
        "SELECT search FROM collections WHERE name = ?1",
        [&collection.name],
        |row| row.get(0),
    )?;
    Ok(Missing {
        columns: incomplete("column")?,
        elements: incomplete("element")?,
        search: made != search_definition(collection),
    })
}

/// Removes what an earlier attempt left.
fn clear(
    connection: &Connection,
    collection: &Collection,
    missing: &Missing,
) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    if missing.elements {
        for derived in collection.elements.values() {
            let table = collection.elements_table(derived);
            connection.execute_batch(&format!("DELETE FROM {table}"))?;
        }
    }
    if missing.search {
        empty_search(connection, collection)?;
        connection.execute(
            "UPDATE collections SET words = 0 WHERE name = ?1",
            [&collection.name],
        )?;
    }
    transaction.commit()
}

fn read(
    connection: &Connection,
    collection: &Collection,
    after: i64,
) -> rusqlite::Result<Vec<Stored>> {
    let (documents, bodies) = (collection.table("documents"), collection.table("bodies"));
    let mut statement = connection.prepare_cached(&format!(
        "SELECT d.number, d.id, b.body FROM {documents} AS d JOIN {bodies} AS b ON b.number = d.number
         WHERE d.number > ?1 ORDER BY d.number"
    ))?;
    let mut rows = statement.query([after])?;
    let (mut read, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let body = row.get_ref(2)?.as_bytes()?;
        bytes += body.len();
        read.push(Stored {
            number: row.get(0)?,
            id: String::from_utf8_lossy(row.get_ref(1)?.as_bytes()?).into_owned(),
            body: parse(body)?,
        });
        if read.len() == DOCUMENTS_PER_COMMIT || bytes > crate::documents::CALL_BYTES_MAX {
            break;
        }
    }
    Ok(read)
}

fn make(
    connection: &Connection,
    collection: &Collection,
    missing: &Missing,
    documents: &[Stored],
) -> Result<(), ShapeError> {
    let mut postings = Postings::default();
    for document in documents {
        let subject = Subject {
            id: Some(&document.id),
            body: &document.body,
        };
        if missing.columns {
            collection.note(connection, subject)?;
            fill(connection, collection, document.number, subject)?;
        }
        if missing.elements {
            change::add_elements(connection, collection, document.number, subject)
                .map_err(|failure| unfit(collection, failure))?;
        }
        if missing.search {
            let terms = search::terms(&collection.search, &document.body);
            set_words(connection, collection, document.number, terms.words)?;
            postings.add(document.number, terms);
        }
    }
    postings.write(connection, collection)?;
    Ok(())
}

fn unfit(collection: &Collection, failure: Failure) -> ShapeError {
    match failure {
        Failure::Database(error) => ShapeError::Database(error),
        Failure::Call(source) => ShapeError::Declared(OpenError::Unfit {
            collection: collection.name.clone(),
            source,
        }),
    }
}

fn fill(
    connection: &Connection,
    collection: &Collection,
    number: i64,
    subject: Subject<'_>,
) -> rusqlite::Result<()> {
    if collection.columns.is_empty() {
        return Ok(());
    }
    let columns = collection.columns.values();
    let columns: Vec<_> = columns
        .map(|column| format!("k{} = ?", column.number))
        .collect();
    let (documents, columns) = (collection.table("documents"), columns.join(", "));
    let keys = collection.keys(subject).into_iter();
    let mut values: Vec<_> = keys.map(change::sql_key).collect();
    values.push(number.into());
    connection
        .prepare_cached(&format!(
            "UPDATE {documents} SET {columns} WHERE number = ?"
        ))?
        .execute(params_from_iter(values))?;
    Ok(())
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
    connection
        .prepare_cached("UPDATE collections SET words = words + ?1 WHERE name = ?2")?
        .execute((words, &collection.name))?;
    Ok(())
}

fn finish(connection: &Connection, collection: &Collection) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE derived SET complete = 1 WHERE collection = ?1 AND path != ''",
        [&collection.name],
    )?;
    connection.execute(
        "UPDATE collections SET search = ?2 WHERE name = ?1",
        (&collection.name, search_definition(collection)),
    )?;
    Ok(())
}

/// Looks for values that two documents share.
pub(super) fn check_unique(
    connection: &Connection,
    collection: &Collection,
    index: &str,
    paths: &[String],
) -> Result<(), ShapeError> {
    let columns: Vec<_> = paths
        .iter()
        .filter_map(|path| collection.column(path))
        .collect();
    // Arrays and objects have keys behind all others, and null has none.
    let present: Vec<_> = columns
        .iter()
        .map(|column| match column.as_str() {
            "d.id" => "1".to_owned(),
            _ => format!("{column} < x'50'"),
        })
        .collect();
    let (documents, columns) = (collection.table("documents"), columns.join(", "));
    let shared: bool = connection.query_row(
        &format!(
            "SELECT EXISTS (SELECT 1 FROM {documents} AS d WHERE {} GROUP BY {columns} HAVING count(*) > 1)",
            present.join(" AND ")
        ),
        [],
        |row| row.get(0),
    )?;
    match shared {
        false => Ok(()),
        true => Err(ShapeError::Declared(OpenError::NotUnique {
            collection: collection.name.clone(),
            index: index.to_owned(),
        })),
    }
}
