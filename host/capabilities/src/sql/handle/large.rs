//! Statements of contracts that know neither parts nor rows that are too many: Spin's. A whole result is what it is for all
//! others, and one that is larger is read again part by part, up to [`crate::Bounds::result_bytes_max`]. Only what reads
//! is: a statement that writes has been undone, and would have to be run twice.

use stoa_manifest::grants::Access;
use tokio::sync::SemaphorePermit;

use super::Handle;
use crate::sql::{Error, Executed, ROWS_MAX, Row, Rows, Statement, Value};

impl Handle {
    /// Runs one statement that reads or writes, for interfaces that do not tell them apart. A result of at most
    /// `result_bytes_max` if it reads, and otherwise what [`Self::execute`] allows.
    pub async fn run(&self, statement: Statement) -> Result<Executed, Error> {
        let first = match self.inner.writing.access {
            Access::ReadWrite => self.execute(statement.clone()).await,
            Access::Read => self.query(statement.clone()).await.map(reading),
        };
        let Err(Error::TooLarge { limit }) = first else {
            return first;
        };
        match self.in_parts(statement).await {
            // It writes, or what was too large is the statement itself.
            Err(Error::Denied(_)) => Err(Error::TooLarge { limit }),
            rows => rows.map(reading),
        }
    }

    async fn in_parts(&self, statement: Statement) -> Result<Rows, Error> {
        let limit = self.inner.bounds.deadline;
        tokio::time::timeout(limit, self.gathered(statement))
            .await
            .unwrap_or(Err(Error::Deadline { limit }))
    }

    async fn gathered(&self, statement: Statement) -> Result<Rows, Error> {
        let bytes_max = self.inner.bounds.result_bytes_max;
        let cursor = self.cursor(statement).await?;
        let (mut rows, mut held, mut total) = (Vec::new(), Vec::new(), 0);
        loop {
            let part = cursor.next(ROWS_MAX).await?;
            if part.is_empty() {
                let columns = cursor.columns().to_vec();
                return Ok(Rows { columns, rows });
            }
            let bytes = part.iter().map(weight).sum::<usize>();
            total += bytes;
            if total > bytes_max {
                return Err(Error::TooLarge { limit: bytes_max });
            }
            held.push(self.room(bytes)?);
            rows.extend(part);
        }
    }

    /// What does not fit beside what other calls hold is refused: to wait would be to hold what needs the room.
    fn room(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Error> {
        let bytes = u32::try_from(bytes).map_err(|_| Error::Unavailable)?;
        let room = self.inner.held_bytes.try_acquire_many(bytes);
        room.map_err(|_| Error::Unavailable)
    }
}

fn reading(returned: Rows) -> Executed {
    Executed {
        returned,
        ..Executed::default()
    }
}

/// What a row takes: many rows of few small numbers are mostly what keeps them.
fn weight(row: &Row) -> usize {
    size_of::<Row>() + row.iter().map(Value::bytes).sum::<usize>()
}
