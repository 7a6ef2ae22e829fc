//! `spin:postgres@3.0`, which has dates and times.

use std::sync::Arc;

use stoa_capabilities::postgres;
use wasmtime::component::{Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::spin::postgres::postgres::{
    self as contract, Column, DbDataType, DbValue, Error, ParameterValue, RowSet,
};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/spin-postgres-3.0",
        inline: "package stoa:host; world spin-postgres-third { import spin:postgres/postgres@3.0.0; }",
        world: "stoa:host/spin-postgres-third",
        imports: {
            "spin:postgres/postgres.[drop]connection": trappable,
            default: async | trappable,
        },
        with: { "spin:postgres/postgres.connection": super::Connection },
        trappable_error_type: { "spin:postgres/postgres.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// An open connection.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Connection(Arc<dyn postgres::Connection>);

super::errors!(Error, Other);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    contract::add_to_linker::<_, HasHost>(linker, State::host)
}

impl contract::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

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
        let parameters = params.into_iter().map(postgres::Value::from).collect();
        let found = super::query(&*connection, &statement, parameters).await;
        let (columns, rows) = found.map_err(Error::from)?;
        let row = |row: postgres::Row| row.into_iter().map(DbValue::from).collect();
        Ok(RowSet {
            columns: columns.into_iter().map(Column::from).collect(),
            rows: rows.into_iter().map(row).collect(),
        })
    }

    async fn execute(
        &mut self,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<u64, Failure> {
        let connection = connection(self, &this)?;
        let parameters = params.into_iter().map(postgres::Value::from).collect();
        let executed = connection.execute(&statement, parameters).await;
        Ok(executed.map_err(Error::from)?)
    }

    fn drop(&mut self, this: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl From<ParameterValue> for postgres::Value {
    fn from(value: ParameterValue) -> Self {
        match value {
            ParameterValue::Boolean(truth) => Self::Boolean(truth),
            ParameterValue::Int8(number) => Self::Int8(number),
            ParameterValue::Int16(number) => Self::Int16(number),
            ParameterValue::Int32(number) => Self::Int32(number),
            ParameterValue::Int64(number) => Self::Int64(number),
            ParameterValue::Floating32(number) => Self::Floating32(number),
            ParameterValue::Floating64(number) => Self::Floating64(number),
            ParameterValue::Str(text) => Self::Str(text),
            ParameterValue::Binary(bytes) => Self::Binary(bytes),
            ParameterValue::Date(date) => Self::Date(date),
            ParameterValue::Time(time) => Self::Time(time),
            ParameterValue::Datetime(moment) => Self::Datetime(moment),
            ParameterValue::Timestamp(seconds) => Self::Timestamp(seconds),
            ParameterValue::DbNull => Self::Null,
        }
    }
}

impl From<postgres::Value> for DbValue {
    fn from(value: postgres::Value) -> Self {
        match value {
            postgres::Value::Null => Self::DbNull,
            postgres::Value::Boolean(truth) => Self::Boolean(truth),
            postgres::Value::Int8(number) => Self::Int8(number),
            postgres::Value::Int16(number) => Self::Int16(number),
            postgres::Value::Int32(number) => Self::Int32(number),
            postgres::Value::Int64(number) => Self::Int64(number),
            postgres::Value::Floating32(number) => Self::Floating32(number),
            postgres::Value::Floating64(number) => Self::Floating64(number),
            postgres::Value::Str(text) => Self::Str(text),
            postgres::Value::Binary(bytes) => Self::Binary(bytes),
            postgres::Value::Date(date) => Self::Date(date),
            postgres::Value::Time(time) => Self::Time(time),
            postgres::Value::Datetime(moment) => Self::Datetime(moment),
            postgres::Value::Timestamp(seconds) => Self::Timestamp(seconds),
            // Those that came with version 4.
            _ => Self::Unsupported,
        }
    }
}

impl From<postgres::Column> for Column {
    fn from(column: postgres::Column) -> Self {
        Self {
            name: column.name,
            data_type: match column.data_type {
                postgres::DataType::Boolean => DbDataType::Boolean,
                postgres::DataType::Int16 => DbDataType::Int16,
                postgres::DataType::Int32 => DbDataType::Int32,
                postgres::DataType::Int64 => DbDataType::Int64,
                postgres::DataType::Floating32 => DbDataType::Floating32,
                postgres::DataType::Floating64 => DbDataType::Floating64,
                postgres::DataType::Str => DbDataType::Str,
                postgres::DataType::Binary => DbDataType::Binary,
                postgres::DataType::Date => DbDataType::Date,
                postgres::DataType::Time => DbDataType::Time,
                postgres::DataType::Datetime => DbDataType::Datetime,
                _ => DbDataType::Other,
            },
        }
    }
}
