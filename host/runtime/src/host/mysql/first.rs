//! The interface of Spin 1: no connections, an address with every statement.

use stoa_capabilities::mysql;
use wasmtime::component::Linker;
use wasmtime_wasi::TrappableError;

use self::bindings::fermyon::spin::mysql::{self as contract, MysqlError};
use self::bindings::fermyon::spin::rdbms_types::{
    self, Column, DbDataType, DbValue, ParameterValue, RowSet,
};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-1-rdbms",
        inline: "package stoa:host; world fermyon-spin-1-mysql { import fermyon:spin/mysql; }",
        world: "stoa:host/fermyon-spin-1-mysql",
        imports: { default: async | trappable },
        trappable_error_type: { "fermyon:spin/mysql.mysql-error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<MysqlError>;

super::translations!(MysqlError, OtherError);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    rdbms_types::add_to_linker::<_, HasHost>(linker, State::host)?;
    contract::add_to_linker::<_, HasHost>(linker, State::host)
}

impl rdbms_types::Host for Host<'_> {}

impl contract::Host for Host<'_> {
    fn convert_mysql_error(&mut self, failure: Failure) -> wasmtime::Result<MysqlError> {
        failure.downcast()
    }

    async fn query(
        &mut self,
        address: String,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<RowSet, Failure> {
        let connection = super::open(self.mysql(), &address).await;
        let connection = connection.map_err(MysqlError::from)?;
        let found = super::query(&*connection, &statement, parameters(params)).await;
        let (found, rows) = found.map_err(MysqlError::from)?;
        Ok(RowSet {
            columns: columns(found),
            rows: rows.into_iter().map(row).collect(),
        })
    }

    async fn execute(
        &mut self,
        address: String,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<(), Failure> {
        let connection = super::open(self.mysql(), &address).await;
        let connection = connection.map_err(MysqlError::from)?;
        let executed = connection.execute(&statement, parameters(params)).await;
        Ok(executed.map_err(MysqlError::from)?)
    }
}
