//! Reading documents: by id, by a sort, by rank.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use stoa_documents::cursor::Cursor;
use stoa_documents::key::{self, Key};
use stoa_documents::{
    CALL_BYTES_MAX, Direction, Document, Error as Documents, Filter, Order, PAGE_BYTES_MAX, Page,
    Query, Scalar, operator,
};

use crate::candidates::Candidates;
use crate::database::{Database, Value, malformed, of_count, of_id, places};
use crate::error::Error;
use crate::look::{Looked, Print, Stored, look, stored};
use crate::ranking;
use crate::table::Table;

/// The documents of one `get` hold at most so many bytes together, ids included: Stoa's databases answer 16 MiB, with what
/// is around the values.
const GET_BYTES_MAX: usize = 15 * 1024 * 1024;

/// The documents of `ids`, in one statement, which is one moment.
pub(crate) fn get(
    database: &impl Database,
    table: &Table<'_>,
    ids: &[String],
) -> Result<Vec<Option<Document>>, Error> {
    let distinct: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let statement = format!(
        "SELECT id, version, CASE WHEN sum(bytes) OVER () <= ? THEN body END FROM {} WHERE id IN ({})",
        table.quoted(),
        places(distinct.len())
    );
    let mut parameters = vec![of_count(GET_BYTES_MAX)];
    parameters.extend(distinct.into_iter().map(of_id));
    let mut found = BTreeMap::new();
    for row in database.execute(&statement, parameters)? {
        let [id, version, body] = <[Value; 3]>::try_from(row).map_err(|_| malformed())?;
        if body == Value::Null {
            let limit = GET_BYTES_MAX;
            return Err(Documents::TooLarge { limit }.into());
        }
        let document = stored(id, &version, body)?;
        found.insert(document.id.clone(), document);
    }
    in_order(ids, &found)
}

/// A document that was asked for twice is answered twice, and counts twice.
fn in_order(
    ids: &[String],
    found: &BTreeMap<String, Stored>,
) -> Result<Vec<Option<Document>>, Error> {
    let bodies = ids.iter().filter_map(|id| found.get(id));
    if bodies.map(|document| document.body.len()).sum::<usize>() > CALL_BYTES_MAX {
        let limit = CALL_BYTES_MAX;
        return Err(Documents::TooLarge { limit }.into());
    }
    let documents = ids.iter().map(|id| found.get(id).cloned().map(shown));
    Ok(documents.collect())
}

fn shown(stored: Stored) -> Document {
    let Stored { id, version, body } = stored;
    Document { id, version, body }
}

/// A document that fulfils what was asked, with what it is sorted by.
pub(crate) struct Found {
    pub(crate) document: Stored,
    keys: Vec<Key>,
}

/// What was found, and what all candidates were together.
pub(crate) struct Matches {
    pub(crate) found: Vec<Found>,
    pub(crate) candidates: Candidates,
    pub(crate) print: Print,
}

/// What decides which documents come in which order.
pub(crate) struct Asked<'q> {
    pub(crate) filter: &'q Filter,
    pub(crate) search: Option<&'q str>,
    pub(crate) sort: &'q [Order],
}

/// The documents that fulfil a filter and a search, in no order.
pub(crate) fn matches(
    database: &impl Database,
    table: &Table<'_>,
    asked: &Asked<'_>,
) -> Result<Matches, Error> {
    let words = ranking::wanted(table.declared, asked.search)?;
    // What a hit is worth depends on all documents of the collection.
    let candidates = match words {
        Some(_) => Candidates::all(),
        None => Candidates::of(asked.filter),
    };
    let Looked { documents, print } = look(database, table, &candidates)?;
    let ranks = words
        .map(|words| ranking::rank(table.declared, &words, &documents))
        .transpose()?;
    let mut found = Vec::new();
    for (place, document) in documents.into_iter().enumerate() {
        let rank = match &ranks {
            Some(ranks) => match ranks.get(&place) {
                Some(rank) => Some(*rank),
                None => continue,
            },
            None => None,
        };
        let body = document.json()?;
        if asked.filter.holds(document.subject(&body)) {
            let keys = keys(asked.sort, rank, &document, &body);
            found.push(Found { document, keys });
        }
    }
    Ok(Matches {
        found,
        candidates,
        print,
    })
}

