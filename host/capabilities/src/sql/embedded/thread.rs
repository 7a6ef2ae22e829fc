//! The threads of a database. Those of one kind share a queue, so that a slow call delays only its own thread.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::mpsc;

use super::guarded::Guarded;
use super::sessions::{self, Open, Reading};
use super::{QUEUE_CALLS_MAX, Reply, migrate};
use crate::sql::{
    Contracting, Executed, Migration, Rows, Rules, Statement, TRANSACTION_MAX, migrations,
};
use crate::sqlite::Log;

/// A look at the log that had to wait is not repeated before so many times that wait.
const LOG_PAUSE: u32 = 20;

pub(super) struct Call {
    pub(super) rules: Arc<Rules>,
    /// Gone when nobody waits for the answer.
    pub(super) caller: Weak<()>,
    pub(super) work: Work,
}

pub(super) enum Work {
    Query(Statement, Reply<Rows>),
    Batch(Vec<Statement>, Reply<Vec<Executed>>),
    Begin(Reply<Open>),
    Cursor(Statement, Reply<Reading>),
    Migrate(Vec<Migration>, Contracting, Reply<Migrated>),
    Check(Vec<Migration>, Contracting, Reply<Migrated>),
}

/// The names of what was applied, or would be.
type Migrated = Result<Vec<String>, migrations::Error>;

type Calls = Arc<Mutex<mpsc::Receiver<Call>>>;

/// Starts a thread for each connection; they end when the sender is dropped and the queue is empty. `log` is for the
/// one that writes.
pub(super) fn spawn(connections: Vec<Guarded>, mut log: Option<Log>) -> mpsc::Sender<Call> {
    let (sender, calls) = mpsc::channel(QUEUE_CALLS_MAX);
    let calls: Calls = Arc::new(Mutex::new(calls));
    for connection in connections {
        let (calls, log) = (Arc::clone(&calls), log.take());
        std::thread::spawn(move || serve_all(&connection, &calls, log.as_ref()));
    }
    sender
}

fn serve_all(connection: &Guarded, calls: &Calls, log: Option<&Log>) {
    let mut look = Instant::now();
    while let Some(call) = next(calls) {
        serve(connection, call);
        if let Some(log) = log
            && Instant::now() >= look
        {
            look = bound(connection, log);
        }
    }
}

/// Waits for a call. The others wait for the lock meanwhile, which is the same.
fn next(calls: &Calls) -> Option<Call> {
    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    calls.blocking_recv()
}

/// Keeps the log short, and answers when to look again: an open cursor can make this wait, and writes wait with it.
fn bound(connection: &Guarded, log: &Log) -> Instant {
    let started = Instant::now();
    let looked = connection.as_host(|connection| {
        log.bound(connection);
        Ok(())
    });
    debug_assert!(looked.is_ok());
    Instant::now() + started.elapsed() * LOG_PAUSE
}

/// Answers one call, unless its caller has gone meanwhile. A reply that finds nobody is no error.
fn serve(connection: &Guarded, call: Call) {
    let Call {
        rules,
        caller,
        work,
    } = call;
    if caller.strong_count() == 0 {
        return;
    }
    match work {
        Work::Query(statement, reply) => {
            let query = |connection: &Guarded| connection.query(&statement);
            drop(reply.send(connection.run(&rules, caller, query)));
        }
        Work::Batch(statements, reply) => {
            let batch = |connection: &Guarded| connection.batch(&statements);
            drop(reply.send(connection.run(&rules, caller, batch)));
        }
        Work::Begin(reply) => sessions::transaction(connection, &rules, caller, reply),
        Work::Cursor(statement, reply) => {
            sessions::cursor(connection, &rules, caller, &statement, reply);
        }
        Work::Migrate(migrations, contracting, reply) => {
            let migrate = |connection: &Guarded| {
                Ok(migrate::apply(connection, &rules, &migrations, contracting))
            };
            drop(reply.send(connection.run(&rules, caller, migrate)));
        }
        Work::Check(migrations, contracting, reply) => {
            let check = |connection: &Guarded| {
                let limit = TRANSACTION_MAX;
                Ok(migrate::check(
                    connection,
                    &rules,
                    &migrations,
                    contracting,
                    limit,
                ))
            };
            drop(reply.send(connection.run(&rules, caller, check)));
        }
    }
}
