//! A granted database: the only form in which a component ever holds one.

mod large;
mod open;
#[cfg(test)]
mod tests;

pub use open::{OpenCursor, OpenTransaction};

use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::ComponentId;
use stoa_manifest::grants::Access;
use stoa_manifest::grants::sql::Grant;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{info, warn};

use super::{
    CALL_BYTES_MAX, Database, Error, Executed, OPEN_MAX, PARAMETERS_MAX, ROW_BYTES_MAX, Rows,
    Rules, STATEMENTS_PER_BATCH_MAX, Statement, TEXT_BYTES_MAX,
};
use crate::metrics::{SQL_CALLS_TOTAL, SQL_REFUSED_TOTAL};
use crate::quota::Rate;
use crate::{Bounds, Holder};

/// Calls of one component on one database whose results may be in this host's memory at once; each is bounded. More
/// wait.
const RESULTS_MAX: usize = 16;
/// Calls that may wait with what they bring, which is bounded too. More are refused: to wait with it is to hold it.
const CALLS_MAX: usize = 256;
/// What all calls bring holds at most so many bytes at once.
const HELD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A database behind a component's grant. Cheap to clone; checks sizes, bounds the wait and what is held in memory,
/// counts and logs refusals. What a statement may do is left to the database, which is given the grant's rules.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    database: Arc<dyn Database>,
    /// For calls that only read, whatever the grant.
    reading: Arc<Rules>,
    writing: Arc<Rules>,
    holder: Holder,
    bounds: Bounds,
    rate: Rate,
    calls: Semaphore,
    held_bytes: Semaphore,
    results: Semaphore,
    /// Transactions and cursors that may still be opened.
    open: Arc<Semaphore>,
    /// Registered when the grant is resolved, so that a call that succeeds formats and looks up nothing.
    succeeded: [metrics::Counter; Operation::ALL.len()],
}

#[derive(Clone, Copy)]
enum Operation {
    Query,
    Cursor,
    Next,
    Execute,
    Batch,
    Begin,
    Commit,
    Rollback,
}

impl Operation {
    const ALL: [Self; 8] = [
        Self::Query,
        Self::Cursor,
        Self::Next,
        Self::Execute,
        Self::Batch,
        Self::Begin,
        Self::Commit,
        Self::Rollback,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Cursor => "cursor",
            Self::Next => "next",
            Self::Execute => "execute",
            Self::Batch => "batch",
            Self::Begin => "begin",
            Self::Commit => "commit",
            Self::Rollback => "rollback",
        }
    }
}

impl Handle {
    /// Puts `database` behind `grant`. `bounds` hold for every call.
    pub fn new(database: Arc<dyn Database>, grant: Grant, holder: Holder, bounds: Bounds) -> Self {
        let succeeded = Operation::ALL.map(|operation| counter(&holder, operation, "ok"));
        let writing = Rules::of(&grant);
        Self {
            inner: Arc::new(Inner {
                database,
                reading: Arc::new(writing.reading()),
                writing: Arc::new(writing),
                holder,
                bounds,
                rate: Rate::new(grant.quota.calls_per_second_max),
                calls: Semaphore::new(CALLS_MAX),
                held_bytes: Semaphore::new(HELD_BYTES_MAX),
                results: Semaphore::new(RESULTS_MAX),
                open: Arc::new(Semaphore::new(OPEN_MAX)),
                succeeded,
            }),
        }
    }

    /// The component it was granted to.
    pub fn component(&self) -> &ComponentId {
        &self.inner.holder.component
    }

    /// The label it was granted under.
    pub fn label(&self) -> &str {
        self.inner.holder.label.as_str()
    }

    /// The longest that a call takes.
    pub fn deadline(&self) -> Duration {
        self.inner.bounds.deadline
    }

    /// The whole result of a statement that reads.
    pub async fn query(&self, statement: Statement) -> Result<Rows, Error> {
        self.call(Operation::Query, async {
            let _held = self.hold(std::slice::from_ref(&statement))?;
            let statement = statement.canonical()?;
            let _result = self.result().await?;
            let inner = &self.inner;
            inner.database.query(&inner.reading, statement).await
        })
        .await
    }

    /// Runs one statement in a transaction of its own.
    pub async fn execute(&self, statement: Statement) -> Result<Executed, Error> {
        self.call(Operation::Execute, async {
            self.writable()?;
            let _held = self.hold(std::slice::from_ref(&statement))?;
            let statement = statement.canonical()?;
            let _result = self.result().await?;
            let inner = &self.inner;
            inner.database.execute(&inner.writing, statement).await
        })
        .await
    }

