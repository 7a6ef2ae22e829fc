//! A thread that reads.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Rows, Statement};
use tokio::sync::mpsc;

use super::expiry::{self, live};
use super::{QUEUE_CALLS_MAX, Reply, unavailable};
use crate::keyvalue::{
    CALL_BYTES_MAX, Entry, Error, PAGE_BYTES_MAX, Page, Projection, Range, Value,
};

/// Entries that are measured before it is asked whether somebody still waits for the sum.
const ENTRIES_PER_LOOK: u64 = 4096;

pub(super) enum Call {
    Get(Vec<String>, Reply<Vec<Option<Value>>>),
    List(Range, Reply<Page>),
    Usage(String, Reply<u64>),
}

/// Starts the thread; it ends when the sender is dropped.
pub(super) fn spawn(connection: Connection) -> mpsc::Sender<Call> {
    let (sender, mut calls) = mpsc::channel(QUEUE_CALLS_MAX);
    std::thread::spawn(move || {
        while let Some(call) = calls.blocking_recv() {
            serve(&connection, call);
        }
    });
    sender
}

/// Answers one call, unless its caller has gone meanwhile. A reply that finds nobody is no error.
fn serve(connection: &Connection, call: Call) {
    match call {
        Call::Get(keys, reply) if !reply.is_closed() => {
            drop(reply.send(get_many(connection, &keys)))
        }
        Call::List(range, reply) if !reply.is_closed() => {
            drop(reply.send(list(connection, &range)))
        }
        Call::Usage(prefix, reply) if !reply.is_closed() => {
            let usage = usage(connection, &prefix, || reply.is_closed());
            drop(reply.send(usage));
        }
        Call::Get(..) | Call::List(..) | Call::Usage(..) => {}
    }
}

fn get_many(connection: &Connection, keys: &[String]) -> Result<Vec<Option<Value>>, Error> {
    let now = expiry::now();
    // One key needs no transaction to be of one moment.
    if let [key] = keys {
        return Ok(vec![
            get(connection, key, now).map_err(|error| unavailable(&error))?,
        ]);
    }
    let moment = connection
        .unchecked_transaction()
        .map_err(|error| unavailable(&error))?;
    let mut bytes = 0;
    let mut values = Vec::with_capacity(keys.len());
    for key in keys {
        let value = get(&moment, key, now).map_err(|error| unavailable(&error))?;
        bytes += value.as_ref().map_or(0, |value| value.bytes.len());
        if bytes > CALL_BYTES_MAX {
            return Err(Error::TooLarge {
                limit: CALL_BYTES_MAX,
            });
        }
        values.push(value);
    }
    Ok(values)
}

fn get(connection: &Connection, key: &str, now: i64) -> rusqlite::Result<Option<Value>> {
    connection
        .prepare_cached(concat!(
            "SELECT value, version, expires_at FROM entries WHERE key = ?1 AND ",
            live!("?2")
        ))?
        .query_row((key.as_bytes(), now), |row| {
            Ok(Value {
                bytes: row.get(0)?,
                version: row.get::<_, i64>(1)?.cast_unsigned(),
                expires_in: left(row, 2, now)?,
            })
        })
        .optional()
}

/// How long an entry lives from now on, by the column of its end.
fn left(row: &Row<'_>, column: usize, now: i64) -> rusqlite::Result<Option<Duration>> {
    let end: Option<i64> = row.get(column)?;
    Ok(end.map(|end| expiry::left(now, end)))
}

fn list(connection: &Connection, range: &Range) -> Result<Page, Error> {
    page(connection, range).map_err(|error| unavailable(&error))
}

fn page(connection: &Connection, range: &Range) -> rusqlite::Result<Page> {
    let now = expiry::now();
    let bounds = Bounds::of(&range.prefix, range.after.as_deref());
    let mut statement = connection.prepare_cached(&bounds.query(columns(range.projection)))?;
    let mut rows = bounds.rows(&mut statement, now)?;
    let (mut page, mut bytes) = (Page::default(), 0);
    while let Some(row) = rows.next()? {
        if page.entries.len() == range.limit || bytes >= PAGE_BYTES_MAX {
            page.next = page.entries.last().map(|entry| entry.key.clone());
            break;
        }
        let entry = entry(row, now)?;
        bytes += entry.key.len() + entry.value.as_ref().map_or(0, |value| value.bytes.len());
        page.entries.push(entry);
    }
    Ok(page)
}

fn columns(projection: Projection) -> &'static str {
    match projection {
        Projection::Keys => "key, version, NULL, NULL",
        Projection::Values => "key, version, value, expires_at",
    }
}

/// Where a listing starts and ends in the order of keys.
struct Bounds<'a> {
    /// `>` or `>=`.
    compare: &'static str,
    from: &'a [u8],
    /// The first key beyond.
    end: Option<Vec<u8>>,
}

