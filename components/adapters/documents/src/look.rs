//! A look at all candidates of one moment. They come in several statements where they are many; each also answers how many
//! candidates there are and a sum over their versions, which are random: where that differs from one statement to the
//! next, the look begins anew.

use serde_json::Value as Json;
use stoa_documents::Version;
use stoa_documents::key::Subject;

use crate::candidates::Candidates;
use crate::database::{Database, Rows, Value, malformed, of_count};
use crate::error::Error;
use crate::table::Table;

/// One call looks at so many documents, at most.
pub(crate) const DOCUMENTS_MAX: usize = 20_000;
/// One call looks at so many bytes, at most: they are in this component's memory at once.
pub(crate) const BYTES_MAX: usize = 32 * 1024 * 1024;
/// One statement answers so many rows, at most: Stoa's databases answer 10,000.
const ROWS_MAX: usize = 5_000;
/// One statement answers so many bytes, at most: Stoa's databases answer 16 MiB. More than the largest document.
const ROWS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How often a look begins, or a change is tried, when others write in between. Each time, one of them got something done.
pub(crate) const TRIES_MAX: usize = 64;
/// The bits of a version that are left out of the sum, so that it fits into 64 bits with as many documents as there may be.
const SHIFT: usize = 23;

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) version: Version,
    pub(crate) body: String,
}

impl Stored {
    /// The body, which was found to be JSON when it was written.
    pub(crate) fn json(&self) -> Result<Json, Error> {
        serde_json::from_str(&self.body).map_err(|_| malformed())
    }

    /// As filters, sorts and facets see it.
    pub(crate) fn subject<'s>(&'s self, body: &'s Json) -> Subject<'s> {
        Subject {
            id: Some(&self.id),
            body,
        }
    }
}

/// What all candidates are together. It stays the same exactly as long as none of them changes, comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Print {
    documents: i64,
    versions: i64,
}

/// All candidates, by id.
pub(crate) struct Looked {
    pub(crate) documents: Vec<Stored>,
    pub(crate) print: Print,
}

/// The answer of one statement.
struct Part {
    print: Print,
    bytes: i64,
    documents: Vec<Stored>,
}

/// Reads all candidates.
pub(crate) fn look(
    database: &impl Database,
    table: &Table<'_>,
    candidates: &Candidates,
) -> Result<Looked, Error> {
    for _ in 0..TRIES_MAX {
        if let Some(looked) = attempt(database, table, candidates)? {
            return Ok(looked);
        }
    }
    Err(Error::unavailable())
}

/// Nothing where a candidate changed in between.
fn attempt(
    database: &impl Database,
    table: &Table<'_>,
    candidates: &Candidates,
) -> Result<Option<Looked>, Error> {
    let first = part(database, table, candidates, "")?;
    let (print, mut documents) = (first.print, first.documents);
    let count = usize::try_from(print.documents).unwrap_or(usize::MAX);
    if count > DOCUMENTS_MAX || first.bytes > BYTES_MAX as i64 {
        let mebibytes = BYTES_MAX / (1024 * 1024);
        let limits = format!("{DOCUMENTS_MAX} documents, {mebibytes} MiB");
        return Err(Error::too_many_documents(&limits));
    }
    while documents.len() < count {
        let after = documents.last().map_or("", |document| document.id.as_str());
        let next = part(database, table, candidates, after)?;
        if next.print != print || next.documents.is_empty() {
            return Ok(None);
        }
        documents.extend(next.documents);
    }
    Ok(Some(Looked { documents, print }))
}

/// The first candidates behind an id. Where there are too many to be looked at, only how many.
fn part(
    database: &impl Database,
    table: &Table<'_>,
    candidates: &Candidates,
    after: &str,
) -> Result<Part, Error> {
    let name = table.quoted();
    let statement = format!(
        "WITH candidates AS (SELECT id, version, bytes FROM {name} WHERE {condition}), \
         whole AS (SELECT count(*) AS documents, coalesce(sum(bytes), 0) AS bytes, {versions} AS versions FROM candidates), \
         part AS (SELECT id FROM (SELECT id, sum(bytes) OVER (ORDER BY id) AS so_far FROM candidates WHERE id > ?) \
                  WHERE so_far <= ? ORDER BY id LIMIT ?) \
         SELECT whole.documents, whole.bytes, whole.versions, found.id, found.version, found.body \
         FROM whole LEFT JOIN {name} AS found \
         ON found.id IN (SELECT id FROM part) AND whole.documents <= ? AND whole.bytes <= ?",
        condition = candidates.condition,
        versions = versions(),
    );
    let mut parameters = candidates.parameters.clone();
    parameters.extend([
        Value::Blob(after.as_bytes().to_vec()),
        of_count(ROWS_BYTES_MAX),
        of_count(ROWS_MAX),
        of_count(DOCUMENTS_MAX),
        of_count(BYTES_MAX),
    ]);
    read(database.execute(&statement, parameters)?)
}

fn versions() -> String {
    format!("coalesce(sum(version >> {SHIFT}), 0)")
}

fn read(rows: Rows) -> Result<Part, Error> {
    let (mut whole, mut documents) = (None, Vec::with_capacity(rows.len()));
    for row in rows {
        let [count, bytes, versions, id, version, body] =
            <[Value; 6]>::try_from(row).map_err(|_| malformed())?;
        whole = Some((count, bytes, versions));
        if id != Value::Null {
            documents.push(stored(id, &version, body)?);
        }
    }
    documents.sort_unstable_by(|left, right| left.id.cmp(&right.id));
    let (count, bytes, versions) = whole.ok_or_else(malformed)?;
    let number = |value: Value| value.integer().ok_or_else(malformed);
    Ok(Part {
        print: Print {
            documents: number(count)?,
            versions: number(versions)?,
        },
        bytes: number(bytes)?,
        documents,
    })
}

/// A document out of its columns.
pub(crate) fn stored(id: Value, version: &Value, body: Value) -> Result<Stored, Error> {
    Ok(Stored {
        id: id.into_text().ok_or_else(malformed)?,
        version: version.integer().ok_or_else(malformed)?.cast_unsigned(),
        body: body.into_text().ok_or_else(malformed)?,
    })
}

/// A condition that holds as long as the candidates are those that were looked at.
pub(crate) fn unchanged(
    table: &Table<'_>,
    candidates: &Candidates,
    print: Print,
) -> (String, Vec<Value>) {
    let condition = format!(
        "(SELECT count(*) = ? AND {} = ? FROM {} WHERE {})",
        versions(),
        table.quoted(),
        candidates.condition
    );
    let mut parameters = vec![
        Value::Integer(print.documents),
        Value::Integer(print.versions),
    ];
    parameters.extend(candidates.parameters.iter().cloned());
    (condition, parameters)
}
