//! A connection that is open, and the task that drives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stoa_capabilities::postgres::Error;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Statement};

use super::failure;
use super::kept::Kept;
use crate::pool;

/// Undoes what a user of the connection left in the session: what Spin's pool does, after the transaction was ended.
/// Prepared statements stay, because the driver keeps some of its own.
const RESET: &str = "ROLLBACK; CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; \
     SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

pub(super) struct Session {
    pub(super) client: Client,
    /// Ends with the session, and the socket with it.
    driving: JoinHandle<()>,
    too_large: Arc<AtomicBool>,
    kept: Arc<Kept>,
    /// Whose turn it is to send a statement.
    turns: Mutex<()>,
    pub(super) result_bytes_max: usize,
}

impl Session {
    pub(super) fn new(
        client: Client,
        driving: JoinHandle<()>,
        too_large: Arc<AtomicBool>,
        kept: Arc<Kept>,
        result_bytes_max: usize,
    ) -> Self {
        Self {
            client,
            driving,
            too_large,
            kept,
            turns: Mutex::new(()),
            result_bytes_max,
        }
    }

    /// Waits until nobody else sends a statement, so that what the server says while one is prepared belongs to that.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turns.lock().await
    }

    /// Prepares a statement, and learns about the types in it. It takes a [`turn`](Self::turn).
    pub(super) async fn prepare(
        &self,
        statement: &str,
        _turn: &MutexGuard<'_, ()>,
    ) -> Result<Statement, tokio_postgres::Error> {
        let _preparing = self.kept.preparing();
        self.client.prepare(statement).await
    }

    /// What the guest is told of an error of the driver, which does not know why we cut a connection. Once: later calls
    /// fail because it is closed.
    pub(super) fn failed(&self, error: &tokio_postgres::Error) -> Error {
        match self.too_large.swap(false, Ordering::Relaxed) {
            true => Error::TooLarge(self.result_bytes_max),
            false => failure::querying(error),
        }
    }
}

impl pool::Session for Session {
    fn is_open(&self) -> bool {
        !self.client.is_closed() && !self.kept.is_worn()
    }

    async fn reset(&mut self) -> bool {
        self.client.batch_execute(RESET).await.is_ok()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driving.abort();
    }
}
