//! Databases for a service under test: SQLite files of the test's own.
//!
//! Every label names one, and every test has its own, because a test has a thread of its own. All is granted but what no
//! component may do. Nothing waits in a test: what would have to wait for a transaction that is open answers
//! [`Error::Deadline`].

mod codec;
mod failure;
mod guarded;

use super::{Access, Column, Error, Executed, Rows, Statement, Value};
use failure::broken;
use guarded::Guarded;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use tempfile::TempDir;

/// As on a host.
const ROWS_MAX: usize = 10_000;
/// As on a host.
const STATEMENTS_MAX: usize = 1000;

thread_local! {
    static FILES: RefCell<BTreeMap<String, Rc<File>>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) struct Database {
    label: String,
    file: Rc<File>,
}

struct File {
    /// For statements outside of transactions.
    connection: Guarded,
    refusals: RefCell<VecDeque<Error>>,
    /// After the connection, which has files in it: fields are dropped in their order.
    folder: TempDir,
}

impl File {
    fn create() -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(|error| broken(&error))?;
        Ok(Self {
            connection: Guarded::open(&path(&folder))?,
            refusals: RefCell::default(),
            folder,
        })
    }
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("test.db")
}

impl Database {
    pub(crate) fn open(label: &str) -> Result<Self, Error> {
        let known = FILES.with_borrow(|files| files.get(label).cloned());
        let file = match known {
            Some(file) => file,
            None => {
                let file = Rc::new(File::create()?);
                FILES.with_borrow_mut(|files| files.insert(label.to_owned(), Rc::clone(&file)));
                file
            }
        };
        let label = label.to_owned();
        Ok(Self { label, file })
    }

    pub(super) fn label(&self) -> String {
        self.label.clone()
    }

    pub(super) async fn query(&self, statement: Statement) -> Result<Rows, Error> {
        whole(self.connection()?.query(&statement)?)
    }

    pub(super) async fn cursor(&self, statement: Statement) -> Result<Cursor, Error> {
        let (columns, rows) = self.connection()?.query(&statement)?;
        let rows = rows.into();
        Ok(Cursor { columns, rows })
    }

    pub(super) async fn execute(&self, statement: Statement) -> Result<Executed, Error> {
        let mut executed = self.batch(vec![statement]).await?;
        Ok(executed.pop().expect("one statement has one answer"))
    }

    pub(super) async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Executed>, Error> {
        if !(1..=STATEMENTS_MAX).contains(&statements.len()) {
            let message = format!("a call has 1 to {STATEMENTS_MAX} statements");
            return Err(Error::Invalid(message));
        }
        let connection = self.connection()?;
        connection.begin(Access::Write)?;
        let outcome = all(connection, &statements);
        if outcome.is_err() {
            connection.rollback()?;
        }
        outcome
    }

    pub(super) async fn begin(&self, access: Access) -> Result<Transaction, Error> {
        self.connection()?;
        let connection = Guarded::open(&path(&self.file.folder))?;
        connection.begin(access)?;
        let open = RefCell::new(Some(connection));
        Ok(Transaction { access, open })
    }

    /// Answers the next operation, whichever, with this error.
    pub(crate) fn refuse(&self, error: Error) {
        self.file.refusals.borrow_mut().push_back(error);
    }

    /// Runs all statements of a text, as a migration would be run.
    pub(crate) fn run(&self, text: &str) -> Result<(), Error> {
        self.file.connection.run(text)
    }

    fn connection(&self) -> Result<&Guarded, Error> {
        match self.file.refusals.borrow_mut().pop_front() {
            Some(refusal) => Err(refusal),
            None => Ok(&self.file.connection),
        }
    }
}

fn all(connection: &Guarded, statements: &[Statement]) -> Result<Vec<Executed>, Error> {
    let executed = statements.iter();
    let executed = executed.map(|statement| connection.execute(statement));
    let executed = executed.collect::<Result<_, _>>()?;
    connection.commit()?;
    Ok(executed)
}

fn whole((columns, rows): (Vec<Column>, Vec<Vec<Value>>)) -> Result<Rows, Error> {
    match rows.len() <= ROWS_MAX {
        true => Ok(Rows::new(columns, rows)),
        false => Err(Error::TooLarge {
            limit: ROWS_MAX as u64,
        }),
    }
}

pub(super) struct Cursor {
    columns: Vec<Column>,
    rows: VecDeque<Vec<Value>>,
}

impl Cursor {
    pub(super) fn columns(&self) -> Vec<Column> {
        self.columns.clone()
    }

    pub(super) async fn next(&mut self, max: u32) -> Result<Vec<Vec<Value>>, Error> {
        let max = max as usize;
        if !(1..=ROWS_MAX).contains(&max) {
            let message = format!("a part of a result has 1 to {ROWS_MAX} rows");
            return Err(Error::Invalid(message));
        }
        let part = max.min(self.rows.len());
        Ok(self.rows.drain(..part).collect())
    }
}

pub(super) struct Transaction {
    access: Access,
    /// None once it is over. Dropped, SQLite rolls it back.
    open: RefCell<Option<Guarded>>,
}

impl Transaction {
    pub(super) async fn query(&self, statement: Statement) -> Result<Rows, Error> {
        self.step(|connection| whole(connection.query(&statement)?))
    }

    pub(super) async fn execute(&self, statement: Statement) -> Result<Executed, Error> {
        self.step(|connection| match self.access {
            Access::Write => connection.execute(&statement),
            Access::Read => Err(Error::Denied("this call may only read".to_owned())),
        })
    }

    pub(super) async fn commit(&self) -> Result<(), Error> {
        self.take()?.commit()
    }

    pub(super) async fn rollback(&self) -> Result<(), Error> {
        self.take()?.rollback()
    }

    fn take(&self) -> Result<Guarded, Error> {
        self.open.take().ok_or(Error::TransactionOver)
    }

    /// Puts the transaction back only where the step succeeds: an error ends it.
    fn step<T>(&self, step: impl FnOnce(&Guarded) -> Result<T, Error>) -> Result<T, Error> {
        let connection = self.take()?;
        let outcome = step(&connection)?;
        self.open.replace(Some(connection));
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests;
