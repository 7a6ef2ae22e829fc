//! The interface of `fermyon:spin@2`.

use std::sync::Arc;

use stoa_capabilities::postgres;
use wasmtime::component::{Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::fermyon::spin::postgres as contract;
use self::bindings::fermyon::spin::rdbms_types::{
    self, Column, DbDataType, DbValue, Error, ParameterValue, RowSet,
};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-rdbms",
        inline: "package stoa:host; world fermyon-spin-postgres { import fermyon:spin/postgres@2.0.0; }",
        world: "stoa:host/fermyon-spin-postgres",
        imports: {
            "fermyon:spin/postgres.[drop]connection": trappable,
            default: async | trappable,
        },
        with: { "fermyon:spin/postgres.connection": super::Connection },
        trappable_error_type: { "fermyon:spin/rdbms-types.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// An open connection.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Connection(Arc<dyn postgres::Connection>);

super::errors!(Error, Other);
super::values!();

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    rdbms_types::add_to_linker::<_, HasHost>(linker, State::host)?;
    contract::add_to_linker::<_, HasHost>(linker, State::host)
}

impl rdbms_types::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl contract::Host for Host<'_> {}

fn full(_: ResourceTableError) -> Error {
    Error::ConnectionFailed(super::FULL.into())
}

fn connection(
    host: &Host<'_>,
    connection: &Resource<Connection>,
) -> Result<Arc<dyn postgres::Connection>, Failure> {
    let connection = host.table.get(connection).map_err(TrappableError::trap)?;
    Ok(Arc::clone(&connection.0))
}

impl contract::HostConnection for Host<'_> {
    async fn open(&mut self, address: String) -> Result<Resource<Connection>, Failure> {
        let opened = super::open(self.postgres(), &address, None).await;
        let connection = Connection(opened.map_err(Error::from)?);
        Ok(self.table.push(connection).map_err(full)?)
    }

    async fn query(
        &mut self,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<RowSet, Failure> {
        let connection = connection(self, &this)?;
        let parameters = parameters(params).map_err(Error::from)?;
        let found = super::query(&*connection, &statement, parameters).await;
        Ok(row_set(found.map_err(Error::from)?))
    }

    async fn execute(
        &mut self,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<u64, Failure> {
        let connection = connection(self, &this)?;
        let parameters = parameters(params).map_err(Error::from)?;
        let executed = connection.execute(&statement, parameters).await;
        Ok(executed.map_err(Error::from)?)
    }

    fn drop(&mut self, this: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