impl<'a> Bounds<'a> {
    /// One lower bound, the higher of the two there are: of two, SQLite searches by one and steps over all that the
    /// other leaves out, which on the last page is the whole prefix.
    fn of(prefix: &'a str, after: Option<&'a str>) -> Self {
        let prefix = prefix.as_bytes();
        let after = after.unwrap_or_default().as_bytes();
        let (compare, from) = if after >= prefix {
            (">", after)
        } else {
            (">=", prefix)
        };
        Self {
            compare,
            from,
            end: successor(prefix),
        }
    }

    fn query(&self, columns: &str) -> String {
        let (compare, below) = (
            self.compare,
            self.end.as_ref().map_or("", |_| "AND key < ?3"),
        );
        let live = live!("?2");
        format!(
            "SELECT {columns} FROM entries WHERE key {compare} ?1 {below} AND {live} ORDER BY key"
        )
    }

    fn rows<'s>(&self, statement: &'s mut Statement<'_>, now: i64) -> rusqlite::Result<Rows<'s>> {
        match &self.end {
            Some(end) => statement.query((self.from, now, end)),
            None => statement.query((self.from, now)),
        }
    }
}

fn entry(row: &Row<'_>, now: i64) -> rusqlite::Result<Entry> {
    let key = String::from_utf8(row.get(0)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    })?;
    let version = row.get::<_, i64>(1)?.cast_unsigned();
    let expires_in = left(row, 3, now)?;
    let value = row.get::<_, Option<Vec<u8>>>(2)?.map(|bytes| Value {
        bytes,
        version,
        expires_in,
    });
    Ok(Entry { key, value })
}

/// What the entries hold whose keys start with `prefix`. It looks at each of them, but stops when nobody waits any
/// more.
fn usage(
    connection: &Connection,
    prefix: &str,
    abandoned: impl Fn() -> bool,
) -> Result<u64, Error> {
    measured(connection, prefix, abandoned).map_err(|error| unavailable(&error))
}

fn measured(
    connection: &Connection,
    prefix: &str,
    abandoned: impl Fn() -> bool,
) -> rusqlite::Result<u64> {
    let bounds = Bounds::of(prefix, None);
    let mut statement = connection.prepare_cached(&bounds.query("length(key) + length(value)"))?;
    let mut rows = bounds.rows(&mut statement, expiry::now())?;
    let (mut bytes, mut entries) = (0, 0_u64);
    while let Some(row) = rows.next()? {
        bytes += row.get::<_, i64>(0)?.cast_unsigned();
        entries += 1;
        if entries.is_multiple_of(ENTRIES_PER_LOOK) && abandoned() {
            break;
        }
    }
    Ok(bytes)
}

/// The first byte string after all that start with `prefix`; none where nothing comes after them.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    fn filled(count: usize) -> Connection {
        let connection = Connection::open_in_memory().expect("it opens");
        connection
            .execute_batch(
                "CREATE TABLE entries (
                     key BLOB NOT NULL PRIMARY KEY, value BLOB, version INTEGER, expires_at INTEGER
                 )",
            )
            .expect("the table can be made");
        for number in 0..count {
            connection
                .execute(
                    "INSERT INTO entries VALUES (?1, x'', 1, NULL)",
                    [format!("k{number:04}").as_bytes()],
                )
                .expect("the entry can be made");
        }
        connection
    }

    fn range(prefix: &str, after: &str) -> Range {
        Range {
            prefix: prefix.into(),
            after: Some(after.into()),
            limit: 10,
            projection: Projection::Keys,
        }
    }

    #[test]
    fn a_page_is_found_without_stepping_over_those_before_it() {
        let connection = filled(1000);
        let range = range("k", "k0998");
        let page = page(&connection, &range).expect("the store can be listed");
        assert_eq!(page.entries.len(), 1);
        // The same statement, out of the connection's cache.
        let statement = connection
            .prepare_cached(&Bounds::of("k", Some("k0998")).query(columns(range.projection)))
            .expect("it was prepared before");
        assert!(statement.get_status(StatementStatus::VmStep) < 200);
    }

    #[test]
    fn a_page_starts_at_the_prefix_when_what_it_comes_after_is_smaller() {
        let page = page(&filled(3), &range("k0001", "a")).expect("the store can be listed");
        let keys: Vec<_> = page.entries.iter().map(|entry| &entry.key).collect();
        assert_eq!(keys, ["k0001"]);
    }

    #[test]
    fn a_prefix_is_measured_without_stepping_over_what_comes_after_it() {
        let connection = filled(1000);
        let usage = usage(&connection, "k0001", || false);
        assert_eq!(usage, Ok(5));
        let statement = connection
            .prepare_cached(&Bounds::of("k0001", None).query("length(key) + length(value)"))
            .expect("it was prepared before");
        assert!(statement.get_status(StatementStatus::VmStep) < 200);
    }

    #[test]
    fn a_measure_that_nobody_waits_for_stops() {
        let connection = filled(usize::try_from(ENTRIES_PER_LOOK).expect("it is small") + 1);
        let all = usage(&connection, "", || false).expect("the store can be measured");
        let some = usage(&connection, "", || true).expect("the store can be measured");
        assert_eq!(all - some, 5);
    }
}