/// What a document is sorted by: its rank where there is one and no sort.
fn keys(sort: &[Order], rank: Option<f64>, document: &Stored, body: &Json) -> Vec<Key> {
    match rank {
        Some(rank) if sort.is_empty() => vec![key::of_scalar(&Scalar::Number(rank))],
        _ => {
            let subject = document.subject(body);
            sort.iter().map(|order| subject.key(&order.path)).collect()
        }
    }
}

/// Which way each key goes.
fn directions(table: &Table<'_>, query: &Query) -> Result<Vec<Direction>, Error> {
    let ranked = ranking::wanted(table.declared, query.search.as_deref())?.is_some();
    Ok(match ranked && query.sort.is_empty() {
        true => vec![Direction::Descending],
        false => query.sort.iter().map(|order| order.direction).collect(),
    })
}

/// Ties are broken by the id.
fn compare(directions: &[Direction], left: (&[Key], &str), right: (&[Key], &str)) -> Ordering {
    let keys = std::iter::zip(left.0, right.0).zip(directions);
    let by_key = keys.map(|((left, right), direction)| match direction {
        Direction::Ascending => left.cmp(right),
        Direction::Descending => right.cmp(left),
    });
    by_key
        .fold(Ordering::Equal, Ordering::then)
        .then_with(|| left.1.cmp(right.1))
}

impl Found {
    fn place(&self) -> (&[Key], &str) {
        (&self.keys, &self.document.id)
    }
}

/// A page of a query.
pub(crate) fn find(
    database: &impl Database,
    table: &Table<'_>,
    query: &Query,
) -> Result<Page, Error> {
    let directions = directions(table, query)?;
    let after = Cursor::read(query, directions.len())?;
    let asked = Asked {
        filter: &query.filter,
        search: query.search.as_deref(),
        sort: &query.sort,
    };
    let mut found = matches(database, table, &asked)?.found;
    if let Some(after) = &after {
        let after = (after.keys.as_slice(), after.id.as_str());
        found.retain(|found| compare(&directions, found.place(), after).is_gt());
    }
    found.sort_unstable_by(|left, right| compare(&directions, left.place(), right.place()));
    page(query, found)
}

/// The first of what was found, as much as fits.
fn page(query: &Query, found: Vec<Found>) -> Result<Page, Error> {
    let (mut page, mut bytes, mut last) = (Page::default(), 0, None);
    for Found { mut document, keys } in found {
        if page.documents.len() >= query.limit || bytes >= PAGE_BYTES_MAX {
            page.next = last.map(|cursor: Cursor| cursor.write(query));
            return Ok(page);
        }
        if let Some(fields) = &query.fields {
            document.body = projected(&document, fields)?;
        }
        bytes += document.body.len();
        let id = document.id.clone();
        last = Some(Cursor { keys, id });
        page.documents.push(shown(document));
    }
    Ok(page)
}

fn projected(document: &Stored, fields: &[String]) -> Result<String, Error> {
    match document.json()? {
        Json::Object(body) => Ok(Json::Object(operator::project(&body, fields)).to_string()),
        _ => Err(malformed()),
    }
}

/// The first document of a sort that fulfils a filter, and what it was found among.
pub(crate) fn first(
    database: &impl Database,
    table: &Table<'_>,
    filter: &Filter,
    sort: &[Order],
) -> Result<Option<(Stored, Candidates, Print)>, Error> {
    let asked = Asked {
        filter,
        search: None,
        sort,
    };
    let directions: Vec<_> = sort.iter().map(|order| order.direction).collect();
    let Matches {
        found,
        candidates,
        print,
    } = matches(database, table, &asked)?;
    let first = found
        .into_iter()
        .min_by(|left, right| compare(&directions, left.place(), right.place()));
    Ok(first.map(|found| (found.document, candidates, print)))
}

/// How many documents fulfil a filter and a search.
pub(crate) fn count(
    database: &impl Database,
    table: &Table<'_>,
    filter: &Filter,
    search: Option<&str>,
) -> Result<u64, Error> {
    let words = ranking::wanted(table.declared, search)?;
    if words.is_none() && *filter == Filter::default() {
        return counted(database, table);
    }
    let asked = Asked {
        filter,
        search,
        sort: &[],
    };
    Ok(matches(database, table, &asked)?.found.len() as u64)
}

/// All documents are counted without a look at them.
fn counted(database: &impl Database, table: &Table<'_>) -> Result<u64, Error> {
    let statement = format!("SELECT count(*) FROM {}", table.quoted());
    let rows = database.execute(&statement, Vec::new())?;
    let count = rows.first().and_then(|row| row.first()?.integer());
    count.map(i64::cast_unsigned).ok_or_else(malformed)
}
