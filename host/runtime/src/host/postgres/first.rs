//! The interface of Spin 1: no connections, an address with every statement.

use stoa_capabilities::postgres;
use wasmtime::component::Linker;
use wasmtime_wasi::TrappableError;

use self::bindings::fermyon::spin::postgres::{self as contract, PgError};
use self::bindings::fermyon::spin::rdbms_types::{
    self, Column, DbDataType, DbValue, ParameterValue, RowSet,
};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-1-rdbms",
        inline: "package stoa:host; world fermyon-spin-1-postgres { import fermyon:spin/postgres; }",
        world: "stoa:host/fermyon-spin-1-postgres",
        imports: { default: async | trappable },
        trappable_error_type: { "fermyon:spin/postgres.pg-error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<PgError>;

super::errors!(PgError, OtherError);
super::values!();

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    rdbms_types::add_to_linker::<_, HasHost>(linker, State::host)?;
    contract::add_to_linker::<_, HasHost>(linker, State::host)
}

impl rdbms_types::Host for Host<'_> {}

impl contract::Host for Host<'_> {
    fn convert_pg_error(&mut self, failure: Failure) -> wasmtime::Result<PgError> {
        failure.downcast()
    }

    async fn query(
        &mut self,
        address: String,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<RowSet, Failure> {
        let parameters = parameters(params).map_err(PgError::from)?;
        let connection = super::open(self.postgres(), &address, None).await;
        let connection = connection.map_err(PgError::from)?;
        let found = super::query(&*connection, &statement, parameters).await;
        Ok(row_set(found.map_err(PgError::from)?))
    }

    async fn execute(
        &mut self,
        address: String,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<u64, Failure> {
        let parameters = parameters(params).map_err(PgError::from)?;
        let connection = super::open(self.postgres(), &address, None).await;
        let connection = connection.map_err(PgError::from)?;
        let executed = connection.execute(&statement, parameters).await;
        Ok(executed.map_err(PgError::from)?)
    }
}
