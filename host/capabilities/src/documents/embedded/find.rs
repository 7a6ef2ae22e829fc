//! Reading documents: by id, by a sort, by rank.

use rusqlite::types::Value as SqlValue;
use rusqlite::{OptionalExtension, Row, params_from_iter};
use serde_json::Value;

use super::plan::{self, Sql, Stretch};
use super::ranking::{self, Ranked};
use super::schema::Collection;
use super::session::{Failure, Session, parse};
use crate::documents::cursor::Cursor;
use crate::documents::key::{self, Key};
use crate::documents::{
    CALL_BYTES_MAX, Document, Error, Filter, Order, PAGE_BYTES_MAX, Page, Query, Scalar, Version,
    operator, search,
};

/// The documents of `ids`. The moment is the caller's.
pub(super) fn get(
    session: &Session,
    collection: &Collection,
    ids: &[String],
) -> Result<Vec<Option<Document>>, Failure> {
    let (documents, bodies) = (collection.table("documents"), collection.table("bodies"));
    let mut statement = session.connection().prepare_cached(&format!(
        "SELECT d.version, b.body FROM {documents} AS d JOIN {bodies} AS b ON b.number = d.number WHERE d.id = ?1"
    ))?;
    let (mut found, mut bytes) = (Vec::with_capacity(ids.len()), 0);
    for id in ids {
        let document = statement
            .query_row([id.as_bytes()], |row| {
                Ok(Document {
                    id: id.clone(),
                    version: version(row, 0)?,
                    body: row.get(1)?,
                })
            })
            .optional()?;
        bytes += document.as_ref().map_or(0, |document| document.body.len());
        if bytes > CALL_BYTES_MAX {
            let limit = CALL_BYTES_MAX;
            return Err(Error::TooLarge { limit }.into());
        }
        found.push(document);
    }
    Ok(found)
}

pub(super) fn version(row: &Row<'_>, at: usize) -> rusqlite::Result<Version> {
    Ok(row.get::<_, i64>(at)?.cast_unsigned())
}

pub(super) fn id(row: &Row<'_>, at: usize) -> rusqlite::Result<String> {
    let id = std::str::from_utf8(row.get_ref(at)?.as_bytes()?)?;
    Ok(id.to_owned())
}

/// A page of a query.
pub(super) fn find(
    session: &Session,
    collection: &Collection,
    query: &Query,
) -> Result<Page, Failure> {
    session.set_filter(&query.filter);
    let ranked = ranked(session, collection, query.search.as_deref())?;
    let filling = Filling::new(session, collection, query);
    match ranked {
        Some(ranked) if query.sort.is_empty() => by_rank(filling, ranked),
        ranked => by_sort(filling, ranked.map(numbers_of).as_deref()),
    }
}

/// What a search found; `None` where none was asked for, or for no words, which every document has.
pub(super) fn ranked(
    session: &Session,
    collection: &Collection,
    text: Option<&str>,
) -> Result<Option<Vec<Ranked>>, Failure> {
    let Some(text) = text else {
        return Ok(None);
    };
    if collection.searched().is_empty() {
        return Err(Error::invalid("no field of this collection is searched").into());
    }
    let words = search::wanted(text);
    if words.is_empty() {
        return Ok(None);
    }
    Ok(Some(ranking::rank(
        session.connection(),
        collection,
        &words,
    )?))
}

pub(super) fn numbers_of(ranked: Vec<Ranked>) -> Vec<i64> {
    ranked.into_iter().map(|ranked| ranked.number).collect()
}

/// A document that was found, without its body.
struct Found {
    number: i64,
    id: String,
    version: Version,
    /// Of what is sorted by.
    keys: Vec<Key>,
}

/// A page that is being filled. One body is read at a time.
struct Filling<'q> {
    session: &'q Session,
    collection: &'q Collection,
    query: &'q Query,
    page: Page,
    bytes: usize,
    last: Option<Cursor>,
}

impl<'q> Filling<'q> {
    fn new(session: &'q Session, collection: &'q Collection, query: &'q Query) -> Self {
        Self {
            session,
            collection,
            query,
            page: Page::default(),
            bytes: 0,
            last: None,
        }
    }

