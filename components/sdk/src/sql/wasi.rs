//! Databases of the host, through `stoa:sql/read-async`, `write-async` and `transactions-async`.

mod bindings;
mod convert;

use super::{Access, Column, Error, Executed, Rows, Statement, Value};
use bindings::stoa::sql::{read_async, transactions_async, types, write_async};

pub(super) struct Database(types::Database);

pub(super) struct Cursor(read_async::Cursor);

pub(super) struct Transaction(transactions_async::Transaction);

impl Database {
    pub(super) fn open(label: &str) -> Result<Self, Error> {
        Ok(Self(read_async::open(label)?))
    }

    pub(super) fn label(&self) -> String {
        self.0.label()
    }

    pub(super) async fn query(&self, statement: Statement) -> Result<Rows, Error> {
        Ok(read_async::query(&self.0, statement.into()).await?.into())
    }

    pub(super) async fn cursor(&self, statement: Statement) -> Result<Cursor, Error> {
        let cursor = read_async::query_cursor(&self.0, statement.into()).await?;
        Ok(Cursor(cursor))
    }

    pub(super) async fn execute(&self, statement: Statement) -> Result<Executed, Error> {
        let executed = write_async::execute(&self.0, statement.into()).await?;
        Ok(executed.into())
    }

    pub(super) async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Executed>, Error> {
        let statements = statements.into_iter().map(types::Statement::from);
        let executed = write_async::execute_batch(&self.0, statements.collect()).await?;
        Ok(executed.into_iter().map(Executed::from).collect())
    }

    pub(super) async fn begin(&self, access: Access) -> Result<Transaction, Error> {
        let transaction = transactions_async::begin(&self.0, access.into()).await?;
        Ok(Transaction(transaction))
    }
}

impl Cursor {
    pub(super) fn columns(&self) -> Vec<Column> {
        self.0.columns().into_iter().map(Column::from).collect()
    }

    pub(super) async fn next(&mut self, max: u32) -> Result<Vec<Vec<Value>>, Error> {
        let rows = self.0.next(max).await?;
        Ok(rows.into_iter().map(convert::row).collect())
    }
}

impl Transaction {
    pub(super) async fn query(&self, statement: Statement) -> Result<Rows, Error> {
        Ok(self.0.query(statement.into()).await?.into())
    }

    pub(super) async fn execute(&self, statement: Statement) -> Result<Executed, Error> {
        Ok(self.0.execute(statement.into()).await?.into())
    }

    pub(super) async fn commit(&self) -> Result<(), Error> {
        Ok(self.0.commit().await?)
    }

    pub(super) async fn rollback(&self) -> Result<(), Error> {
        Ok(self.0.rollback().await?)
    }
}
