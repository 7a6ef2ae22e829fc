//! PostgreSQL in the versions that components are built against, over the same connections.

mod first;
mod fourth;
mod second;
mod third;

use std::sync::Arc;

use stoa_capabilities::postgres::{Client, Column, Connection, Error, Root, Row, Value};
use wasmtime::component::Linker;

use crate::instance::{Host, State};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    third::add_to_linker(linker)?;
    second::add_to_linker(linker)?;
    first::add_to_linker(linker)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    fourth::add_to_linker(linker)
}

impl Host<'_> {
    fn postgres(&self) -> Option<Arc<dyn Client>> {
        self.granted.postgres.clone()
    }
}

async fn open(
    client: Option<Arc<dyn Client>>,
    address: &str,
    root: Option<&Root>,
) -> Result<Arc<dyn Connection>, Error> {
    match client {
        Some(client) => client.open(address, root).await,
        None => Err(Error::ConnectionFailed(
            "this host does not connect to PostgreSQL".into(),
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

/// The older contracts have one text for what a server answers.
macro_rules! errors {
    ($error:ident, $other:ident) => {
        impl From<postgres::Error> for $error {
            fn from(error: postgres::Error) -> Self {
                match error {
                    postgres::Error::ConnectionFailed(what) => Self::ConnectionFailed(what),
                    postgres::Error::BadParameter(what) => Self::BadParameter(what),
                    postgres::Error::QueryFailed(what) => Self::QueryFailed(what),
                    postgres::Error::Refused(refusal) => Self::QueryFailed(refusal.text()),
                    postgres::Error::TooLarge(_) => Self::QueryFailed(error.to_string()),
                    postgres::Error::ValueConversionFailed(what) => {
                        Self::ValueConversionFailed(what)
                    }
                    postgres::Error::Other(what) => Self::$other(what),
                }
            }
        }
    };
}
use errors;

/// The two oldest contracts have the same values under names of their own: those that MySQL has too.
macro_rules! values {
    () => {
        fn parameters(
            values: Vec<ParameterValue>,
        ) -> Result<Vec<postgres::Value>, postgres::Error> {
            values.into_iter().map(parameter).collect()
        }

        fn parameter(value: ParameterValue) -> Result<postgres::Value, postgres::Error> {
            Ok(match value {
                ParameterValue::Boolean(truth) => postgres::Value::Boolean(truth),
                ParameterValue::Int8(number) => postgres::Value::Int8(number),
                ParameterValue::Int16(number) => postgres::Value::Int16(number),
                ParameterValue::Int32(number) => postgres::Value::Int32(number),
                ParameterValue::Int64(number) => postgres::Value::Int64(number),
                ParameterValue::Floating32(number) => postgres::Value::Floating32(number),
                ParameterValue::Floating64(number) => postgres::Value::Floating64(number),
                ParameterValue::Str(text) => postgres::Value::Str(text),
                ParameterValue::Binary(bytes) => postgres::Value::Binary(bytes),
                ParameterValue::DbNull => postgres::Value::Null,
                ParameterValue::Uint8(_)
                | ParameterValue::Uint16(_)
                | ParameterValue::Uint32(_)
                | ParameterValue::Uint64(_) => {
                    return Err(postgres::Error::ValueConversionFailed(
                        "PostgreSQL has no unsigned integers".into(),
                    ));
                }
            })
        }

        fn row_set((columns, rows): (Vec<postgres::Column>, Vec<postgres::Row>)) -> RowSet {
            let row = |row: postgres::Row| row.into_iter().map(DbValue::from).collect();
            RowSet {
                columns: columns.into_iter().map(Column::from).collect(),
                rows: rows.into_iter().map(row).collect(),
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
                        _ => DbDataType::Other,
                    },
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
                    _ => Self::Unsupported,
                }
            }
        }
    };
}
use values;
