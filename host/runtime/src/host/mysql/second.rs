//! The interface of `fermyon:spin@2`.

use std::sync::Arc;

use stoa_capabilities::mysql;
use wasmtime::component::{Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::fermyon::spin::mysql as contract;
use self::bindings::fermyon::spin::rdbms_types::{
    self, Column, DbDataType, DbValue, Error, ParameterValue, RowSet,
};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-rdbms",
        inline: "package stoa:host; world fermyon-spin-mysql { import fermyon:spin/mysql@2.0.0; }",
        world: "stoa:host/fermyon-spin-mysql",
        imports: {
            "fermyon:spin/mysql.[drop]connection": trappable,
            default: async | trappable,
        },
        with: { "fermyon:spin/mysql.connection": super::Connection },
        trappable_error_type: { "fermyon:spin/rdbms-types.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// An open connection.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Connection(Arc<dyn mysql::Connection>);

super::translations!(Error, Other);

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
) -> Result<Arc<dyn mysql::Connection>, Failure> {
    let connection = host.table.get(connection).map_err(TrappableError::trap)?;
    Ok(Arc::clone(&connection.0))
}

impl contract::HostConnection for Host<'_> {
    async fn open(&mut self, address: String) -> Result<Resource<Connection>, Failure> {
        let opened = super::open(self.mysql(), &address).await;
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
        let found = super::query(&*connection, &statement, parameters(params)).await;
        let (found, rows) = found.map_err(Error::from)?;
        Ok(RowSet {
            columns: columns(found),
            rows: rows.into_iter().map(row).collect(),
        })
    }

    async fn execute(
        &mut self,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<(), Failure> {
        let connection = connection(self, &this)?;
        let executed = connection.execute(&statement, parameters(params)).await;
        Ok(executed.map_err(Error::from)?)
    }

    fn drop(&mut self, this: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
