//! Transactions and cursors: conversations that have a connection for their life, and end when the other side is gone,
//! silent, or late.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use stoa_manifest::grants::Access;
use tokio::sync::oneshot;

use super::Reply;
use super::codec::{self, Room, Shape};
use super::failure::Failure;
use super::guarded::Guarded;
use crate::sql::{
    CURSOR_IDLE_MAX, CURSOR_MAX, Column, Cursor, Error, Executed, PAGE_BYTES_MAX, Row, Rows, Rules,
    Statement, TRANSACTION_IDLE_MAX, TRANSACTION_MAX, Transaction,
};

/// Calls of one conversation come one after the other.
const QUEUE_MAX: usize = 1;

/// A call of a conversation.
struct Step<A> {
    /// Gone when nobody waits for the answer.
    caller: Weak<()>,
    action: A,
}

/// Sends a call and waits for its answer. A thread that has ended the conversation answers nothing.
async fn ask<A, T>(
    thread: &SyncSender<Step<A>>,
    action: impl FnOnce(Reply<T>) -> A,
) -> Result<T, Error> {
    let alive = Arc::new(());
    let (reply, answer) = oneshot::channel();
    let step = Step {
        caller: Arc::downgrade(&alive),
        action: action(reply),
    };
    thread.try_send(step).map_err(|_| Error::TransactionOver)?;
    let answer = answer.await.map_err(|_| Error::TransactionOver)?;
    drop(alive);
    answer
}

/// The next call; `None` when the conversation is over.
fn next<A>(steps: &Receiver<Step<A>>, idle: Duration, end: Instant) -> Option<Step<A>> {
    let left = end.saturating_duration_since(Instant::now());
    steps.recv_timeout(idle.min(left)).ok()
}

// === Transactions ===

/// An open transaction, as its caller holds it.
pub(super) struct Open {
    steps: SyncSender<Step<Action>>,
}

enum Action {
    Query(Statement, Reply<Rows>),
    Execute(Statement, Reply<Executed>),
    Commit(Reply<()>),
    Rollback(Reply<()>),
}

#[async_trait::async_trait]
impl Transaction for Open {
    async fn query(&mut self, statement: Statement) -> Result<Rows, Error> {
        ask(&self.steps, |reply| Action::Query(statement, reply)).await
    }

    async fn execute(&mut self, statement: Statement) -> Result<Executed, Error> {
        ask(&self.steps, |reply| Action::Execute(statement, reply)).await
    }

    async fn commit(self: Box<Self>) -> Result<(), Error> {
        ask(&self.steps, Action::Commit).await
    }

    async fn rollback(self: Box<Self>) -> Result<(), Error> {
        ask(&self.steps, Action::Rollback).await
    }
}

/// Serves one transaction until it is over.
pub(super) fn transaction(
    connection: &Guarded,
    rules: &Arc<Rules>,
    caller: Weak<()>,
    reply: Reply<Open>,
) {
    let begun = connection.run(rules, caller, |connection| connection.begin(rules.access));
    let (steps, waiting) = sync_channel(QUEUE_MAX);
    // The sender goes with the answer, so that one that finds nobody ends the conversation at once.
    drop(reply.send(begun.map(|()| Open { steps })));
    converse(connection, rules, &waiting);
    connection.rollback();
}

fn converse(connection: &Guarded, rules: &Arc<Rules>, steps: &Receiver<Step<Action>>) {
    let end = Instant::now() + TRANSACTION_MAX;
    connection.end(Some(end));
    while let Some(step) = next(steps, TRANSACTION_IDLE_MAX, end) {
        if step.take(connection, rules).is_break() {
            break;
        }
    }
    connection.end(None);
}

impl Step<Action> {
    fn take(self, connection: &Guarded, rules: &Arc<Rules>) -> ControlFlow<()> {
        match self.action {
            Action::Query(statement, reply) => {
                let query = |connection: &Guarded| connection.query(&statement);
                settle(connection, reply, connection.run(rules, self.caller, query))
            }
            Action::Execute(statement, reply) => {
                let execute =
                    |connection: &Guarded| connection.execute(&statement, &mut Room::whole());
                settle(
                    connection,
                    reply,
                    connection.run(rules, self.caller, execute),
                )
            }
            Action::Commit(reply) => {
                let outcome = connection.run(rules, self.caller, Guarded::commit);
                connection.rollback();
                drop(reply.send(outcome));
                ControlFlow::Break(())
            }
            Action::Rollback(reply) => {
                connection.rollback();
                drop(reply.send(Ok(())));
                ControlFlow::Break(())
            }
        }
    }
}

