//! How often values occur.

use std::collections::BTreeMap;

use rusqlite::params_from_iter;
use rusqlite::types::Value as SqlValue;

use super::find;
use super::plan::{self, Sql};
use super::schema::{Collection, Derived};
use super::session::{Failure, Session, parse};
use crate::documents::key::{self, Key, Subject};
use crate::documents::{Bucket, Comparison, Error, Facet, Filter, Scalar};

/// Where no index counts, the different values are held in memory: at most so many.
const VALUES_MAX: usize = 100_000;
/// Arrays and objects may be among the most frequent values, and have no bucket: one row each.
const COMPOUND_ROWS: usize = 2;

/// The values of one facet with how often they occur, in no order.
type Counts = Vec<(Key, u64)>;

/// The documents that are looked at.
pub(super) struct Among<'c> {
    pub(super) filter: &'c Filter,
    pub(super) found: Option<&'c [i64]>,
}

/// The buckets of each facet.
pub(super) fn facets(
    session: &Session,
    collection: &Collection,
    filter: &Filter,
    search: Option<&str>,
    facets: &[Facet],
) -> Result<Vec<Vec<Bucket>>, Failure> {
    let found = find::ranked(session, collection, search)?.map(find::numbers_of);
    let found = found.as_deref();
    let among = Among { filter, found };
    let mut counted = Vec::with_capacity(facets.len());
    for facet in facets {
        session.set_filter(filter);
        let counts = count(session, collection, &among, facet)?;
        counted.push(Bucket::most_frequent(counts, facet.limit));
    }
    Ok(counted)
}

fn count(
    session: &Session,
    collection: &Collection,
    among: &Among<'_>,
    facet: &Facet,
) -> Result<Counts, Failure> {
    let Some(sql) = by_index(collection, among, facet) else {
        return by_body(session, collection, among, &facet.path);
    };
    let mut counts = rows(session, &sql)?;
    let column = collection.column_of(&facet.path);
    let has_elements = collection.elements_of(&facet.path).is_some();
    if !has_elements && column.is_some_and(Derived::has_nulls) {
        counts.push((None, nulls(session, collection, among, &facet.path)?));
    }
    Ok(counts)
}

/// The statement that counts where the keys are: in a table of elements, or in a column without arrays.
pub(super) fn by_index(collection: &Collection, among: &Among<'_>, facet: &Facet) -> Option<Sql> {
    if let Some(derived) = collection.elements_of(&facet.path) {
        return Some(by_element(collection, derived, among, facet));
    }
    let derived = collection.column_of(&facet.path)?;
    (!derived.has_arrays()).then(|| by_column(collection, derived, among, facet))
}

fn rows(session: &Session, sql: &Sql) -> Result<Counts, Failure> {
    let mut statement = session.connection().prepare_cached(&sql.text)?;
    let rows = statement.query_map(params_from_iter(&sql.values), |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn limit(facet: &Facet) -> SqlValue {
    let rows = facet.limit + COMPOUND_ROWS;
    SqlValue::Integer(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// From a table of elements.
fn by_element(collection: &Collection, derived: &Derived, among: &Among<'_>, facet: &Facet) -> Sql {
    let (table, documents) = (
        collection.elements_table(derived),
        collection.table("documents"),
    );
    let mut sql = Sql::new(format!(
        "SELECT e.value, sum(e.occurrences) FROM {table} AS e"
    ));
    let is_whole = among.found.is_none() && *among.filter == Filter::default();
    if !is_whole {
        sql = sql
            .add(&format!(
                " WHERE e.number IN (SELECT d.number FROM {documents} AS d WHERE "
            ))
            .append(plan::condition(collection, among.filter, among.found))
            .add(")");
    }
    sql.append(Sql::with(
        " GROUP BY e.value ORDER BY sum(e.occurrences) DESC, e.value LIMIT ?",
        [limit(facet)],
    ))
}

/// From a column of keys. Nothing and null have none, and null is counted apart.
fn by_column(collection: &Collection, derived: &Derived, among: &Among<'_>, facet: &Facet) -> Sql {
    let (column, documents) = (
        format!("d.k{}", derived.number),
        collection.table("documents"),
    );
    Sql::new(format!(
        "SELECT {column}, count(*) FROM {documents} AS d WHERE {column} IS NOT NULL AND "
    ))
    .append(plan::condition(collection, among.filter, among.found))
    .append(Sql::with(
        format!(" GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT ?"),
        [limit(facet)],
    ))
}

/// Documents that have an explicit null at a path.
fn nulls(
    session: &Session,
    collection: &Collection,
    among: &Among<'_>,
    path: &str,
) -> Result<u64, Failure> {
    let is_there = Filter::Exists {
        path: path.to_owned(),
        exists: true,
    };
    let is_null = Filter::Compare {
        path: path.to_owned(),
        comparison: Comparison::Equal,
        value: Scalar::Null,
    };
    let filter = Filter::All(vec![among.filter.clone(), is_null, is_there]);
    find::counted(session, collection, &filter, among.found)
}

/// From the bodies, one by one.
fn by_body(
    session: &Session,
    collection: &Collection,
    among: &Among<'_>,
    path: &str,
) -> Result<Counts, Failure> {
    let (documents, bodies) = (collection.table("documents"), collection.table("bodies"));
    let sql = Sql::new(format!(
        "SELECT d.id, whole.body FROM {documents} AS d JOIN {bodies} AS whole ON whole.number = d.number WHERE "
    ))
    .append(plan::condition(collection, among.filter, among.found));
    let mut statement = session.connection().prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(&sql.values))?;
    let mut counts: BTreeMap<Key, u64> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        session.in_time()?;
        let id = find::id(row, 0)?;
        let body = row.get_ref(1)?.as_bytes().map_err(rusqlite::Error::from)?;
        let body = parse(body)?;
        let subject = Subject {
            id: Some(&id),
            body: &body,
        };
        for (key, occurrences) in key::occurrences(subject, path) {
            *counts.entry(key).or_default() += occurrences;
        }
        if counts.len() > VALUES_MAX {
            return Err(Error::Invalid(format!(
                "there are more than {VALUES_MAX} values at `{path}`; declare an index"
            ))
            .into());
        }
    }
    Ok(counts.into_iter().collect())
}
