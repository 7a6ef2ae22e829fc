//! Writing documents. Each change is one statement, which says what it is based on and answers what it did: where it did
//! nothing, the reason is looked for, and where that is gone already, it is tried again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use stoa_documents::{
    Document, Error as Documents, Filter, Moment, Precondition, Update, Version, Write, body,
    operator,
};

use crate::candidates::Candidates;
use crate::database::{Database, Value, malformed, of_id, of_version, places};
use crate::error::Error;
use crate::find::{Asked, first, matches};
use crate::incoming::Incoming;
use crate::look::{Print, Stored, TRIES_MAX, unchanged};
use crate::table::Table;

/// One statement writes so many new documents, at most.
const ROWS_MAX: usize = 200;
/// One statement brings so many bytes, at most: Stoa's databases take 16 MiB.
const ROWS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Writes each document on its own. New ones are written together first, which is one statement for many.
pub(crate) fn put(
    database: &impl Database,
    table: &Table<'_>,
    writes: &[Write],
) -> Result<Vec<Result<Version, Error>>, Error> {
    let incoming: Vec<_> = writes
        .iter()
        .map(|write| {
            let body = body::parse(&write.body)?;
            Incoming::new(database, table, &write.id, body, usize::MAX)
        })
        .collect();
    let mut written = insert_all(database, table, writes, &incoming)?;
    let mut outcomes = Vec::with_capacity(writes.len());
    for (write, incoming) in writes.iter().zip(incoming) {
        let outcome = match (written.remove(write.id.as_str()), incoming) {
            (Some(version), _) => Ok(version),
            (None, Ok(incoming)) => put_one(database, table, write.precondition, &incoming),
            (None, Err(error)) => Err(error),
        };
        // Only what failed in the database ends the whole call.
        match outcome {
            Err(error) if error == Error::unavailable() => return Err(error),
            outcome => outcomes.push(outcome),
        }
    }
    Ok(outcomes)
}

/// Writes those that may be new and are. Where an id comes twice, the order counts, and all are written one by one.
fn insert_all<'w>(
    database: &impl Database,
    table: &Table<'_>,
    writes: &'w [Write],
    incoming: &[Result<Incoming<'w>, Error>],
) -> Result<BTreeMap<String, Version>, Error> {
    let ids: BTreeSet<_> = writes.iter().map(|write| &write.id).collect();
    let mut written = BTreeMap::new();
    if ids.len() < writes.len() || writes.len() < 2 {
        return Ok(written);
    }
    let may_be_new = |precondition: Precondition| {
        matches!(precondition, Precondition::Always | Precondition::Absent)
    };
    let (mut chunk, mut bytes) = (Vec::new(), 0_usize);
    for (write, incoming) in writes.iter().zip(incoming) {
        let Some(incoming) = incoming
            .as_ref()
            .ok()
            .filter(|_| may_be_new(write.precondition))
        else {
            continue;
        };
        if chunk.len() == ROWS_MAX || bytes + incoming.text.len() > ROWS_BYTES_MAX {
            written.extend(insert(database, table, &chunk)?);
            (chunk, bytes) = (Vec::new(), 0);
        }
        bytes += incoming.text.len();
        chunk.push(incoming);
    }
    written.extend(insert(database, table, &chunk)?);
    Ok(written)
}

