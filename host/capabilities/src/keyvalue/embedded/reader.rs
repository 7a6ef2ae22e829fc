//! A thread that reads.

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::mpsc;

use super::{QUEUE_CALLS_MAX, Reply, unavailable};
use crate::keyvalue::{
    CALL_BYTES_MAX, Entry, Error, PAGE_BYTES_MAX, Page, Projection, Range, Value,
};

pub(super) enum Call {
    Get(Vec<String>, Reply<Vec<Option<Value>>>),
    List(Range, Reply<Page>),
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
        Call::Get(..) | Call::List(..) => {}
    }
}

fn get_many(connection: &Connection, keys: &[String]) -> Result<Vec<Option<Value>>, Error> {
    // One key needs no transaction to be of one moment.
    if let [key] = keys {
        return Ok(vec![
            get(connection, key).map_err(|error| unavailable(&error))?,
        ]);
    }
    let moment = connection
        .unchecked_transaction()
        .map_err(|error| unavailable(&error))?;
    let mut bytes = 0;
    let mut values = Vec::with_capacity(keys.len());
    for key in keys {
        let value = get(&moment, key).map_err(|error| unavailable(&error))?;
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

fn get(connection: &Connection, key: &str) -> rusqlite::Result<Option<Value>> {
    connection
        .prepare_cached("SELECT value, version FROM entries WHERE key = ?1")?
        .query_row([key.as_bytes()], |row| {
            Ok(Value {
                bytes: row.get(0)?,
                version: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        })
        .optional()
}

fn list(connection: &Connection, range: &Range) -> Result<Page, Error> {
    page(connection, range).map_err(|error| unavailable(&error))
}

fn page(connection: &Connection, range: &Range) -> rusqlite::Result<Page> {
    let bounds = Bounds::of(range);
    let mut statement = connection.prepare_cached(&bounds.query(range.projection))?;
    let mut rows = match &bounds.end {
        Some(end) => statement.query((bounds.from, end))?,
        None => statement.query((bounds.from,))?,
    };
    let (mut page, mut bytes) = (Page::default(), 0);
    while let Some(row) = rows.next()? {
        if page.entries.len() == range.limit || bytes >= PAGE_BYTES_MAX {
            page.next = page.entries.last().map(|entry| entry.key.clone());
            break;
        }
        let entry = entry(row)?;
        bytes += entry.key.len() + entry.value.as_ref().map_or(0, |value| value.bytes.len());
        page.entries.push(entry);
    }
    Ok(page)
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
    fn of(range: &'a Range) -> Self {
        let prefix = range.prefix.as_bytes();
        let after = range.after.as_deref().unwrap_or_default().as_bytes();
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

    fn query(&self, projection: Projection) -> String {
        let value = match projection {
            Projection::Keys => "NULL",
            Projection::Values => "value",
        };
        let (compare, below) = (
            self.compare,
            self.end.as_ref().map_or("", |_| "AND key < ?2"),
        );
        format!(
            "SELECT key, version, {value} FROM entries WHERE key {compare} ?1 {below} ORDER BY key"
        )
    }
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let key = String::from_utf8(row.get(0)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    })?;
    let version = row.get::<_, i64>(1)?.cast_unsigned();
    let value = row
        .get::<_, Option<Vec<u8>>>(2)?
        .map(|bytes| Value { bytes, version });
    Ok(Entry { key, value })
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
                "CREATE TABLE entries (key BLOB NOT NULL PRIMARY KEY, value BLOB, version INTEGER)",
            )
            .expect("the table can be made");
        for number in 0..count {
            connection
                .execute(
                    "INSERT INTO entries VALUES (?1, x'', 1)",
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
            .prepare_cached(&Bounds::of(&range).query(range.projection))
            .expect("it was prepared before");
        assert!(statement.get_status(StatementStatus::VmStep) < 200);
    }

    #[test]
    fn a_page_starts_at_the_prefix_when_what_it_comes_after_is_smaller() {
        let page = page(&filled(3), &range("k0001", "a")).expect("the store can be listed");
        let keys: Vec<_> = page.entries.iter().map(|entry| &entry.key).collect();
        assert_eq!(keys, ["k0001"]);
    }
}
