//! The thread that writes: takes what is waiting, commits it in one transaction, then answers.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::mpsc;

use super::{QUEUE_CALLS_MAX, Reply, unavailable};
use crate::keyvalue::{Action, Change, Condition, Error, Version};
use crate::metrics::KEYVALUE_EMBEDDED_BATCH_WRITES;
use crate::sqlite::Log;

/// Calls that share one commit: enough to spread its cost, few enough that the first does not wait for long.
const CALLS_PER_COMMIT_MAX: usize = 256;

/// Bytes that share one commit, unless one call alone brings more.
const BYTES_PER_COMMIT_MAX: usize = 32 * 1024 * 1024;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entries (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS sequence (id INTEGER PRIMARY KEY CHECK (id = 0), version INTEGER NOT NULL);
    INSERT OR IGNORE INTO sequence VALUES (0, 0);
";

pub(super) enum Call {
    Apply(Vec<Change>, Reply<Version>),
    Increment(String, i64, Reply<i64>),
}

/// An answer that is held back until its transaction is committed.
enum Answer {
    Version(Reply<Version>, Result<Version, Error>),
    Sum(Reply<i64>, Result<i64, Error>),
}

/// Prepares the schema and starts the thread; it ends when the sender is dropped and the queue is empty.
pub(super) fn spawn(
    mut connection: Connection,
    path: &Path,
) -> rusqlite::Result<mpsc::Sender<Call>> {
    connection.execute_batch(SCHEMA)?;
    raise_sequence(&connection)?;
    let (sender, mut calls) = mpsc::channel(QUEUE_CALLS_MAX);
    let log = Log::of(path);
    std::thread::spawn(move || {
        let mut waiting = VecDeque::with_capacity(CALLS_PER_COMMIT_MAX);
        while let Some(call) = calls.blocking_recv() {
            waiting.push_back(call);
            while waiting.len() < CALLS_PER_COMMIT_MAX
                && let Ok(call) = calls.try_recv()
            {
                waiting.push_back(call);
            }
            while !waiting.is_empty() {
                commit(&mut connection, &mut waiting);
            }
            log.bound(&connection);
        }
    });
    Ok(sender)
}

/// Lifts the sequence above every version that was ever given out. The file alone does not know them all: a power cut
/// may take its last commits, and a state directory that was removed or restored takes the count with it, while clients
/// keep versions as entity tags. No writer makes a write per microsecond, so that the clock is ahead of any sequence
/// that started at it.
fn raise_sequence(connection: &Connection) -> rusqlite::Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let microseconds = i64::try_from(now.as_micros()).unwrap_or(0);
    connection.execute(
        "UPDATE sequence SET version = max(version, ?1)",
        [microseconds],
    )?;
    Ok(())
}

impl Call {
    /// Bytes it writes, at most.
    fn bytes(&self) -> usize {
        let set = |change: &Change| match &change.action {
            Action::Set(bytes) => bytes.len(),
            Action::Delete => 0,
        };
        match self {
            Self::Apply(changes, _) => changes.iter().map(set).sum(),
            Self::Increment(..) => 0,
        }
    }

    /// Whether its caller has given up: what nobody waits for is not written, so that retries do not pile up.
    fn abandoned(&self) -> bool {
        match self {
            Self::Apply(_, reply) => reply.is_closed(),
            Self::Increment(.., reply) => reply.is_closed(),
        }
    }
}

/// Runs calls in one transaction and answers them after it is committed. A call whose conditions fail changes nothing
/// and does not disturb the others; a failing database fails them all.
fn commit(connection: &mut Connection, waiting: &mut VecDeque<Call>) {
    let mut answers = Vec::with_capacity(waiting.len());
    let outcome = transact(connection, waiting, &mut answers);
    metrics::histogram!(KEYVALUE_EMBEDDED_BATCH_WRITES).record(answers.len() as f64);
    if let Err(error) = &outcome {
        unavailable(error);
    }
    for answer in answers {
        answer.send(outcome.is_ok());
    }
}

fn transact(
    connection: &mut Connection,
    waiting: &mut VecDeque<Call>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    let (transaction, mut version) = match begin(connection) {
        Ok(begun) => begun,
        Err(error) => {
            // Their callers see the answer go, and that is one. Kept, they would fail again at once, for ever.
            waiting.clear();
            return Err(error);
        }
    };
    let mut bytes = 0;
    while bytes < BYTES_PER_COMMIT_MAX
        && let Some(call) = waiting.pop_front()
    {
        if call.abandoned() {
            continue;
        }
        bytes += call.bytes();
        let (answer, failed) = call.run(&transaction, &mut version);
        answers.push(answer);
        // SQLite may have rolled back already, and what came now would be committed by itself.
        failed?;
    }
    transaction
        .prepare_cached("UPDATE sequence SET version = ?1")?
        .execute([version])?;
    transaction.commit()
}

