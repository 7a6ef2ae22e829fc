//! The thread that writes: takes what is waiting, commits it in one transaction, then answers.

use std::collections::VecDeque;
use std::path::Path;
use std::task::Poll;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::entries::{Entries, Failure, SWEPT_ENTRIES_MAX, Swept, any_ended};
use super::inbox::Inbox;
use super::{QUEUE_CALLS_MAX, Reply, schema, unavailable};
use crate::keyvalue::{Change, Error, Version};
use crate::metrics::KEYVALUE_EMBEDDED_BATCH_WRITES;
use crate::sqlite::Log;

/// Calls that share one commit: enough to spread its cost, few enough that the first does not wait for long.
const CALLS_PER_COMMIT_MAX: usize = 256;

/// Bytes that share one commit, unless one call alone brings more.
const BYTES_PER_COMMIT_MAX: usize = 32 * 1024 * 1024;

/// What has ended stays in the file of an idle store for at most about so long.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(60);

pub(super) enum Call {
    /// With its place in the queue, which is free again when the call is dropped.
    Apply(Vec<Change>, OwnedSemaphorePermit, Reply<Version>),
    Increment(String, i64, Reply<i64>),
}

/// An answer that is held back until its transaction is committed.
enum Answer {
    Version(Reply<Version>, Result<Version, Error>),
    Sum(Reply<i64>, Result<i64, Error>),
}

/// Prepares the schema and starts the thread; it ends when the sender is dropped and the queue is empty. After
/// `idle_max` without a call, it removes what has ended.
pub(super) fn spawn(
    mut connection: Connection,
    path: &Path,
    idle_max: Duration,
) -> rusqlite::Result<mpsc::Sender<Call>> {
    schema::prepare(&mut connection)?;
    let (sender, calls) = mpsc::channel(QUEUE_CALLS_MAX);
    let writer = Writer {
        connection,
        log: Log::of(path),
        idle_max,
    };
    std::thread::spawn(move || writer.run(Inbox::new(calls)));
    Ok(sender)
}

struct Writer {
    connection: Connection,
    log: Log,
    idle_max: Duration,
}

impl Writer {
    fn run(mut self, mut inbox: Inbox<Call>) {
        // What had ended while the store was closed goes first.
        let mut swept = Swept::Part;
        loop {
            swept = match inbox.next(self.pause(swept)) {
                Poll::Ready(Some(call)) => self.serve(call, &mut inbox),
                Poll::Ready(None) => return,
                Poll::Pending => self.sweep(),
            };
            self.log.bound(&self.connection);
        }
    }

    /// How long it waits for calls before it removes what has ended: calls come first, but not for ever.
    fn pause(&self, swept: Swept) -> Duration {
        match swept {
            Swept::All => self.idle_max,
            Swept::Part => Duration::ZERO,
        }
    }

    /// Serves a call and those that wait behind it. Then it removes as much as they wrote, if so much has ended: else a
    /// busy file would grow by values that nobody sees and no quota counts.
    fn serve(&mut self, call: Call, inbox: &mut Inbox<Call>) -> Swept {
        let mut waiting = VecDeque::from([call]);
        while waiting.len() < CALLS_PER_COMMIT_MAX
            && let Some(call) = inbox.waiting()
        {
            waiting.push_back(call);
        }
        let written: usize = waiting.iter().map(Call::changes).sum();
        let mut swept = Swept::All;
        while !waiting.is_empty() {
            swept = commit(&mut self.connection, &mut waiting);
        }
        for _ in 0..written / SWEPT_ENTRIES_MAX {
            if swept == Swept::All {
                break;
            }
            swept = self.sweep();
        }
        swept
    }

    /// Removes what has ended, if something has: an idle store writes nothing.
    fn sweep(&mut self) -> Swept {
        sweep(&mut self.connection).unwrap_or_else(|error| {
            unavailable(&error);
            Swept::All
        })
    }
}

fn sweep(connection: &mut Connection) -> rusqlite::Result<Swept> {
    if !any_ended(connection)? {
        return Ok(Swept::All);
    }
    let transaction = begin(connection)?;
    let swept = Entries::read(&transaction)?.sweep()?;
    transaction.commit()?;
    Ok(swept)
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

impl Call {
    /// Bytes it writes, at most.
    fn bytes(&self) -> usize {
        let set = |change: &Change| change.action.value().map_or(0, <[u8]>::len);
        match self {
            Self::Apply(changes, ..) => changes.iter().map(set).sum(),
            Self::Increment(..) => 0,
        }
    }

    /// Entries it writes, at most.
    fn changes(&self) -> usize {
        match self {
            Self::Apply(changes, ..) => changes.len(),
            Self::Increment(..) => 1,
        }
    }

    /// Whether its caller has given up: what nobody waits for is not written, so that retries do not pile up.
    fn abandoned(&self) -> bool {
        match self {
            Self::Apply(.., reply) => reply.is_closed(),
            Self::Increment(.., reply) => reply.is_closed(),
        }
    }
}

/// Runs calls in one transaction and answers them after it is committed. A call whose conditions fail changes nothing
/// and does not disturb the others; a failing database fails them all.
fn commit(connection: &mut Connection, waiting: &mut VecDeque<Call>) -> Swept {
    let mut answers = Vec::with_capacity(waiting.len());
    let outcome = transact(connection, waiting, &mut answers);
    metrics::histogram!(KEYVALUE_EMBEDDED_BATCH_WRITES).record(answers.len() as f64);
    if let Err(error) = &outcome {
        unavailable(error);
    }
    for answer in answers {
        answer.send(outcome.is_ok());
    }
    outcome.unwrap_or(Swept::All)
}

fn transact(
    connection: &mut Connection,
    waiting: &mut VecDeque<Call>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<Swept> {
    // Without a transaction, their callers see the answer go, and that is one. Kept, they would fail again at once, for
    // ever.
    let transaction = begin(connection).inspect_err(|_| waiting.clear())?;
    let mut entries = Entries::read(&transaction).inspect_err(|_| waiting.clear())?;
    let mut bytes = 0;
    while bytes < BYTES_PER_COMMIT_MAX
        && let Some(call) = waiting.pop_front()
    {
        if call.abandoned() {
            continue;
        }
        bytes += call.bytes();
        let (answer, failed) = call.run(&mut entries);
        answers.push(answer);
        // SQLite may have rolled back already, and what came now would be committed by itself.
        failed?;
    }
    let swept = entries.sweep()?;
    entries.write_back()?;
    transaction.commit()?;
    Ok(swept)
}

impl Call {
    /// Its answer, and whether the database failed.
    fn run(self, entries: &mut Entries<'_>) -> (Answer, rusqlite::Result<()>) {
        match self {
            Self::Apply(changes, _place, reply) => {
                let (result, failed) = settle(entries.apply(&changes));
                (Answer::Version(reply, result), failed)
            }
            Self::Increment(key, delta, reply) => {
                let (result, failed) = settle(entries.increment(&key, delta));
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

fn settle<T>(result: Result<T, Failure>) -> (Result<T, Error>, rusqlite::Result<()>) {
    match result {
        Ok(value) => (Ok(value), Ok(())),
        Err(Failure::Call(error)) => (Err(error), Ok(())),
        Err(Failure::Database(error)) => (Err(Error::Unavailable), Err(error)),
    }
}