/// Answers a call. An error ends the transaction: what was answered is true, so it is rolled back first.
fn settle<T>(connection: &Guarded, reply: Reply<T>, outcome: Result<T, Error>) -> ControlFlow<()> {
    let failed = outcome.is_err();
    if failed {
        connection.rollback();
    }
    match reply.send(outcome) {
        Ok(()) if !failed => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    }
}

// === Cursors ===

/// A result that is being read, as its caller holds it.
pub(super) struct Reading {
    columns: Vec<Column>,
    steps: SyncSender<Step<Fetch>>,
    done: bool,
}

struct Fetch {
    max: usize,
    reply: Reply<Part>,
}

/// Some rows, and whether they are the last.
#[derive(Default)]
struct Part {
    rows: Vec<Row>,
    done: bool,
}

#[async_trait::async_trait]
impl Cursor for Reading {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    async fn next(&mut self, max: usize) -> Result<Vec<Row>, Error> {
        if self.done {
            return Ok(Vec::new());
        }
        let part = ask(&self.steps, |reply| Fetch { max, reply }).await?;
        self.done = part.done;
        Ok(part.rows)
    }
}

/// Serves one cursor until it is over.
pub(super) fn cursor(
    connection: &Guarded,
    rules: &Arc<Rules>,
    caller: Weak<()>,
    statement: &Statement,
    reply: Reply<Reading>,
) {
    let mut opened = Some(reply);
    let served = connection.run(rules, caller, |connection| {
        serve(connection, rules, statement, &mut opened)
    });
    if let (Err(error), Some(reply)) = (served, opened) {
        drop(reply.send(Err(error)));
    }
    connection.rollback();
}

/// Errors before the cursor is open are returned and `opened` is left; later ones are answered to who asked.
fn serve(
    connection: &Guarded,
    rules: &Arc<Rules>,
    statement: &Statement,
    opened: &mut Option<Reply<Reading>>,
) -> Result<(), Failure> {
    // In a transaction, so that no change of the schema comes between the columns and the rows.
    connection.begin(Access::Read)?;
    let mut compiled = connection.reading(statement)?;
    let shape = Shape::of(compiled.statement());
    let (steps, waiting) = sync_channel(QUEUE_MAX);
    let reading = Reading {
        columns: shape.columns.clone(),
        steps,
        done: false,
    };
    if opened
        .take()
        .is_some_and(|reply| reply.send(Ok(reading)).is_ok())
    {
        let mut rows = compiled.statement().raw_query();
        fetch_all(connection, rules, &shape, &mut rows, &waiting);
    }
    Ok(())
}

fn fetch_all(
    connection: &Guarded,
    rules: &Arc<Rules>,
    shape: &Shape,
    rows: &mut rusqlite::Rows<'_>,
    steps: &Receiver<Step<Fetch>>,
) {
    let end = Instant::now() + CURSOR_MAX;
    connection.end(Some(end));
    while let Some(Step { caller, action }) = next(steps, CURSOR_IDLE_MAX, end) {
        connection.watch(rules, caller);
        let part = fetch(shape, rows, action.max);
        let part = part.map_err(|failure| connection.explain(failure, rules));
        let goes_on = part.as_ref().is_ok_and(|part| !part.done);
        if action.reply.send(part).is_err() || !goes_on {
            break;
        }
    }
    connection.end(None);
}

fn fetch(shape: &Shape, rows: &mut rusqlite::Rows<'_>, max: usize) -> Result<Part, Failure> {
    let (mut part, mut bytes) = (Part::default(), 0);
    while part.rows.len() < max && bytes < PAGE_BYTES_MAX {
        let Some(row) = rows.next()? else {
            part.done = true;
            break;
        };
        let values = shape.read(row)?;
        bytes += codec::bytes(&values);
        part.rows.push(values);
    }
    Ok(part)
}