/// A transaction and the last version. It is read in every transaction: another process may have the file open, and the
/// version of a deleted key must not come again, so it is not taken from the entries.
fn begin(connection: &mut Connection) -> rusqlite::Result<(Transaction<'_>, i64)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = transaction.query_row("SELECT version FROM sequence", [], |row| row.get(0))?;
    Ok((transaction, version))
}

impl Call {
    /// Its answer, and whether the database failed.
    fn run(self, connection: &Connection, version: &mut i64) -> (Answer, rusqlite::Result<()>) {
        match self {
            Self::Apply(changes, reply) => {
                let (result, failed) = settle(apply(connection, version, &changes));
                (Answer::Version(reply, result), failed)
            }
            Self::Increment(key, delta, reply) => {
                let (result, failed) = settle(increment(connection, version, &key, delta));
                (Answer::Sum(reply, result), failed)
            }
        }
    }
}

impl Answer {
    /// Answers the caller, who may have gone. Nothing is true before it is committed.
    fn send(self, committed: bool) {
        match self {
            Self::Version(reply, result) => drop(reply.send(if committed {
                result
            } else {
                Err(Error::Unavailable)
            })),
            Self::Sum(reply, result) => drop(reply.send(if committed {
                result
            } else {
                Err(Error::Unavailable)
            })),
        }
    }
}

/// Why a call changed nothing: its own fault, or the database's.
enum Failure {
    Call(Error),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

fn settle<T>(result: Result<T, Failure>) -> (Result<T, Error>, rusqlite::Result<()>) {
    match result {
        Ok(value) => (Ok(value), Ok(())),
        Err(Failure::Call(error)) => (Err(error), Ok(())),
        Err(Failure::Database(error)) => (Err(Error::Unavailable), Err(error)),
    }
}

fn apply(
    connection: &Connection,
    version: &mut i64,
    changes: &[Change],
) -> Result<Version, Failure> {
    for change in changes {
        check(connection, change)?;
    }
    *version += 1;
    for change in changes {
        match &change.action {
            Action::Set(bytes) => set(connection, &change.key, bytes, *version)?,
            Action::Delete => delete(connection, &change.key)?,
        }
    }
    Ok(version.cast_unsigned())
}

fn check(connection: &Connection, change: &Change) -> Result<(), Failure> {
    let holds = match change.condition {
        Condition::Always => true,
        Condition::Absent => current(connection, &change.key)?.is_none(),
        Condition::Present => current(connection, &change.key)?.is_some(),
        Condition::Version(expected) => {
            current(connection, &change.key)? == Some(expected.cast_signed())
        }
    };
    match holds {
        true => Ok(()),
        false => Err(Failure::Call(Error::Conflict {
            key: change.key.clone(),
        })),
    }
}

fn current(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT version FROM entries WHERE key = ?1")?
        .query_row([key.as_bytes()], |row| row.get(0))
        .optional()
}

fn set(connection: &Connection, key: &str, bytes: &[u8], version: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO entries (key, value, version) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version",
        )?
        .execute((key.as_bytes(), bytes, version))?;
    Ok(())
}

fn delete(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM entries WHERE key = ?1")?
        .execute([key.as_bytes()])?;
    Ok(())
}

fn increment(
    connection: &Connection,
    version: &mut i64,
    key: &str,
    delta: i64,
) -> Result<i64, Failure> {
    let stored: Option<Vec<u8>> = connection
        .prepare_cached("SELECT value FROM entries WHERE key = ?1")?
        .query_row([key.as_bytes()], |row| row.get(0))
        .optional()?;
    let number = stored.map_or(Some(0), |bytes| {
        std::str::from_utf8(&bytes).ok()?.parse().ok()
    });
    let number: i64 =
        number.ok_or_else(|| invalid("the value is not a decimal number of 64 bits"))?;
    let sum = number
        .checked_add(delta)
        .ok_or_else(|| invalid("the sum does not fit into 64 bits"))?;
    *version += 1;
    set(connection, key, sum.to_string().as_bytes(), *version)?;
    Ok(sum)
}

fn invalid(message: &str) -> Failure {
    Failure::Call(Error::Invalid(message.into()))
}
