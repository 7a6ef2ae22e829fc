//! Gives documents that are there already what is derived by path.
//!
//! Writes go on between two transactions, and give their documents all there is. So a document may have its own when its
//! turn comes here: it is made anew from the body, to the same effect.

use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};
use serde_json::Value;

use super::tables::incomplete;
use super::{Collection, ShapeError, Turn, turn};
use crate::documents::DeclareError;
use crate::documents::embedded::change;
use crate::documents::embedded::session::{Failure, parse};
use crate::documents::key::Subject;

/// Documents that share a transaction while a shape is made: other writes wait so long.
const DOCUMENTS_PER_COMMIT: usize = 500;
/// Bytes of bodies that share one, unless one body alone has more.
const BYTES_PER_COMMIT: usize = 1024 * 1024;

/// A document as its body says.
pub(super) struct Stored {
    pub(super) number: i64,
    id: String,
    pub(super) body: Value,
}

/// The greatest number of a document; those that come have a greater one, or that of a document that is gone.
pub(super) fn last_number(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<i64> {
    let documents = collection.table("documents");
    connection
        .prepare_cached(&format!(
            "SELECT ifnull(max(number), {}) FROM {documents}",
            i64::MIN
        ))?
        .query_row([], |row| row.get(0))
}

/// Fills what is incomplete, while others take their turn. All columns are filled when one is incomplete: reading the
/// bodies is what takes the time.
pub(super) fn fill(
    connection: &Connection,
    collection: &Collection,
    others: Turn<'_>,
) -> Result<(), ShapeError> {
    let columns = incomplete(&collection.columns).next().is_some();
    let elements = incomplete(&collection.elements).next().is_some();
    if !(columns || elements) {
        return Ok(());
    }
    let (mut after, last) = (i64::MIN, last_number(connection, collection)?);
    loop {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let documents = read(connection, collection, after, last)?;
        let Some(furthest) = documents.last() else {
            return Ok(());
        };
        after = furthest.number;
        for document in &documents {
            fill_one(connection, collection, columns, document)?;
        }
        transaction.commit()?;
        turn(others)?;
    }
}

/// Some documents whose numbers are after one and up to another, in their order; none at the end.
pub(super) fn read(
    connection: &Connection,
    collection: &Collection,
    after: i64,
    last: i64,
) -> rusqlite::Result<Vec<Stored>> {
    let (documents, bodies) = (collection.table("documents"), collection.table("bodies"));
    let mut statement = connection.prepare_cached(&format!(
        "SELECT d.number, d.id, b.body FROM {documents} AS d JOIN {bodies} AS b ON b.number = d.number
         WHERE d.number > ?1 AND d.number <= ?2 ORDER BY d.number"
    ))?;
    let mut rows = statement.query([after, last])?;
    let (mut read, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let body = row.get_ref(2)?.as_bytes()?;
        bytes += body.len();
        read.push(Stored {
            number: row.get(0)?,
            id: String::from_utf8_lossy(row.get_ref(1)?.as_bytes()?).into_owned(),
            body: parse(body)?,
        });
        if read.len() == DOCUMENTS_PER_COMMIT || bytes > BYTES_PER_COMMIT {
            break;
        }
    }
    Ok(read)
}

fn fill_one(
    connection: &Connection,
    collection: &Collection,
    columns: bool,
    document: &Stored,
) -> Result<(), ShapeError> {
    let subject = Subject {
        id: Some(&document.id),
        body: &document.body,
    };
    if columns {
        collection.note(connection, subject)?;
        fill_columns(connection, collection, document.number, subject)?;
    }
    for (path, derived) in &collection.elements {
        if !derived.is_complete {
            change::remove_elements(connection, collection, derived, document.number)?;
            change::add_elements(
                connection,
                collection,
                (path, derived),
                document.number,
                subject,
            )
            .map_err(|failure| unfit(collection, failure))?;
        }
    }
    Ok(())
}

fn unfit(collection: &Collection, failure: Failure) -> ShapeError {
    match failure {
        Failure::Database(error) => ShapeError::Database(error),
        Failure::Call(source) => ShapeError::Declared(DeclareError::Unfit {
            collection: collection.name.clone(),
            source,
        }),
    }
}

fn fill_columns(
    connection: &Connection,
    collection: &Collection,
    number: i64,
    subject: Subject<'_>,
) -> rusqlite::Result<()> {
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
        true => Err(ShapeError::Declared(DeclareError::NotUnique {
            collection: collection.name.clone(),
            index: index.to_owned(),
        })),
    }
}
