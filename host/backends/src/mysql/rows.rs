//! A statement at work: its columns, then its rows as they are taken. Nothing is read while nobody waits for it.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use stoa_capabilities::mysql::{self, Answer, Column, Error, Row, Value, row_bytes};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::failure::{self, Failure};
use super::session::Session;
use super::{given_up, value};
use crate::pool::Lent;

/// What is handed on at once: enough that the way costs little, and little to hold.
const ROWS_AT_ONCE: usize = 256;
const BYTES_AT_ONCE: usize = 256 * 1024;

/// A session that nobody else uses meanwhile.
pub(super) type Held = OwnedMutexGuard<Lent<Session>>;

/// Rows that are still to come.
struct Rows {
    /// Gone when it is done.
    held: Option<Held>,
    first: First,
}

/// The first result, which is the one that was asked for.
struct First {
    columns: Vec<Column>,
    /// What its rows so far hold.
    bytes: usize,
    /// What was read and not yet handed on.
    batch: Batch,
    /// Whether all of it was read.
    ended: bool,
}

/// What there is to be had of a result.
enum Next {
    Row(Row),
    End,
    /// It would be waited for, although there is something to hand on.
    Later,
}

#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    bytes: usize,
}

/// A session for a call, when those before it are done.
pub(super) async fn hold(session: &Arc<Mutex<Lent<Session>>>) -> Result<Held, Error> {
    let held = Arc::clone(session).lock_owned().await;
    match held.session().is_midway() {
        true => Err(given_up()),
        false => Ok(held),
    }
}

/// Runs a statement until its columns are known.
pub(super) async fn query(
    mut held: Held,
    statement: &str,
    parameters: &[Value],
) -> Result<Answer, Error> {
    let session = held.session_mut();
    let limit = session.result_bytes_max;
    let started = session.start(statement, parameters).await;
    let columns = started.map_err(|failure| failure::querying(failure, limit))?;
    let over = session.is_idle();
    Ok(Answer {
        columns: columns.clone(),
        rows: Box::new(Rows {
            held: (!over).then_some(held),
            first: First {
                columns,
                bytes: 0,
                batch: Batch::default(),
                ended: false,
            },
        }),
    })
}

/// Runs a statement whose rows nobody wants.
pub(super) async fn execute(
    mut held: Held,
    statement: &str,
    parameters: &[Value],
) -> Result<(), Error> {
    let session = held.session_mut();
    let limit = session.result_bytes_max;
    let executed = match session.start(statement, parameters).await {
        Ok(_) => session.finish().await,
        Err(failure) => Err(failure),
    };
    executed.map_err(|failure| failure::querying(failure, limit))
}

// === impl Rows ===

#[async_trait]
impl mysql::Rows for Rows {
    async fn next(&mut self) -> Result<Vec<Row>, Error> {
        let Some(held) = &mut self.held else {
            return Ok(Vec::new());
        };
        let session = held.session_mut();
        let limit = session.result_bytes_max;
        let read = self.first.read(session).await;
        if read.is_err() || session.is_idle() {
            // Others may use the session.
            self.held = None;
        }
        read.map_err(|failure| failure::querying(failure, limit))
    }
}

// === impl First ===

impl First {
    /// Rows that are worth handing on, or all that are here; none at the end of all results. Given up midway, nothing is
    /// lost.
    async fn read(&mut self, session: &mut Session) -> Result<Vec<Row>, Failure> {
        while !self.ended && !self.batch.is_full() {
            match self.next(session).await? {
                Next::Row(row) => self.batch.push(row),
                Next::End => self.ended = true,
                Next::Later => break,
            }
        }
        if self.batch.rows.is_empty() {
            session.finish().await?;
        }
        Ok(std::mem::take(&mut self.batch).rows)
    }

    async fn next(&mut self, session: &mut Session) -> Result<Next, Failure> {
        if !session.has_rows() {
            return Ok(Next::End);
        }
        let limit = session.result_bytes_max;
        let arriving = session.row(limit.saturating_sub(self.bytes));
        let packet = match self.batch.rows.is_empty() {
            true => arriving.await?,
            false => match arriving.now_or_never() {
                Some(packet) => packet?,
                None => return Ok(Next::Later),
            },
        };
        let Some(packet) = packet else {
            return Ok(Next::End);
        };
        let row = session.settled(value::row(&packet, &self.columns))?;
        self.bytes = self.bytes.saturating_add(row_bytes(&row));
        match self.bytes > limit {
            true => Err(Failure::TooLarge),
            false => Ok(Next::Row(row)),
        }
    }
}

// === impl Batch ===

impl Batch {
    fn push(&mut self, row: Row) {
        self.bytes += row_bytes(&row);
        self.rows.push(row);
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= ROWS_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }
}
