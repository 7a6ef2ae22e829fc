//! The interface of Spin 1: no version, and connections that are numbers. A number is looked up among what this interface
//! opened and nothing else, so one that was made up leads nowhere.

use stoa_capabilities::sql;
use wasmtime::component::{Linker, Resource, ResourceTableError};

use self::bindings::fermyon::spin::sqlite::{self, Error, QueryResult, RowResult, Value};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-1-sqlite",
        inline: "package stoa:host; world fermyon-spin-first-sqlite { import fermyon:spin/sqlite; }",
        world: "stoa:host/fermyon-spin-first-sqlite",
        imports: { default: async },
    });
}

/// An open connection.
struct Connection(sql::Handle);

super::translations!();

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    sqlite::add_to_linker::<_, HasHost>(linker, State::host)
}

impl Host<'_> {
    fn first_connection(&self, connection: u32) -> Result<sql::Handle, Error> {
        let connection = Resource::<Connection>::new_borrow(connection);
        let connection = self.table.get(&connection);
        Ok(connection.map_err(|_| Error::InvalidConnection)?.0.clone())
    }
}

impl sqlite::Host for Host<'_> {
    async fn open(&mut self, database: String) -> Result<u32, Error> {
        // As in the versions after it: only what is listed exists.
        let handle = self.sql(&database).ok_or(Error::AccessDenied)?;
        Ok(self.table.push(Connection(handle)).map_err(full)?.rep())
    }

    async fn execute(
        &mut self,
        connection: u32,
        statement: String,
        values: Vec<Value>,
    ) -> Result<QueryResult, Error> {
        let handle = self.first_connection(connection)?;
        let executed = super::execute(handle, statement, parameters(values)).await?;
        Ok(executed.returned.into())
    }

    async fn close(&mut self, connection: u32) {
        // Looked at first: to delete takes whatever has the number, and a guest can name any.
        if self.first_connection(connection).is_ok() {
            let connection = Resource::<Connection>::new_own(connection);
            self.table.delete(connection).ok();
        }
    }
}
