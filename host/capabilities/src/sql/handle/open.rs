//! Transactions and cursors behind a grant. Calls on one run one after the other; the first that fails ends it.

use std::sync::Arc;

use stoa_manifest::grants::Access;
use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::{Handle, Operation};
use crate::sql::{Column, Cursor, Error, Executed, ROWS_MAX, Row, Rows, Statement, Transaction};

impl Handle {
    /// Starts a transaction that reads, or also writes.
    pub async fn begin(&self, access: Access) -> Result<OpenTransaction, Error> {
        self.call(Operation::Begin, async {
            let rules = match access {
                Access::Read => &self.inner.reading,
                Access::ReadWrite => {
                    self.writable()?;
                    &self.inner.writing
                }
            };
            let permit = self.may_open().await?;
            let transaction = self.inner.database.begin(rules).await?;
            Ok(OpenTransaction {
                handle: self.clone(),
                open: Arc::new(Slot::of(transaction, permit)),
            })
        })
        .await
    }

    /// The result of a statement that reads, part by part.
    pub async fn cursor(&self, statement: Statement) -> Result<OpenCursor, Error> {
        self.call(Operation::Cursor, async {
            let _held = self.hold(std::slice::from_ref(&statement))?;
            let statement = statement.canonical()?;
            let permit = self.may_open().await?;
            let inner = &self.inner;
            let cursor = inner.database.cursor(&inner.reading, statement).await?;
            Ok(OpenCursor {
                handle: self.clone(),
                columns: cursor.columns().into(),
                open: Arc::new(Slot::of(cursor, permit)),
            })
        })
        .await
    }

    async fn may_open(&self) -> Result<OwnedSemaphorePermit, Error> {
        let open = Arc::clone(&self.inner.open);
        open.acquire_owned().await.map_err(|_| Error::Unavailable)
    }
}

/// What is open, until it is over. A call takes it out and puts it back only when it succeeds, so that one that fails or
/// is dropped ends it.
struct Slot<T: ?Sized>(Mutex<Option<(Box<T>, OwnedSemaphorePermit)>>);

impl<T: ?Sized> Slot<T> {
    fn of(open: Box<T>, permit: OwnedSemaphorePermit) -> Self {
        Self(Mutex::new(Some((open, permit))))
    }
}

/// A transaction of a component. Clones are the same one; when the last is dropped, it is rolled back.
#[derive(Clone)]
pub struct OpenTransaction {
    handle: Handle,
    open: Arc<Slot<dyn Transaction>>,
}

impl OpenTransaction {
    /// The whole result of a statement that reads.
    pub async fn query(&self, statement: Statement) -> Result<Rows, Error> {
        self.handle
            .call(Operation::Query, async {
                let mut slot = self.open.0.lock().await;
                let (mut transaction, permit) = slot.take().ok_or(Error::TransactionOver)?;
                let _held = self.handle.hold(std::slice::from_ref(&statement))?;
                let statement = statement.canonical()?;
                let _result = self.handle.result().await?;
                let rows = transaction.query(statement).await?;
                *slot = Some((transaction, permit));
                Ok(rows)
            })
            .await
    }

    /// Runs one statement.
    pub async fn execute(&self, statement: Statement) -> Result<Executed, Error> {
        self.handle
            .call(Operation::Execute, async {
                let mut slot = self.open.0.lock().await;
                let (mut transaction, permit) = slot.take().ok_or(Error::TransactionOver)?;
                let _held = self.handle.hold(std::slice::from_ref(&statement))?;
                let statement = statement.canonical()?;
                let _result = self.handle.result().await?;
                let executed = transaction.execute(statement).await?;
                *slot = Some((transaction, permit));
                Ok(executed)
            })
            .await
    }

    /// Makes it take effect. Later calls find it over.
    pub async fn commit(&self) -> Result<(), Error> {
        self.handle
            .call(Operation::Commit, async {
                let taken = self.open.0.lock().await.take();
                let (transaction, _permit) = taken.ok_or(Error::TransactionOver)?;
                transaction.commit().await
            })
            .await
    }

    /// Undoes it. Later calls find it over.
    pub async fn rollback(&self) -> Result<(), Error> {
        self.handle
            .call(Operation::Rollback, async {
                let taken = self.open.0.lock().await.take();
                let (transaction, _permit) = taken.ok_or(Error::TransactionOver)?;
                transaction.rollback().await
            })
            .await
    }
}

/// A cursor of a component. Clones are the same one; when the last is dropped, it is closed.
#[derive(Clone)]
pub struct OpenCursor {
    handle: Handle,
    columns: Arc<[Column]>,
    open: Arc<Slot<dyn Cursor>>,
}

impl OpenCursor {
    /// What the values are.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows, 1 to `max` of them; none exactly at the end.
    pub async fn next(&self, max: usize) -> Result<Vec<Row>, Error> {
        self.handle
            .call(Operation::Next, async {
                if !(1..=ROWS_MAX).contains(&max) {
                    let message = format!("a part of a result has 1 to {ROWS_MAX} rows");
                    return Err(Error::Invalid(message));
                }
                let mut slot = self.open.0.lock().await;
                let (mut cursor, permit) = slot.take().ok_or(Error::TransactionOver)?;
                let _result = self.handle.result().await?;
                let rows = cursor.next(max).await?;
                *slot = Some((cursor, permit));
                Ok(rows)
            })
            .await
    }
}
