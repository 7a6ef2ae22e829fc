//! MySQL servers that a component reaches by an address of its own, where its manifest lets it.
//!
//! The address and the credentials are the guest's; this host adds a bounded pool per revision, and bounds what is
//! read. What guests call these types, version by version, is the runtime's to know.

use std::sync::Arc;

use async_trait::async_trait;

use crate::network::Network;

pub use crate::postgres::Config;

/// Makes clients; one per host.
pub trait Driver: Send + Sync {
    /// A client that reaches what `network` lets it, with a pool of its own: one per revision.
    fn client(&self, network: Network) -> Arc<dyn Client>;
}

/// Opens connections.
#[async_trait]
pub trait Client: Send + Sync {
    /// Opens a connection to `address`, a URL, or takes one that nobody uses any more.
    ///
    /// # Errors
    /// [`Error::ConnectionFailed`], in words that may go to a guest.
    async fn open(&self, address: &str) -> Result<Arc<dyn Connection>, Error>;
}

/// An open connection, and with it a session. It goes back to its pool when the last handle is gone. One statement runs
/// at a time; the others wait until its rows were read or dropped.
#[async_trait]
pub trait Connection: Send + Sync {
    /// Runs a statement that returns rows; of several results, the first counts. Parameters are `?`.
    async fn query(&self, statement: &str, parameters: Vec<Value>) -> Result<Answer, Error>;

    /// Runs a statement.
    async fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<(), Error>;
}

/// What a query returns.
pub struct Answer {
    /// The columns, also where there are no rows.
    pub columns: Vec<Column>,
    /// The rows, as they arrive.
    pub rows: Box<dyn Rows>,
}

/// Rows on their way.
#[async_trait]
pub trait Rows: Send {
    /// Some of them, in order; none after the last.
    ///
    /// # Errors
    /// Nothing comes after an error.
    async fn next(&mut self) -> Result<Vec<Row>, Error>;
}

impl Answer {
    /// Waits for all rows. The driver bounds how much they are.
    pub async fn collect(mut self) -> Result<(Vec<Column>, Vec<Row>), Error> {
        let mut rows = Vec::new();
        loop {
            let some = self.rows.next().await?;
            if some.is_empty() {
                return Ok((self.columns, rows));
            }
            rows.extend(some);
        }
    }
}

/// A row: as many values as there are columns.
pub type Row = Vec<Value>;

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, which need not be unique.
    pub name: String,
    /// What it holds.
    pub data_type: DataType,
}

/// The type of a column. MySQL has no booleans: they are numbers of 8 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// `tinyint`
    Int8,
    /// `smallint`
    Int16,
    /// `mediumint`, `int`
    Int32,
    /// `bigint`
    Int64,
    /// `tinyint unsigned`
    Uint8,
    /// `smallint unsigned`
    Uint16,
    /// `mediumint unsigned`, `int unsigned`
    Uint32,
    /// `bigint unsigned`
    Uint64,
    /// `float`
    Floating32,
    /// `double`
    Floating64,
    /// Texts of any length.
    Str,
    /// Bytes of any length.
    Binary,
    /// Any other, which the contract has no values for.
    Other,
}

/// A value of a column or of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `NULL` of any type.
    Null,
    /// A parameter: 1 or 0.
    Boolean(bool),
    /// Of a `tinyint`.
    Int8(i8),
    /// Of a `smallint`.
    Int16(i16),
    /// Of a `mediumint` or `int`.
    Int32(i32),
    /// Of a `bigint`.
    Int64(i64),
    /// Of a `tinyint unsigned`.
    Uint8(u8),
    /// Of a `smallint unsigned`.
    Uint16(u16),
    /// Of a `mediumint unsigned` or `int unsigned`.
    Uint32(u32),
    /// Of a `bigint unsigned`.
    Uint64(u64),
    /// Of a `float`.
    Floating32(f32),
    /// Of a `double`.
    Floating64(f64),
    /// Of a text.
    Str(String),
    /// Of bytes.
    Binary(Vec<u8>),
}

/// What a row holds in memory, in bytes: what limits count.
pub fn row_bytes(row: &[Value]) -> usize {
    let heap = |value: &Value| match value {
        Value::Str(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        _ => 0,
    };
    size_of::<Row>() + size_of_val(row) + row.iter().map(heap).sum::<usize>()
}

/// Why a call failed. All of it may be told to the guest whose call it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no connection.
    #[error("connection failed: {0}")]
    ConnectionFailed(String),
    /// A parameter is not what its type says.
    #[error("bad parameter: {0}")]
    BadParameter(String),
    /// The server refused the statement, or could not be asked.
    #[error("query failed: {0}")]
    QueryFailed(String),
    /// The result holds more bytes than a result may.
    #[error("query result exceeds limit of {0} bytes")]
    TooLarge(usize),
    /// A value from the database has no form in the contract.
    #[error("value conversion failed: {0}")]
    ValueConversionFailed(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_with_what_they_hold() {
        let empty = row_bytes(&[Value::Null]);
        let held = |value| row_bytes(&[value]) - empty;
        assert_eq!(held(Value::Uint64(1)), 0);
        assert_eq!(held(Value::Str("x".repeat(100))), 100);
        assert_eq!(held(Value::Binary(vec![0; 7])), 7);
        assert_eq!(
            row_bytes(&[Value::Null, Value::Null, Value::Null]) - empty,
            2 * size_of::<Value>()
        );
    }
}
