//! The threads: one takes what is waiting, commits it in one transaction, then answers; the others read.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Transaction, TransactionBehavior};
use stoa_manifest::grants::documents::Collection;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tracing::error;

use super::QUEUE_CALLS_MAX;
use super::schema::{self, ShapeError, Turn};
use super::session::{Failure, Session, unavailable};
use crate::documents::{DeclareError, Error};
use crate::metrics::DOCUMENTS_EMBEDDED_BATCH_CALLS;
use crate::sqlite::Log;

/// Calls that share one commit: enough to spread its cost, few enough that the first does not wait for long.
const CALLS_PER_COMMIT_MAX: usize = 256;
/// Bytes that share one commit, unless one call alone brings more.
const BYTES_PER_COMMIT_MAX: usize = 32 * 1024 * 1024;
/// A commit takes no more calls after so long: a call that looks at many documents does not keep others from their answer.
const TIME_PER_COMMIT_MAX: Duration = Duration::from_millis(50);
/// Where the log could not be started anew for so long, readers are at work that take their time.
const LOG_WAIT_MAX: Duration = Duration::from_secs(1);
/// Then it grows on for so long before the writer waits again.
const LOG_REST: Duration = Duration::from_secs(60);
/// Declarations that wait for one that is being made; more are refused.
const DECLARATIONS_WAITING_MAX: usize = 16;

type Reply<T> = oneshot::Sender<Result<T, Error>>;
pub(super) type ReadCall = Box<dyn Reading>;
/// An answer that is held back until its transaction is committed; it is told whether that went well.
type Answer = Box<dyn FnOnce(bool)>;

/// A call that reads.
pub(super) struct Read<T, W> {
    pub(super) reply: Reply<T>,
    /// When it is ended.
    pub(super) end: Instant,
    /// Its place in the queue, which is free again when the call is dropped.
    pub(super) place: OwnedSemaphorePermit,
    pub(super) work: W,
}

pub(super) trait Reading: Send {
    /// Answers the caller, unless it has gone meanwhile.
    fn serve(self: Box<Self>, session: &Session);
}

impl<T, W> Reading for Read<T, W>
where
    T: Send,
    W: FnOnce(&Session) -> Result<T, Failure> + Send,
{
    fn serve(self: Box<Self>, session: &Session) {
        let Self {
            reply,
            end,
            place,
            work,
        } = *self;
        if reply.is_closed() {
            return;
        }
        let result = session.moment(end, work).map_err(Failure::into_error);
        drop(place);
        // A reply that finds nobody is no error.
        drop(reply.send(result));
    }
}

/// A call for the thread that writes.
pub(super) enum WriteCall {
    /// Shares a commit with others.
    Write(Box<dyn Writing>),
    /// Has transactions of its own, and lets others write between them.
    Declare(Declaration),
}

/// More that is to be kept.
pub(super) struct Declaration {
    pub(super) collections: BTreeMap<String, Collection>,
    pub(super) reply: oneshot::Sender<Result<(), DeclareError>>,
}

impl Declaration {
    /// Goes on to its end where the caller leaves meanwhile: half a declaration is of use to nobody.
    fn serve(self, session: &Session, others: Turn<'_>) {
        if self.reply.is_closed() {
            return;
        }
        let outcome = schema::declare(session, &self.collections, others);
        let outcome = outcome.map_err(|error| match error {
            ShapeError::Declared(error) => error,
            ShapeError::Database(error) => {
                unavailable(&error);
                DeclareError::Unavailable
            }
        });
        drop(self.reply.send(outcome));
    }
}

/// A call that writes.
pub(super) struct Written<T, W> {
    pub(super) reply: Reply<T>,
    pub(super) bytes: usize,
    /// Its place in the queue, which is free again when the call is dropped.
    pub(super) place: OwnedSemaphorePermit,
    pub(super) work: W,
}

pub(super) trait Writing: Send {
    /// Bytes it writes, at most.
    fn bytes(&self) -> usize;
    /// Whether its caller has given up: what nobody waits for is not written, so that retries do not pile up.
    fn is_abandoned(&self) -> bool;
    /// Its answer, and whether the database failed.
    fn run(self: Box<Self>, session: &Session, version: &mut i64)
    -> (Answer, rusqlite::Result<()>);
}

impl<T, W> Writing for Written<T, W>
where
    T: Send + 'static,
    W: FnOnce(&Session, &mut i64) -> Result<T, Failure> + Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(
        self: Box<Self>,
        session: &Session,
        version: &mut i64,
    ) -> (Answer, rusqlite::Result<()>) {
        let Self {
            reply, place, work, ..
        } = *self;
        let (result, failed) = match work(session, version) {
            Ok(value) => (Ok(value), Ok(())),
            Err(Failure::Call(error)) => (Err(error), Ok(())),
            Err(Failure::Database(error)) => (Err(Error::Unavailable), Err(error)),
        };
        drop(place);
        // Nothing is true before it is committed.
        let answer = move |committed: bool| {
            let result = if committed {
                result
            } else {
                Err(Error::Unavailable)
            };
            drop(reply.send(result));
        };
        (Box::new(answer), failed)
    }
}

/// Starts a thread that reads; it ends when the sender is dropped.
pub(super) fn reader(session: Session) -> mpsc::Sender<ReadCall> {
    let (sender, mut calls) = mpsc::channel::<ReadCall>(QUEUE_CALLS_MAX);
    std::thread::spawn(move || {
        while let Some(call) = calls.blocking_recv() {
            contain(|| call.serve(&session));
        }
    });
    sender
}

