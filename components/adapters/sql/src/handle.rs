//! A database as a component has it: what is declared of it is what may be done with it.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use crate::cursor::{Cursor, Taken};
use crate::error::Error;
use crate::grants::{Access, Grant};
use crate::limits::{self, STATEMENTS_MAX};
use crate::source::{Answer, Source, Value};
use crate::statement::{Deed, Statement};

/// Columns of types that the interface knows and SQLite does not: their values would be told as something else.
const TYPED: &str = "SELECT t.name, c.name, c.type FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c \
     WHERE t.type = 'table' AND (upper(c.type) LIKE 'BOOL%' OR upper(c.type) LIKE 'DEC%' \
     OR upper(c.type) LIKE 'NUMERIC%' OR upper(c.type) LIKE 'TIMESTAMP%') LIMIT 1";

/// What a statement did.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Executed {
    pub(crate) rows_affected: u64,
    pub(crate) last_insert_id: Option<i64>,
    pub(crate) returned: Answer,
}

/// One statement of a component, with the values of `$1`, `$2` and so on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) text: String,
    pub(crate) parameters: Vec<Value>,
}

/// An open database.
pub(crate) struct Handle<S> {
    label: String,
    grant: Grant,
    source: S,
    /// Whether no column was found to be of a type that would not be told.
    plain: Cell<bool>,
    cursors: Rc<Cell<usize>>,
}

impl<S: Source> Handle<S> {
    /// Asks nothing of the database.
    pub(crate) fn new(label: String, grant: Grant, source: S, cursors: Rc<Cell<usize>>) -> Self {
        Self {
            label,
            grant,
            source,
            plain: Cell::new(false),
            cursors,
        }
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    #[cfg(test)]
    pub(crate) fn source(&self) -> &S {
        &self.source
    }

    /// The whole result of a statement that reads.
    pub(crate) fn query(&self, asked: Asked) -> Result<Answer, Error> {
        let statement = read(&asked)?;
        if statement.deed != Deed::Reads {
            return Err(Error::Denied("this call may only read".to_owned()));
        }
        self.run(&statement, asked.parameters)
    }

    /// The same, part by part.
    pub(crate) fn cursor(&self, asked: Asked) -> Result<Cursor, Error> {
        let taken = Taken::of(&self.cursors)?;
        let answer = self.query(asked).map_err(|error| match error {
            Error::TooLarge(limit) if is_of_result(limit) => {
                Error::not_portable("a cursor over more than 10000 rows or 16 MiB")
            }
            error => error,
        })?;
        Ok(Cursor::new(answer, taken))
    }

    /// Runs one statement.
    pub(crate) fn execute(&self, asked: Asked) -> Result<Executed, Error> {
        self.writable()?;
        let statement = read(&asked)?;
        if statement.deed == Deed::Defines && !self.grant.schema {
            return Err(Error::Denied("the schema may not be changed".to_owned()));
        }
        let returned = self.run(&statement, asked.parameters);
        let returned = returned.map_err(|error| match error {
            // What it returned is counted when it has been done.
            Error::TooLarge(limit) if statement.deed != Deed::Reads && is_of_result(limit) => {
                eprintln!("a statement was run, but what it returned is over the limit of {limit}");
                Error::Unavailable
            }
            error => error,
        })?;
        if statement.deed == Deed::Defines {
            self.plain.set(false);
        }
        let changes = matches!(statement.deed, Deed::Inserts | Deed::Changes);
        let rows_affected = if changes { self.source.changes() } else { 0 };
        let inserted = statement.deed == Deed::Inserts && rows_affected > 0;
        Ok(Executed {
            rows_affected,
            last_insert_id: inserted.then(|| self.source.last_insert_id()),
            returned,
        })
    }

    /// One statement is a batch; several would not be all or none.
    pub(crate) fn batch(&self, asked: Vec<Asked>) -> Result<Vec<Executed>, Error> {
        self.writable()?;
        match <[Asked; 1]>::try_from(asked) {
            Ok([asked]) => Ok(vec![self.execute(asked)?]),
            Err(asked) if (2..=STATEMENTS_MAX).contains(&asked.len()) => {
                Err(Error::not_portable("several statements in one transaction"))
            }
            Err(_) => Err(Error::invalid(format!(
                "a call has 1 to {STATEMENTS_MAX} statements"
            ))),
        }
    }

    /// Refused, whatever was granted.
    pub(crate) fn begin(&self, access: Access) -> Result<Infallible, Error> {
        if access == Access::ReadWrite {
            self.writable()?;
        }
        Err(Error::not_portable("a transaction of several statements"))
    }

    fn writable(&self) -> Result<(), Error> {
        match self.grant.access {
            Access::ReadWrite => Ok(()),
            Access::Read => Err(Error::Denied(format!("`{}` may only be read", self.label))),
        }
    }

    fn run(&self, statement: &Statement, parameters: Vec<Value>) -> Result<Answer, Error> {
        // Whoever changes the schema may have come to mend it.
        if statement.deed != Deed::Defines {
            self.expect_plain()?;
        }
        let answer = self.source.execute(&statement.text, parameters);
        let answer = answer.map_err(|failure| failure.explain(&statement.text))?;
        limits::result(&answer.rows)?;
        Ok(answer)
    }

    fn expect_plain(&self) -> Result<(), Error> {
        if self.plain.get() {
            return Ok(());
        }
        let found = self.source.execute(TYPED, Vec::new());
        let found = found.map_err(|failure| failure.explain(TYPED))?;
        match found.rows.first().map(Vec::as_slice) {
            None => {
                self.plain.set(true);
                Ok(())
            }
            Some(
                [
                    Value::Text(table),
                    Value::Text(column),
                    Value::Text(declared),
                ],
            ) => Err(Error::not_portable(&format!(
                "the type `{declared}` of `{table}.{column}`, which SQLite does not have,"
            ))),
            Some(_) => Err(Error::not_portable("the type of a column")),
        }
    }
}

/// Checks what a call brings and reads its statement.
fn read(asked: &Asked) -> Result<Statement, Error> {
    limits::call(&asked.text, &asked.parameters)?;
    if asked.parameters.iter().any(is_nan) {
        return Err(Error::invalid("a real is a number"));
    }
    Statement::read(&asked.text, asked.parameters.len())
}

fn is_nan(value: &Value) -> bool {
    matches!(value, Value::Real(real) if real.is_nan())
}

/// Whether it is a limit of a whole result, and not one of a value.
fn is_of_result(limit: u64) -> bool {
    limit == limits::ROWS_MAX as u64 || limit >= limits::RESULT_BYTES_MAX as u64
}
