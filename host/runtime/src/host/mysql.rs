//! MySQL in the versions that components are built against, over the same connections.

mod first;
mod second;
mod third;

use std::sync::Arc;

use stoa_capabilities::mysql::{Client, Column, Connection, Error, Row, Value};
use wasmtime::component::Linker;

use crate::instance::{Host, State};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    second::add_to_linker(linker)?;
    first::add_to_linker(linker)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    third::add_to_linker(linker)
}

impl Host<'_> {
    fn mysql(&self) -> Option<Arc<dyn Client>> {
        self.granted.mysql.clone()
    }
}

async fn open(
    client: Option<Arc<dyn Client>>,
    address: &str,
) -> Result<Arc<dyn Connection>, Error> {
    match client {
        Some(client) => client.open(address).await,
        None => Err(Error::ConnectionFailed(
            "this host does not connect to MySQL".into(),
        )),
    }
}

/// A whole result.
async fn query(
    connection: &dyn Connection,
    statement: &str,
    parameters: Vec<Value>,
) -> Result<(Vec<Column>, Vec<Row>), Error> {
    connection
        .query(statement, parameters)
        .await?
        .collect()
        .await
}

/// What a guest is told that never drops the connections it opens.
const FULL: &str = "too many connections";

/// The three contracts have the same types under names of their own.
macro_rules! translations {
    ($error:ident, $other:ident) => {
        impl From<mysql::Error> for $error {
            fn from(error: mysql::Error) -> Self {
                match error {
                    mysql::Error::ConnectionFailed(what) => Self::ConnectionFailed(what),
                    mysql::Error::BadParameter(what) => Self::BadParameter(what),
                    mysql::Error::QueryFailed(what) => Self::QueryFailed(what),
                    // Not as with PostgreSQL, but as Spin has it.
                    mysql::Error::TooLarge(_) => Self::$other(error.to_string()),
                    mysql::Error::ValueConversionFailed(what) => Self::ValueConversionFailed(what),
                    mysql::Error::Other(what) => Self::$other(what),
                }
            }
        }

        impl From<ParameterValue> for mysql::Value {
            fn from(value: ParameterValue) -> Self {
                match value {
                    ParameterValue::Boolean(truth) => Self::Boolean(truth),
                    ParameterValue::Int8(number) => Self::Int8(number),
                    ParameterValue::Int16(number) => Self::Int16(number),
                    ParameterValue::Int32(number) => Self::Int32(number),
                    ParameterValue::Int64(number) => Self::Int64(number),
                    ParameterValue::Uint8(number) => Self::Uint8(number),
                    ParameterValue::Uint16(number) => Self::Uint16(number),
                    ParameterValue::Uint32(number) => Self::Uint32(number),
                    ParameterValue::Uint64(number) => Self::Uint64(number),
                    ParameterValue::Floating32(number) => Self::Floating32(number),
                    ParameterValue::Floating64(number) => Self::Floating64(number),
                    ParameterValue::Str(text) => Self::Str(text),
                    ParameterValue::Binary(bytes) => Self::Binary(bytes),
                    ParameterValue::DbNull => Self::Null,
                }
            }
        }

        impl From<mysql::Value> for DbValue {
            fn from(value: mysql::Value) -> Self {
                match value {
                    mysql::Value::Null => Self::DbNull,
                    mysql::Value::Boolean(truth) => Self::Boolean(truth),
                    mysql::Value::Int8(number) => Self::Int8(number),
                    mysql::Value::Int16(number) => Self::Int16(number),
                    mysql::Value::Int32(number) => Self::Int32(number),
                    mysql::Value::Int64(number) => Self::Int64(number),
                    mysql::Value::Uint8(number) => Self::Uint8(number),
                    mysql::Value::Uint16(number) => Self::Uint16(number),
                    mysql::Value::Uint32(number) => Self::Uint32(number),
                    mysql::Value::Uint64(number) => Self::Uint64(number),
                    mysql::Value::Floating32(number) => Self::Floating32(number),
                    mysql::Value::Floating64(number) => Self::Floating64(number),
                    mysql::Value::Str(text) => Self::Str(text),
                    mysql::Value::Binary(bytes) => Self::Binary(bytes),
                }
            }
        }

        impl From<mysql::Column> for Column {
            fn from(column: mysql::Column) -> Self {
                Self {
                    name: column.name,
                    data_type: match column.data_type {
                        mysql::DataType::Int8 => DbDataType::Int8,
                        mysql::DataType::Int16 => DbDataType::Int16,
                        mysql::DataType::Int32 => DbDataType::Int32,
                        mysql::DataType::Int64 => DbDataType::Int64,
                        mysql::DataType::Uint8 => DbDataType::Uint8,
                        mysql::DataType::Uint16 => DbDataType::Uint16,
                        mysql::DataType::Uint32 => DbDataType::Uint32,
                        mysql::DataType::Uint64 => DbDataType::Uint64,
                        mysql::DataType::Floating32 => DbDataType::Floating32,
                        mysql::DataType::Floating64 => DbDataType::Floating64,
                        mysql::DataType::Str => DbDataType::Str,
                        mysql::DataType::Binary => DbDataType::Binary,
                        mysql::DataType::Other => DbDataType::Other,
                    },
                }
            }
        }

        fn parameters(values: Vec<ParameterValue>) -> Vec<mysql::Value> {
            values.into_iter().map(mysql::Value::from).collect()
        }

        fn columns(columns: Vec<mysql::Column>) -> Vec<Column> {
            columns.into_iter().map(Column::from).collect()
        }

        fn row(row: mysql::Row) -> Vec<DbValue> {
            row.into_iter().map(DbValue::from).collect()
        }
    };
}
use translations;