/// A call that panics costs its caller the answer, and the store nothing: the stack that unwinds ends the transaction and
/// all else that the call had begun.
fn contain(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        error!("a call panicked in a thread of an embedded document store");
    }
}

/// The thread that writes. Dropping this waits for its end, so that whoever opens the file next does not meet a writer that
/// knows another shape. That takes as long as the call in progress: nobody waits for those behind it any more, so they
/// are not run.
pub(super) struct Writer {
    /// `None` once it is being dropped.
    calls: Option<mpsc::Sender<WriteCall>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(session: Session, log: Log) -> Self {
        let (calls, waiting) = mpsc::channel(QUEUE_CALLS_MAX);
        let thread = std::thread::spawn(move || write(&session, waiting, &log));
        Self {
            calls: Some(calls),
            thread: Some(thread),
        }
    }

    pub(super) fn calls(&self) -> &mpsc::Sender<WriteCall> {
        let calls = self.calls.as_ref();
        calls.expect("it is there until this is dropped")
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.calls = None;
        let ended = self.thread.take().map(JoinHandle::join);
        if ended.is_some_and(|ended| ended.is_err()) {
            error!("the thread that writes an embedded document store panicked");
        }
    }
}

/// What the thread that writes does, until the sender is dropped and the queue is empty.
fn write(session: &Session, calls: mpsc::Receiver<WriteCall>, log: &Log) {
    let mut desk = Desk {
        calls,
        writes: VecDeque::with_capacity(CALLS_PER_COMMIT_MAX),
        declarations: VecDeque::new(),
        log_due: Instant::now(),
    };
    while let Some(call) = desk.calls.blocking_recv() {
        desk.take(call);
        desk.turn(session, log);
        while let Some(declaration) = desk.declarations.pop_front() {
            contain(|| declaration.serve(session, &mut || desk.turn(session, log)));
        }
    }
}

/// The calls that the thread that writes has before it.
struct Desk {
    calls: mpsc::Receiver<WriteCall>,
    writes: VecDeque<Box<dyn Writing>>,
    declarations: VecDeque<Declaration>,
    /// When to look at the log again.
    log_due: Instant,
}

impl Desk {
    fn take(&mut self, call: WriteCall) {
        match call {
            WriteCall::Write(call) => self.writes.push_back(call),
            WriteCall::Declare(call) if self.declarations.len() < DECLARATIONS_WAITING_MAX => {
                self.declarations.push_back(call);
            }
            WriteCall::Declare(call) => drop(call.reply.send(Err(DeclareError::Unavailable))),
        }
    }

    /// Takes what is waiting, but waits for nothing; false where nobody can call any more.
    fn gather(&mut self) -> bool {
        while self.writes.len() < CALLS_PER_COMMIT_MAX {
            match self.calls.try_recv() {
                Ok(call) => self.take(call),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    /// Commits the writes that are waiting; false where nobody can call any more.
    fn turn(&mut self, session: &Session, log: &Log) -> bool {
        let is_open = self.gather();
        while !self.writes.is_empty() {
            contain(|| commit(session, &mut self.writes));
        }
        if Instant::now() >= self.log_due {
            self.log_due = bound(session, log);
        }
        is_open
    }
}

/// Keeps the log short; answers when to do so again.
fn bound(session: &Session, log: &Log) -> Instant {
    let start = Instant::now();
    log.bound(session.connection());
    match start.elapsed() < LOG_WAIT_MAX {
        true => start,
        false => Instant::now() + LOG_REST,
    }
}

/// Runs calls in one transaction and answers them after it is committed. A call that is refused changes nothing and does
/// not disturb the others; a failing database fails them all.
fn commit(session: &Session, waiting: &mut VecDeque<Box<dyn Writing>>) {
    let mut answers = Vec::with_capacity(waiting.len());
    let outcome = transact(session, waiting, &mut answers);
    metrics::histogram!(DOCUMENTS_EMBEDDED_BATCH_CALLS).record(answers.len() as f64);
    if let Err(error) = &outcome {
        unavailable(error);
    }
    for answer in answers {
        answer(outcome.is_ok());
    }
}

fn transact(
    session: &Session,
    waiting: &mut VecDeque<Box<dyn Writing>>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    let (transaction, mut version) = match begin(session) {
        Ok(begun) => begun,
        Err(error) => {
            // Their callers see the answer go, and that is one. Kept, they would fail again at once, for ever.
            waiting.clear();
            return Err(error);
        }
    };
    let (mut bytes, start) = (0, Instant::now());
    while bytes < BYTES_PER_COMMIT_MAX
        && start.elapsed() < TIME_PER_COMMIT_MAX
        && let Some(call) = waiting.pop_front()
    {
        if call.is_abandoned() {
            continue;
        }
        bytes += call.bytes();
        let (answer, failed) = call.run(session, &mut version);
        answers.push(answer);
        // SQLite may have rolled back already, and what came now would be committed by itself.
        failed?;
    }
    transaction
        .prepare_cached("UPDATE sequence SET version = ?1")?
        .execute([version])?;
    transaction.commit()
}

/// A transaction and the last version. It is kept apart from the documents: the version of one that was deleted must not
/// come again.
fn begin(session: &Session) -> rusqlite::Result<(Transaction<'_>, i64)> {
    let connection = session.connection();
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let version = transaction.query_row("SELECT version FROM sequence", [], |row| row.get(0))?;
    Ok((transaction, version))
}
