//! A thread that reads.

use rusqlite::{Connection, OptionalExtension, ToSql};
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
    let value = match range.projection {
        Projection::Keys => "NULL",
        Projection::Values => "value",
    };
    let after = range.after.as_deref().unwrap_or_default().as_bytes();
    let prefix = range.prefix.as_bytes();
    let end = successor(prefix);
    let mut bounds: Vec<(&str, &dyn ToSql)> = vec![(":prefix", &prefix), (":after", &after)];
    let below = match &end {
        Some(end) => {
            bounds.push((":end", end));
            "AND key < :end"
        }
        None => "",
    };
    let query = format!(
        "SELECT key, version, {value} FROM entries WHERE key >= :prefix AND key > :after {below} ORDER BY key"
    );
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query(bounds.as_slice())?;
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
