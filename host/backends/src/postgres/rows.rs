//! The rows of a result, as they arrive. The server waits when they are not taken.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use stoa_capabilities::postgres::{self, Error, Row, row_bytes};
use tokio_postgres::RowStream;

use super::column::{self, Room};
use super::session::Session;
use crate::pool::Lent;

/// What is handed on at once: enough that the way costs little, and little to hold.
const ROWS_AT_ONCE: usize = 256;
const BYTES_AT_ONCE: usize = 256 * 1024;

pub(super) struct Rows {
    /// Gone after the last row, and after an error.
    stream: Option<Pin<Box<RowStream>>>,
    bytes: usize,
    /// An error that came after rows that were still good.
    failed: Option<Error>,
    /// The connection, which nobody else gets until this ends. Spoilt if that is before the last row.
    lent: Arc<Lent<Session>>,
}

impl Rows {
    pub(super) fn new(lent: Arc<Lent<Session>>, stream: RowStream) -> Self {
        Self {
            stream: Some(Box::pin(stream)),
            bytes: 0,
            failed: None,
            lent,
        }
    }

    /// Counts a row, and reads it.
    fn row(&mut self, row: &tokio_postgres::Row) -> Result<Row, Error> {
        let limit = self.lent.session().result_bytes_max;
        let row = column::row(row, Room::beside(self.bytes, limit))?;
        self.bytes = self.bytes.saturating_add(row_bytes(&row));
        match self.bytes > limit {
            true => Err(Error::TooLarge(limit)),
            false => Ok(row),
        }
    }

    fn read(
        &mut self,
        row: Result<tokio_postgres::Row, tokio_postgres::Error>,
    ) -> Result<Row, Error> {
        match row {
            Ok(row) => {
                let read = self.row(&row);
                if read.is_err() {
                    self.give_up();
                }
                read
            }
            Err(error) => {
                // The server has said its last word about this statement.
                self.stream = None;
                Err(self.lent.session().failed(&error))
            }
        }
    }

    fn give_up(&mut self) {
        if self.stream.take().is_some() {
            self.lent.spoil();
        }
    }
}

#[async_trait]
impl postgres::Rows for Rows {
    async fn next(&mut self) -> Result<Vec<Row>, Error> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let (mut rows, before) = (Vec::new(), self.bytes);
        while rows.len() < ROWS_AT_ONCE && self.bytes - before < BYTES_AT_ONCE {
            let Some(stream) = &mut self.stream else {
                break;
            };
            // For the first one it waits, the others must be there.
            let row = match rows.is_empty() {
                true => stream.next().await,
                false => match stream.next().now_or_never() {
                    Some(row) => row,
                    None => break,
                },
            };
            let Some(row) = row else {
                self.stream = None;
                break;
            };
            match self.read(row) {
                Ok(row) => rows.push(row),
                Err(error) if rows.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(rows)
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.give_up();
    }
}