/// Writes those whose ids and unique values are free.
fn insert(
    database: &impl Database,
    table: &Table<'_>,
    incoming: &[&Incoming<'_>],
) -> Result<Vec<(String, Version)>, Error> {
    if incoming.is_empty() {
        return Ok(Vec::new());
    }
    let rows = vec!["(?, ?, ?, ?)"; incoming.len()].join(", ");
    let statement = format!(
        "INSERT OR IGNORE INTO {} (id, version, bytes, body) VALUES {rows} RETURNING id, version",
        table.quoted()
    );
    let parameters = incoming.iter().flat_map(|incoming| incoming.columns());
    let rows = database.execute(&statement, parameters.collect())?;
    let written = rows.into_iter().map(|row| {
        let [id, version] = <[Value; 2]>::try_from(row).map_err(|_| malformed())?;
        let version = version.integer().ok_or_else(malformed)?;
        let id = id.into_text().ok_or_else(malformed)?;
        Ok((id, version.cast_unsigned()))
    });
    written.collect()
}

fn put_one(
    database: &impl Database,
    table: &Table<'_>,
    precondition: Precondition,
    incoming: &Incoming<'_>,
) -> Result<Version, Error> {
    for _ in 0..TRIES_MAX {
        let written = match precondition {
            Precondition::Absent => is_new(database, table, incoming)?,
            Precondition::Always => {
                is_new(database, table, incoming)? || replaces(database, table, incoming, None)?
            }
            Precondition::Present => replaces(database, table, incoming, None)?,
            Precondition::Version(version) => replaces(database, table, incoming, Some(version))?,
        };
        if written {
            return Ok(incoming.version);
        }
        let current = version_of(database, table, incoming.id)?;
        if !holds(precondition, current) {
            return Err(conflict(incoming.id));
        }
        if let Some(index) = incoming.taken(database, table)? {
            return Err(conflict(&index));
        }
    }
    Err(Error::unavailable())
}

fn is_new(
    database: &impl Database,
    table: &Table<'_>,
    incoming: &Incoming<'_>,
) -> Result<bool, Error> {
    Ok(!insert(database, table, &[incoming])?.is_empty())
}

/// Writes over the document of this id, if there is one, of this version where one is named, and its unique values are
/// free.
fn replaces(
    database: &impl Database,
    table: &Table<'_>,
    incoming: &Incoming<'_>,
    version: Option<Version>,
) -> Result<bool, Error> {
    let mut parameters = Vec::from(incoming.changes());
    parameters.push(of_id(incoming.id));
    parameters.extend(version.map(of_version));
    let condition = match version {
        Some(_) => "id = ? AND version = ?",
        None => "id = ?",
    };
    update_where(database, table, condition, parameters)
}

/// Runs an update; parameters are the new version, size and body, and those of the condition.
fn update_where(
    database: &impl Database,
    table: &Table<'_>,
    condition: &str,
    parameters: Vec<Value>,
) -> Result<bool, Error> {
    let statement = format!(
        "UPDATE OR IGNORE {} SET version = ?, bytes = ?, body = ? WHERE {condition} RETURNING version",
        table.quoted()
    );
    Ok(!database.execute(&statement, parameters)?.is_empty())
}

fn version_of(
    database: &impl Database,
    table: &Table<'_>,
    id: &str,
) -> Result<Option<Version>, Error> {
    let statement = format!("SELECT version FROM {} WHERE id = ?", table.quoted());
    let rows = database.execute(&statement, vec![of_id(id)])?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let version = row.first().and_then(Value::integer);
    Ok(Some(version.ok_or_else(malformed)?.cast_unsigned()))
}

fn holds(precondition: Precondition, current: Option<Version>) -> bool {
    match precondition {
        Precondition::Always => true,
        Precondition::Absent => current.is_none(),
        Precondition::Present => current.is_some(),
        Precondition::Version(version) => current == Some(version),
    }
}

fn conflict(what: &str) -> Error {
    Documents::Conflict(what.to_owned()).into()
}

/// Finds one document and changes it, if nothing that it was found among changed meanwhile: then it still is the first.
pub(crate) fn update(
    database: &impl Database,
    table: &Table<'_>,
    update: &Update,
) -> Result<Option<Document>, Error> {
    for _ in 0..TRIES_MAX {
        let found = first(database, table, &update.filter, &update.sort)?;
        let Some((stored, candidates, print)) = found else {
            return Ok(None);
        };
        let incoming = changed(database, table, &stored, update)?;
        if swaps(database, table, &stored, &incoming, &candidates, print)? {
            let (version, body) = match update.answer {
                Moment::Before => (stored.version, stored.body.clone()),
                Moment::After => (incoming.version, incoming.text),
            };
            let id = stored.id;
            return Ok(Some(Document { id, version, body }));
        }
        // That a value is taken is told only as long as this document is the one to change.
        if is_unchanged(database, table, &stored, &candidates, print)?
            && let Some(index) = incoming.taken(database, table)?
        {
            return Err(conflict(&index));
        }
    }
    Err(Error::unavailable())
}

fn changed<'s>(
    database: &impl Database,
    table: &Table<'_>,
    stored: &'s Stored,
    update: &Update,
) -> Result<Incoming<'s>, Error> {
    let Json::Object(mut body) = stored.json()? else {
        return Err(malformed());
    };
    operator::apply(&update.operators, &mut body)?;
    let bytes_max = update.document_bytes_max;
    Incoming::new(database, table, &stored.id, body, bytes_max)
}