    /// Runs all statements in one transaction, or none.
    pub async fn execute_batch(&self, statements: Vec<Statement>) -> Result<Vec<Executed>, Error> {
        self.call(Operation::Batch, async {
            self.writable()?;
            let _held = self.hold(&statements)?;
            let statements = statements.into_iter().map(Statement::canonical);
            let statements = statements.collect::<Result<_, _>>()?;
            let _result = self.result().await?;
            let inner = &self.inner;
            inner.database.batch(&inner.writing, statements).await
        })
        .await
    }

    /// Runs one call under the deadline, counts it, and reports why it failed.
    async fn call<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let limit = self.inner.bounds.deadline;
        let outcome = match self.inner.rate.take() {
            Ok(()) => tokio::time::timeout(limit, work)
                .await
                .unwrap_or(Err(Error::Deadline { limit })),
            Err(exceeded) => Err(exceeded.into()),
        };
        match &outcome {
            Ok(_) => self.inner.succeeded[operation as usize].increment(1),
            Err(error) => self.report(operation, error),
        }
        outcome
    }

    fn report(&self, operation: Operation, error: &Error) {
        let Holder {
            component,
            revision,
            label,
        } = &self.inner.holder;
        counter(&self.inner.holder, operation, error.code()).increment(1);
        let operation = operation.name();
        match error {
            Error::Denied(_) | Error::Quota(_) => {
                let (component_, label_) = (component.to_string(), label.to_string());
                metrics::counter!(SQL_REFUSED_TOTAL, "component" => component_, "label" => label_, "operation" => operation)
                    .increment(1);
                info!(%component, revision, %label, operation, %error, "sql call refused");
            }
            Error::Deadline { .. } | Error::Unavailable => {
                warn!(%component, revision, %label, operation, %error, "sql call failed");
            }
            Error::Invalid(_)
            | Error::Constraint { .. }
            | Error::Conflict
            | Error::TooLarge { .. }
            | Error::TransactionOver => {}
        }
    }

    /// Early, so that a refusal does not depend on what the statement is.
    fn writable(&self) -> Result<(), Error> {
        match self.inner.writing.access {
            Access::ReadWrite => Ok(()),
            Access::Read => Err(Error::Denied(format!(
                "`{}` may only be read",
                self.inner.holder.label
            ))),
        }
    }

    /// Checks what a call brings, and counts it as held.
    fn hold(&self, statements: &[Statement]) -> Result<Held<'_>, Error> {
        let bytes = measure(statements)?;
        let bytes = u32::try_from(bytes).map_err(|_| Error::TooLarge {
            limit: CALL_BYTES_MAX,
        })?;
        let full = |_| Error::Unavailable;
        Ok(Held {
            _call: self.inner.calls.try_acquire().map_err(full)?,
            _bytes: self
                .inner
                .held_bytes
                .try_acquire_many(bytes)
                .map_err(full)?,
        })
    }

    /// Waits for room for a result. The caller has a deadline.
    async fn result(&self) -> Result<SemaphorePermit<'_>, Error> {
        let room = self.inner.results.acquire().await;
        room.map_err(|_| Error::Unavailable)
    }
}

/// What a call holds while it waits.
struct Held<'a> {
    _call: SemaphorePermit<'a>,
    _bytes: SemaphorePermit<'a>,
}

fn counter(holder: &Holder, operation: Operation, outcome: &'static str) -> metrics::Counter {
    let operation = operation.name();
    metrics::counter!(SQL_CALLS_TOTAL, "label" => holder.label.to_string(), "operation" => operation, "outcome" => outcome)
}

/// What the statements of a call hold, if that is within the limits.
fn measure(statements: &[Statement]) -> Result<usize, Error> {
    if !(1..=STATEMENTS_PER_BATCH_MAX).contains(&statements.len()) {
        return Err(Error::Invalid(format!(
            "a call has 1 to {STATEMENTS_PER_BATCH_MAX} statements"
        )));
    }
    let mut total = 0;
    for statement in statements {
        within(statement.text.len(), TEXT_BYTES_MAX)?;
        if statement.parameters.len() > PARAMETERS_MAX {
            let message = format!("a statement has at most {PARAMETERS_MAX} parameters");
            return Err(Error::Invalid(message));
        }
        for value in &statement.parameters {
            within(value.bytes(), ROW_BYTES_MAX)?;
        }
        total += statement.bytes();
        within(total, CALL_BYTES_MAX)?;
    }
    Ok(total)
}

fn within(bytes: usize, limit: usize) -> Result<(), Error> {
    match bytes <= limit {
        true => Ok(()),
        false => Err(Error::TooLarge { limit }),
    }
}
