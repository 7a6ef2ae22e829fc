//! The thread that writes: takes what is waiting, commits it in one transaction, then answers.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use tokio::sync::mpsc;

use super::{QUEUE_CALLS_MAX, Reply, unavailable};
use crate::keyvalue::{Action, Change, Condition, Error, Version};
use crate::metrics::KEYVALUE_EMBEDDED_BATCH_WRITES;

/// Calls that share one commit: enough to spread its cost, few enough that the first does not wait for long.
const CALLS_PER_COMMIT_MAX: usize = 256;

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
pub(super) fn spawn(mut connection: Connection) -> rusqlite::Result<mpsc::Sender<Call>> {
    connection.execute_batch(SCHEMA)?;
    // Kept in the file and not taken from the entries: the version of a deleted key must not come again.
    let mut version = connection.query_row("SELECT version FROM sequence", [], |row| row.get(0))?;
    let (sender, mut calls) = mpsc::channel(QUEUE_CALLS_MAX);
    std::thread::spawn(move || {
        let mut waiting = Vec::with_capacity(CALLS_PER_COMMIT_MAX);
        while calls.blocking_recv_many(&mut waiting, CALLS_PER_COMMIT_MAX) > 0 {
            metrics::histogram!(KEYVALUE_EMBEDDED_BATCH_WRITES).record(waiting.len() as f64);
            commit(&mut connection, &mut version, waiting.drain(..));
        }
    });
    Ok(sender)
}

/// Runs all calls in one transaction and answers them after it is committed. A call whose conditions fail changes
/// nothing and does not disturb the others; a failing database fails them all.
fn commit(connection: &mut Connection, version: &mut i64, calls: impl Iterator<Item = Call>) {
    let before = *version;
    let mut answers = Vec::with_capacity(CALLS_PER_COMMIT_MAX);
    let outcome = transact(connection, version, calls, &mut answers);
    if let Err(error) = &outcome {
        *version = before;
        unavailable(error);
    }
    for answer in answers {
        answer.send(outcome.is_ok());
    }
}

fn transact(
    connection: &mut Connection,
    version: &mut i64,
    calls: impl Iterator<Item = Call>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // The first failure of the database ends the work, but every caller is answered.
    let mut outcome = Ok(());
    for call in calls {
        let answer = match call {
            Call::Apply(changes, reply) => {
                let result = apply(&transaction, version, &changes);
                Answer::Version(reply, settle(result, &mut outcome))
            }
            Call::Increment(key, delta, reply) => {
                let result = increment(&transaction, version, &key, delta);
                Answer::Sum(reply, settle(result, &mut outcome))
            }
        };
        answers.push(answer);
    }
    outcome?;
    transaction
        .prepare_cached("UPDATE sequence SET version = ?1")?
        .execute([*version])?;
    transaction.commit()
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

fn settle<T>(result: Result<T, Failure>, outcome: &mut rusqlite::Result<()>) -> Result<T, Error> {
    match result {
        Ok(value) => Ok(value),
        Err(Failure::Call(error)) => Err(error),
        Err(Failure::Database(error)) => {
            *outcome = Err(error);
            Err(Error::Unavailable)
        }
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