    /// Takes one more document. Where the page is full already, it is the proof that there are more, and false.
    fn take(&mut self, found: Found) -> Result<bool, Failure> {
        if self.page.documents.len() >= self.query.limit || self.bytes >= PAGE_BYTES_MAX {
            self.page.next = self.last.as_ref().map(|last| last.write(self.query));
            return Ok(false);
        }
        let body = body(self.session, self.collection, found.number)?;
        let body = match &self.query.fields {
            None => body,
            Some(fields) => projected(&body, fields)?,
        };
        self.bytes += body.len();
        self.page.documents.push(Document {
            id: found.id.clone(),
            version: found.version,
            body,
        });
        let (keys, id) = (found.keys, found.id);
        self.last = Some(Cursor { keys, id });
        Ok(true)
    }
}

fn projected(body: &str, fields: &[String]) -> rusqlite::Result<String> {
    let Value::Object(body) = parse(body.as_bytes())? else {
        return Ok(body.to_owned());
    };
    Ok(Value::Object(operator::project(&body, fields)).to_string())
}

pub(super) fn body(
    session: &Session,
    collection: &Collection,
    number: i64,
) -> rusqlite::Result<String> {
    let bodies = collection.table("bodies");
    session
        .connection()
        .prepare_cached(&format!("SELECT body FROM {bodies} WHERE number = ?1"))?
        .query_row([number], |row| row.get(0))
}

fn by_sort(mut filling: Filling<'_>, found: Option<&[i64]>) -> Result<Page, Failure> {
    let (collection, query) = (filling.collection, filling.query);
    let after = Cursor::read(query, query.sort.len())?;
    for stretch in plan::stretches(collection, &query.sort, after.as_ref()) {
        // One more than asked for says whether there are more.
        let limit = query.limit + 1 - filling.page.documents.len().min(query.limit);
        let sql = select(collection, query, found, stretch, limit);
        let mut statement = filling.session.connection().prepare_cached(&sql.text)?;
        let mut rows = statement.query(params_from_iter(&sql.values))?;
        while let Some(row) = rows.next()? {
            if !filling.take(found_in(row, query.sort.len())?)? {
                return Ok(filling.page);
            }
        }
    }
    Ok(filling.page)
}

/// The statement of one stretch of a query.
pub(super) fn select(
    collection: &Collection,
    query: &Query,
    found: Option<&[i64]>,
    stretch: Stretch,
    limit: usize,
) -> Sql {
    let mut sql = Sql::new("SELECT d.number, d.id, d.version");
    for order in &query.sort {
        sql = sql
            .add(", ")
            .append(plan::expression(collection, &order.path));
    }
    sql.add(&format!(
        " FROM {} AS d WHERE ",
        collection.table("documents")
    ))
    .append(stretch.condition)
    .add(" AND ")
    .append(plan::condition(collection, &query.filter, found))
    .add(" ORDER BY ")
    .append(stretch.order)
    .append(Sql::with(" LIMIT ?", [bound(limit)]))
}

fn bound(limit: usize) -> SqlValue {
    SqlValue::Integer(i64::try_from(limit).unwrap_or(i64::MAX))
}

fn found_in(row: &Row<'_>, keys: usize) -> rusqlite::Result<Found> {
    Ok(Found {
        number: row.get(0)?,
        id: id(row, 1)?,
        version: version(row, 2)?,
        keys: (3..3 + keys)
            .map(|at| row.get(at))
            .collect::<rusqlite::Result<_>>()?,
    })
}

/// The best first. Documents are looked at from the best down, so that a page costs what it holds and what the filter
/// leaves out before it, and not what the search found.
fn by_rank(mut filling: Filling<'_>, mut ranked: Vec<Ranked>) -> Result<Page, Failure> {
    let (collection, query) = (filling.collection, filling.query);
    let after = Cursor::read(query, 1)?;
    let condition = plan::condition(collection, &query.filter, None);
    ranked.sort_by(|left, right| right.rank.total_cmp(&left.rank));
    for tied in ranked.chunk_by(|left, right| left.rank.total_cmp(&right.rank).is_eq()) {
        let key = key::of_scalar(&Scalar::Number(tied[0].rank));
        let past = after.as_ref().map(|after| (after, after.keys[0].cmp(&key)));
        // What is better than the last document was on a page before.
        if past.is_some_and(|(_, order)| order.is_lt()) {
            continue;
        }
        let mut documents = looked_up(&filling, &condition, tied, &key)?;
        if let Some((after, order)) = past
            && order.is_eq()
        {
            documents.retain(|document| document.id.as_bytes() > after.id.as_bytes());
        }
        for document in documents {
            if !filling.take(document)? {
                return Ok(filling.page);
            }
        }
    }
    Ok(filling.page)
}