/// Whether it still is the first, as it was read.
fn is_unchanged(
    database: &impl Database,
    table: &Table<'_>,
    stored: &Stored,
    candidates: &Candidates,
    print: Print,
) -> Result<bool, Error> {
    let (condition, rest) = unchanged(table, candidates, print);
    let statement = format!(
        "SELECT 1 FROM {} WHERE id = ? AND version = ? AND {condition}",
        table.quoted()
    );
    let mut parameters = vec![of_id(&stored.id), of_version(stored.version)];
    parameters.extend(rest);
    Ok(!database.execute(&statement, parameters)?.is_empty())
}

fn swaps(
    database: &impl Database,
    table: &Table<'_>,
    stored: &Stored,
    incoming: &Incoming<'_>,
    candidates: &Candidates,
    print: Print,
) -> Result<bool, Error> {
    let (condition, rest) = unchanged(table, candidates, print);
    let mut parameters = Vec::from(incoming.changes());
    parameters.extend([of_id(&stored.id), of_version(stored.version)]);
    parameters.extend(rest);
    let condition = format!("id = ? AND version = ? AND {condition}");
    update_where(database, table, &condition, parameters)
}

/// Removes one document.
pub(crate) fn delete(
    database: &impl Database,
    table: &Table<'_>,
    id: &str,
    precondition: Precondition,
) -> Result<bool, Error> {
    if precondition == Precondition::Absent {
        // Nothing to do where it holds, and nothing done where it does not.
        return match version_of(database, table, id)? {
            None => Ok(false),
            Some(_) => Err(conflict(id)),
        };
    }
    let (condition, version) = match precondition {
        Precondition::Version(version) => ("id = ? AND version = ?", Some(version)),
        _ => ("id = ?", None),
    };
    let statement = format!(
        "DELETE FROM {} WHERE {condition} RETURNING version",
        table.quoted()
    );
    let parameters = std::iter::once(of_id(id)).chain(version.map(of_version));
    let removed = !database
        .execute(&statement, parameters.collect())?
        .is_empty();
    match removed || precondition == Precondition::Always {
        true => Ok(removed),
        false => Err(conflict(id)),
    }
}

/// Removes up to `limit` documents that fulfil a filter. What changed since it was looked at stays, and is looked at again.
pub(crate) fn delete_matching(
    database: &impl Database,
    table: &Table<'_>,
    filter: &Filter,
    limit: usize,
) -> Result<usize, Error> {
    let asked = Asked {
        filter,
        search: None,
        sort: &[],
    };
    let mut removed = 0;
    for _ in 0..TRIES_MAX {
        let mut found = matches(database, table, &asked)?.found;
        found.truncate(limit - removed);
        let before = removed;
        for chunk in found.chunks(ROWS_MAX) {
            let chunk: Vec<_> = chunk.iter().map(|found| &found.document).collect();
            removed += remove(database, table, &chunk)?;
        }
        if removed - before == found.len() {
            return Ok(removed);
        }
    }
    Err(Error::unavailable())
}

/// Removes those that are as they were read. Named twice, because SQLite looks ids up, but not pairs.
fn remove(
    database: &impl Database,
    table: &Table<'_>,
    documents: &[&Stored],
) -> Result<usize, Error> {
    let statement = format!(
        "DELETE FROM {} WHERE id IN ({}) AND (id, version) IN (VALUES {}) RETURNING version",
        table.quoted(),
        places(documents.len()),
        vec!["(?, ?)"; documents.len()].join(", ")
    );
    let ids = documents.iter().map(|document| of_id(&document.id));
    let pairs = documents
        .iter()
        .flat_map(|document| [of_id(&document.id), of_version(document.version)]);
    let parameters = ids.chain(pairs).collect();
    Ok(database.execute(&statement, parameters)?.len())
}
