//! The interface of `fermyon:spin@2`.

use stoa_capabilities::sql;
use wasmtime::component::{Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::fermyon::spin::sqlite::{self, Error, QueryResult, RowResult, Value};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-sqlite",
        inline: "package stoa:host; world fermyon-spin-sqlite { import fermyon:spin/sqlite@2.0.0; }",
        world: "stoa:host/fermyon-spin-sqlite",
        imports: {
            "fermyon:spin/sqlite.[static]connection.open": trappable,
            "fermyon:spin/sqlite.[drop]connection": trappable,
            default: async | trappable,
        },
        with: { "fermyon:spin/sqlite.connection": super::Connection },
        trappable_error_type: { "fermyon:spin/sqlite.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// An open connection.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Connection(sql::Handle);

super::translations!();

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    sqlite::add_to_linker::<_, HasHost>(linker, State::host)
}

impl sqlite::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl sqlite::HostConnection for Host<'_> {
    fn open(&mut self, database: String) -> Result<Resource<Connection>, Failure> {
        // Spin tells "not listed in the manifest" from "no such database"; here only what is listed exists.
        let handle = self.sql(&database).ok_or(Error::AccessDenied)?;
        Ok(self.table.push(Connection(handle)).map_err(full)?)
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        values: Vec<Value>,
    ) -> Result<QueryResult, Failure> {
        let connection = self.table.get(&connection).map_err(TrappableError::trap)?;
        let handle = connection.0.clone();
        let executed = super::execute(handle, statement, parameters(values)).await;
        Ok(executed.map_err(Error::from)?.returned.into())
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}
