//! What there is without the feature `sql-testing`: an error that names it.

use super::{Access, Column, Error, Executed, Rows, Statement, Value};

pub(super) enum Database {}

pub(super) enum Cursor {}

pub(super) enum Transaction {}

impl Database {
    pub(super) fn open(_: &str) -> Result<Self, Error> {
        Err(Error::Other {
            code: "sql-testing".to_owned(),
            message:
                "to test with databases, switch on the feature `sql-testing` of stoa-sdk under \
                      [dev-dependencies]"
                    .to_owned(),
        })
    }

    pub(super) fn label(&self) -> String {
        match *self {}
    }

    pub(super) async fn query(&self, _: Statement) -> Result<Rows, Error> {
        match *self {}
    }

    pub(super) async fn cursor(&self, _: Statement) -> Result<Cursor, Error> {
        match *self {}
    }

    pub(super) async fn execute(&self, _: Statement) -> Result<Executed, Error> {
        match *self {}
    }

    pub(super) async fn batch(&self, _: Vec<Statement>) -> Result<Vec<Executed>, Error> {
        match *self {}
    }

    pub(super) async fn begin(&self, _: Access) -> Result<Transaction, Error> {
        match *self {}
    }
}

impl Cursor {
    pub(super) fn columns(&self) -> Vec<Column> {
        match *self {}
    }

    pub(super) async fn next(&mut self, _: u32) -> Result<Vec<Vec<Value>>, Error> {
        match *self {}
    }
}

impl Transaction {
    pub(super) async fn query(&self, _: Statement) -> Result<Rows, Error> {
        match *self {}
    }

    pub(super) async fn execute(&self, _: Statement) -> Result<Executed, Error> {
        match *self {}
    }

    pub(super) async fn commit(&self) -> Result<(), Error> {
        match *self {}
    }

    pub(super) async fn rollback(&self) -> Result<(), Error> {
        match *self {}
    }
}
