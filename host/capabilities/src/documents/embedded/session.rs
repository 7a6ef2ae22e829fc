//! A connection with what the statements of this store need: the layout they go by, and functions in host code.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, ErrorCode, Transaction, ffi};
use serde_json::Value;
use tracing::error;

use super::schema::{Collection, Layout, Shared};
use crate::documents::key::{self, Key, Subject};
use crate::documents::{Error, Filter};

/// A call that reads takes at most so long, from when it was asked: a filter that no index serves looks at every document.
pub(super) const READ_MAX: Duration = Duration::from_secs(10);
/// The thread that writes looks for documents at most so long: everybody else's writes wait meanwhile.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// The clock is read after so many of SQLite's steps.
const STEPS_PER_LOOK: i32 = 10_000;

/// What a statement in progress is held to.
struct Current {
    /// What `stoa_holds` decides by.
    filter: Filter,
    /// When the statement is ended.
    end: Option<Instant>,
}

impl Current {
    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Host code that runs for each document asks for itself: between two of SQLite's looks at the clock, it may have to
    /// read thousands of large bodies. What it answers ends the statement as SQLite itself does.
    fn in_time(&self) -> rusqlite::Result<()> {
        match self.is_over() {
            true => Err(rusqlite::Error::SqliteFailure(
                ffi::Error::new(ffi::SQLITE_INTERRUPT),
                None,
            )),
            false => Ok(()),
        }
    }
}

/// The bound of what is in progress, which ends with it: a panic leaves none for the next call.
struct Bound<'s>(&'s Mutex<Current>);

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        lock(self.0).end = None;
    }
}

pub(super) struct Session {
    connection: Connection,
    shared: Arc<Shared>,
    /// What the call in progress goes by.
    layout: RefCell<Arc<Layout>>,
    current: Arc<Mutex<Current>>,
}

/// Why a call did not happen: its own fault, or the database's.
pub(super) enum Failure {
    Call(Error),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    /// A statement that was ended has changed nothing: only those that read are.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => {
                Self::Call(Error::Deadline { limit: READ_MAX })
            }
            _ => Self::Database(error),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Call(error) => error,
            Self::Database(error) => unavailable(&error),
        }
    }
}

/// What SQLite said stays in the log; the guest learns that the store is unavailable.
pub(super) fn unavailable(source: &rusqlite::Error) -> Error {
    error!(error = %source, "embedded document store failed");
    Error::Unavailable
}

impl Session {
    pub(super) fn new(connection: Connection, shared: Arc<Shared>) -> rusqlite::Result<Self> {
        let current = Arc::new(Mutex::new(Current {
            filter: Filter::default(),
            end: None,
        }));
        add_functions(&connection, &current)?;
        let watched = Arc::clone(&current);
        let is_over = move || lock(&watched).is_over();
        connection.progress_handler(STEPS_PER_LOOK, Some(is_over))?;
        let layout = RefCell::new(Arc::clone(&shared.read()));
        Ok(Self {
            connection,
            shared,
            layout,
            current,
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A collection that is declared. What may be asked for is the handle's business, so that a miss is the host's
    /// mistake; it is answered like one that was not granted.
    pub(super) fn collection(&self, name: &str) -> Result<Arc<Collection>, Error> {
        let layout = self.layout.borrow();
        let collection = layout.collection(name).cloned();
        collection.ok_or_else(|| Error::Denied(format!("the collection `{name}`")))
    }

    pub(super) fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout.borrow())
    }

    /// Exchanges the layout, for this thread and for all that read. Only the thread that writes does so, between two
    /// transactions: what it wrote in one was for one layout.
    pub(super) fn publish(&self, layout: Layout) {
        let layout = Arc::new(layout);
        *self.layout.borrow_mut() = Arc::clone(&layout);
        self.shared.publish(layout);
    }

    /// Reads at one moment, and not beyond `end`.
    pub(super) fn moment<T>(
        &self,
        end: Instant,
        work: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let _moment = self.begin()?;
        self.bounded(end, work)
    }

    /// The moment begins with the first statement, and must not come after the plan: a plan that was made before the
    /// first array was stored does not look for elements. Nor must it come before the layout, which may name what was not
    /// complete then; and the layout is not exchanged in between, because what the one before names may be removed after.
    fn begin(&self) -> rusqlite::Result<Transaction<'_>> {
        let layout = self.shared.read();
        *self.layout.borrow_mut() = Arc::clone(&layout);
        let moment = self.connection.unchecked_transaction()?;
        moment
            .prepare_cached("SELECT version FROM sequence")?
            .query_row([], |_| Ok(()))?;
        Ok(moment)
    }

    /// Looks for documents in the thread that writes. Nothing is written in here: to end such a statement would roll back
    /// the transaction. What goes wrong is this call's alone, as long as the transaction is there.
    pub(super) fn look<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match self.bounded(Instant::now() + LOOK_MAX, work) {
            Err(Failure::Call(Error::Deadline { .. })) => {
                Err(Failure::Call(Error::Deadline { limit: LOOK_MAX }))
            }
            Err(Failure::Database(error)) if !self.connection.is_autocommit() => {
                Err(Failure::Call(unavailable(&error)))
            }
            outcome => outcome,
        }
    }

    fn bounded<T>(
        &self,
        end: Instant,
        work: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        lock(&self.current).end = Some(end);
        let _bound = Bound(&self.current);
        work(self)
    }

    /// For host code that goes over many documents: whether there is time left.
    pub(super) fn in_time(&self) -> Result<(), Failure> {
        Ok(lock(&self.current).in_time()?)
    }

    /// What `stoa_holds` decides by from now on.
    pub(super) fn set_filter(&self, filter: &Filter) {
        lock(&self.current).filter = filter.clone();
    }
}

/// What a call that panicked left here is not used: each sets its own bound and its own filter.
fn lock(current: &Mutex<Current>) -> std::sync::MutexGuard<'_, Current> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `stoa_holds(body, id)`: whether a document fulfils the current filter. `stoa_key(body, path)`: the key of a value.
fn add_functions(connection: &Connection, current: &Arc<Mutex<Current>>) -> rusqlite::Result<()> {
    let (asked, timed) = (Arc::clone(current), Arc::clone(current));
    let holds = move |context: &Context<'_>| -> rusqlite::Result<bool> {
        let current = lock(&asked);
        current.in_time()?;
        let body = body(context)?;
        let id = context.get_raw(1).as_blob().unwrap_or_default();
        let id = std::str::from_utf8(id).ok();
        Ok(current.filter.holds(Subject { id, body: &body }))
    };
    // It depends on the current filter: SQLite must not keep an answer for the same arguments.
    connection.create_scalar_function("stoa_holds", 2, FunctionFlags::SQLITE_UTF8, holds)?;
    let key = move |context: &Context<'_>| -> rusqlite::Result<Key> {
        lock(&timed).in_time()?;
        let path: String = context.get(1)?;
        Ok(key::of_value(key::at(&body(context)?, &path)))
    };
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("stoa_key", 2, flags, key)
}

fn body(context: &Context<'_>) -> rusqlite::Result<Value> {
    parse(context.get_raw(0).as_bytes().unwrap_or_default())
}

/// A stored body: it was found to be a document when it was written.
pub(super) fn parse(body: &[u8]) -> rusqlite::Result<Value> {
    serde_json::from_slice(body)
        .map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
}