/// Those of some documents that fulfil the filter, by id.
fn looked_up(
    filling: &Filling<'_>,
    condition: &Sql,
    tied: &[Ranked],
    key: &Key,
) -> Result<Vec<Found>, Failure> {
    let documents = filling.collection.table("documents");
    let mut statement = filling.session.connection().prepare_cached(&format!(
        "SELECT d.number, d.id, d.version FROM {documents} AS d WHERE d.number = ? AND {}",
        condition.text
    ))?;
    let mut found = Vec::new();
    for Ranked { number, .. } in tied {
        filling.session.in_time()?;
        let number = SqlValue::Integer(*number);
        let values = std::iter::once(&number).chain(&condition.values);
        let document = statement
            .query_row(params_from_iter(values), |row| found_in(row, 0))
            .optional()?;
        found.extend(document.map(|document| Found {
            keys: vec![key.clone()],
            ..document
        }));
    }
    found.sort_unstable_by(|left, right| left.id.cmp(&right.id));
    Ok(found)
}

/// How many documents there are.
pub(super) fn count(
    session: &Session,
    collection: &Collection,
    filter: &Filter,
    search: Option<&str>,
) -> Result<u64, Failure> {
    let ranked = ranked(session, collection, search)?;
    if *filter == Filter::default() {
        return match ranked {
            Some(ranked) => Ok(ranked.len() as u64),
            None => Ok(ranking::statistics(session.connection(), collection)?.documents),
        };
    }
    let found = ranked.map(numbers_of);
    counted(session, collection, filter, found.as_deref())
}

/// Counts documents, without a look at what is known of the whole.
pub(super) fn counted(
    session: &Session,
    collection: &Collection,
    filter: &Filter,
    found: Option<&[i64]>,
) -> Result<u64, Failure> {
    session.set_filter(filter);
    let documents = collection.table("documents");
    let sql = Sql::new(format!("SELECT count(*) FROM {documents} AS d WHERE "))
        .append(plan::condition(collection, filter, found));
    let count: i64 = session
        .connection()
        .prepare_cached(&sql.text)?
        .query_row(params_from_iter(&sql.values), |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

/// The first document of a sort that fulfils a filter.
pub(super) fn first(
    session: &Session,
    collection: &Collection,
    filter: &Filter,
    sort: &[Order],
) -> Result<Option<i64>, Failure> {
    session.set_filter(filter);
    let query = Query {
        filter: filter.clone(),
        search: None,
        sort: sort.to_vec(),
        fields: None,
        after: None,
        limit: 1,
    };
    let mut stretches = plan::stretches(collection, sort, None).into_iter();
    let stretch = stretches.next().expect("a listing has a first stretch");
    let sql = select(collection, &query, None, stretch, 1);
    let first = session
        .connection()
        .prepare_cached(&sql.text)?
        .query_row(params_from_iter(&sql.values), |row| row.get(0))
        .optional()?;
    Ok(first)
}

/// Some documents that fulfil a filter, at most `limit`.
pub(super) fn some(
    session: &Session,
    collection: &Collection,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<i64>, Failure> {
    session.set_filter(filter);
    let documents = collection.table("documents");
    let sql = Sql::new(format!("SELECT d.number FROM {documents} AS d WHERE "))
        .append(plan::condition(collection, filter, None))
        .append(Sql::with(" LIMIT ?", [bound(limit)]));
    let mut statement = session.connection().prepare_cached(&sql.text)?;
    let numbers = statement.query_map(params_from_iter(&sql.values), |row| row.get(0))?;
    Ok(numbers.collect::<rusqlite::Result<_>>()?)
}

/// The bytes of all bodies and ids.
pub(super) fn bytes(session: &Session, collections: &[String]) -> Result<u64, Failure> {
    let mut sum = 0;
    for name in collections {
        let bytes: Option<i64> = session
            .connection()
            .prepare_cached("SELECT bytes FROM collections WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        sum += bytes.unwrap_or(0).cast_unsigned();
    }
    Ok(sum)
}
