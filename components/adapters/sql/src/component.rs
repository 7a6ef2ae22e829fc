//! The exports: the three pairs of twins over one database.

use std::convert::Infallible;

use crate::bindings;
use crate::bindings::exports::stoa::sql::types::{
    self, Access, Column, DatabaseBorrow, Error, Executed, Row, Rows, Statement,
};
use crate::bindings::exports::stoa::sql::{
    read, read_async, transactions, transactions_async, write, write_async,
};
use crate::convert;
use crate::cursor::Cursor;
use crate::handle::{self, Asked};
use crate::spin::{self, Sqlite};

type Database = handle::Handle<Sqlite>;

struct Adapter;

/// The cursor of the interface that does not block.
struct Waiting(Cursor);

/// A transaction: there is none.
enum Never {}

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    bindings::export!(Adapter with_types_in bindings);
};

impl types::Guest for Adapter {
    type Database = Database;
}

impl types::GuestDatabase for Database {
    fn label(&self) -> String {
        Database::label(self).to_owned()
    }
}

impl read::Guest for Adapter {
    type Cursor = Cursor;

    fn open(label: String) -> Result<types::Database, Error> {
        open(label)
    }

    fn query(database: DatabaseBorrow<'_>, statement: Statement) -> Result<Rows, Error> {
        query(&database, statement)
    }

    fn query_cursor(
        database: DatabaseBorrow<'_>,
        statement: Statement,
    ) -> Result<read::Cursor, Error> {
        Ok(read::Cursor::new(cursor(&database, statement)?))
    }
}

impl read::GuestCursor for Cursor {
    fn columns(&self) -> Vec<Column> {
        convert::columns(Cursor::columns(self))
    }

    fn next(&self, max: u32) -> Result<Vec<Row>, Error> {
        next(self, max)
    }
}

impl write::Guest for Adapter {
    fn open(label: String) -> Result<types::Database, Error> {
        open(label)
    }

    fn execute(database: DatabaseBorrow<'_>, statement: Statement) -> Result<Executed, Error> {
        execute(&database, statement)
    }

    fn execute_batch(
        database: DatabaseBorrow<'_>,
        statements: Vec<Statement>,
    ) -> Result<Vec<Executed>, Error> {
        batch(&database, statements)
    }
}

impl transactions::Guest for Adapter {
    type Transaction = Never;

    fn open(label: String) -> Result<types::Database, Error> {
        open(label)
    }

    fn begin(
        database: DatabaseBorrow<'_>,
        access: Access,
    ) -> Result<transactions::Transaction, Error> {
        match begin(&database, access)? {}
    }
}

impl transactions::GuestTransaction for Never {
    fn query(&self, _: Statement) -> Result<Rows, Error> {
        match *self {}
    }

    fn execute(&self, _: Statement) -> Result<Executed, Error> {
        match *self {}
    }

    fn commit(&self) -> Result<(), Error> {
        match *self {}
    }

    fn rollback(&self) -> Result<(), Error> {
        match *self {}
    }
}

// The twins block all the same: guests that block need what is beneath them, too. The calls of one instance follow one
// another.
impl read_async::Guest for Adapter {
    type Cursor = Waiting;

    fn open(label: String) -> Result<types::Database, Error> {
        open(label)
    }

    async fn query(database: DatabaseBorrow<'_>, statement: Statement) -> Result<Rows, Error> {
        query(&database, statement)
    }

    async fn query_cursor(
        database: DatabaseBorrow<'_>,
        statement: Statement,
    ) -> Result<read_async::Cursor, Error> {
        let cursor = Waiting(cursor(&database, statement)?);
        Ok(read_async::Cursor::new(cursor))
    }
}

impl read_async::GuestCursor for Waiting {
    fn columns(&self) -> Vec<Column> {
        convert::columns(self.0.columns())
    }

    async fn next(&self, max: u32) -> Result<Vec<Row>, Error> {
        next(&self.0, max)
    }
}

impl write_async::Guest for Adapter {
    fn open(label: String) -> Result<types::Database, Error> {
        open(label)
    }

    async fn execute(
        database: DatabaseBorrow<'_>,
        statement: Statement,
    ) -> Result<Executed, Error> {
        execute(&database, statement)
    }

    async fn execute_batch(
        database: DatabaseBorrow<'_>,
        statements: Vec<Statement>,
    ) -> Result<Vec<Executed>, Error> {
        batch(&database, statements)
    }
}

impl transactions_async::Guest for Adapter {
    type Transaction = Never;

    fn open(label: String) -> Result<types::Database, Error> {
        open(label)
    }

    async fn begin(
        database: DatabaseBorrow<'_>,
        access: Access,
    ) -> Result<transactions_async::Transaction, Error> {
        match begin(&database, access)? {}
    }
}

impl transactions_async::GuestTransaction for Never {
    async fn query(&self, _: Statement) -> Result<Rows, Error> {
        match *self {}
    }

    async fn execute(&self, _: Statement) -> Result<Executed, Error> {
        match *self {}
    }

    async fn commit(&self) -> Result<(), Error> {
        match *self {}
    }

    async fn rollback(&self) -> Result<(), Error> {
        match *self {}
    }
}

// === one body for both twins ===

fn of<'b>(database: &'b DatabaseBorrow<'_>) -> &'b Database {
    database.get::<Database>()
}

fn open(label: String) -> Result<types::Database, Error> {
    Ok(types::Database::new(spin::open(label)?))
}

fn query(database: &DatabaseBorrow<'_>, statement: Statement) -> Result<Rows, Error> {
    Ok(of(database).query(Asked::try_from(statement)?)?.into())
}

fn cursor(database: &DatabaseBorrow<'_>, statement: Statement) -> Result<Cursor, Error> {
    Ok(of(database).cursor(Asked::try_from(statement)?)?)
}

fn next(cursor: &Cursor, max: u32) -> Result<Vec<Row>, Error> {
    Ok(convert::rows(cursor.next(max)?))
}

fn execute(database: &DatabaseBorrow<'_>, statement: Statement) -> Result<Executed, Error> {
    Ok(of(database).execute(Asked::try_from(statement)?)?.into())
}

fn batch(
    database: &DatabaseBorrow<'_>,
    statements: Vec<Statement>,
) -> Result<Vec<Executed>, Error> {
    let asked = statements.into_iter().map(Asked::try_from);
    let asked = asked.collect::<Result<Vec<_>, _>>()?;
    let executed = of(database).batch(asked)?;
    Ok(executed.into_iter().map(Executed::from).collect())
}

fn begin(database: &DatabaseBorrow<'_>, access: Access) -> Result<Infallible, Error> {
    Ok(of(database).begin(access.into())?)
}
