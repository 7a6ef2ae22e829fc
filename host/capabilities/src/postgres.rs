//! PostgreSQL servers that a component reaches by an address of its own, where its manifest lets it.
//!
//! The address and the credentials are the guest's; this host adds a bounded pool per revision, and bounds what is
//! read. What guests call these types, version by version, is the runtime's to know.

mod config;
mod root;
mod value;

use std::sync::Arc;

use async_trait::async_trait;

pub use config::Config;
pub use root::Root;
pub use value::{
    Bound, Column, DataType, Date, Datetime, Interval, Range, Row, Time, Value, row_bytes,
};

use crate::network::Network;

/// Makes clients; one per host.
pub trait Driver: Send + Sync {
    /// A client that reaches what `network` lets it, with a pool of its own: one per revision.
    fn client(&self, network: Network) -> Arc<dyn Client>;
}

/// Opens connections.
#[async_trait]
pub trait Client: Send + Sync {
    /// Opens a connection to `address`, a URL or libpq's `key=value` pairs, or takes one that nobody uses any more.
    ///
    /// A server's certificate is checked against `root` if there is one, and otherwise against whom this machine trusts.
    ///
    /// # Errors
    /// [`Error::ConnectionFailed`], in words that may go to a guest.
    async fn open(&self, address: &str, root: Option<&Root>) -> Result<Arc<dyn Connection>, Error>;
}

/// An open connection, and with it a session. It goes back to its pool when the last handle is gone.
#[async_trait]
pub trait Connection: Send + Sync {
    /// Runs a statement that returns rows. Parameters are `$1`, `$2`, ….
    async fn query(&self, statement: &str, parameters: Vec<Value>) -> Result<Answer, Error>;

    /// Runs a statement, and tells how many rows it changed or found.
    async fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<u64, Error>;
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
    /// Some of them, as many as arrived together; none after the last.
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

/// Why a call failed. All of it may be told to the guest whose call it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no connection.
    #[error("connection failed: {0}")]
    ConnectionFailed(String),
    /// A parameter is not what its type says.
    #[error("bad parameter: {0}")]
    BadParameter(String),
    /// The statement failed, and nobody can say more than this.
    #[error("query failed: {0}")]
    QueryFailed(String),
    /// The server refused the statement.
    #[error("query failed: {}", .0.text())]
    Refused(Box<Refusal>),
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

/// An error as PostgreSQL reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `ERROR`, `FATAL` or `PANIC`.
    pub severity: String,
    /// The SQLSTATE, five letters or digits.
    pub code: String,
    /// What happened.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What else there is, by the name of the field.
    pub extras: Vec<(String, String)>,
}

impl Refusal {
    /// All of it in one text, for contracts that have only that.
    pub fn text(&self) -> String {
        let Self {
            severity,
            code,
            message,
            ..
        } = self;
        let mut text = format!("{severity}: {message} (SQLSTATE {code})");
        if let Some(detail) = &self.detail {
            text.push_str("\nDETAIL: ");
            text.push_str(detail);
        }
        for (_, hint) in self.extras.iter().filter(|(name, _)| name == "hint") {
            text.push_str("\nHINT: ");
            text.push_str(hint);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Batches(Vec<Result<Vec<Row>, Error>>);

    #[async_trait]
    impl Rows for Batches {
        async fn next(&mut self) -> Result<Vec<Row>, Error> {
            match self.0.is_empty() {
                true => Ok(Vec::new()),
                false => self.0.remove(0),
            }
        }
    }

    fn answer(batches: Vec<Result<Vec<Row>, Error>>) -> Answer {
        Answer {
            columns: Vec::new(),
            rows: Box::new(Batches(batches)),
        }
    }

    #[tokio::test]
    async fn rows_that_break_off_are_no_result() {
        let broken = answer(vec![
            Ok(vec![vec![Value::Int32(1)]]),
            Err(Error::TooLarge(1)),
        ]);
        assert_eq!(broken.collect().await, Err(Error::TooLarge(1)));
    }

    #[tokio::test]
    async fn rows_are_collected_in_order() {
        let rows = |numbers: &[i32]| -> Vec<Row> {
            let row = |number: &i32| vec![Value::Int32(*number)];
            numbers.iter().map(row).collect()
        };
        let answer = answer(vec![Ok(rows(&[1, 2])), Ok(rows(&[3]))]);
        assert_eq!(answer.collect().await, Ok((Vec::new(), rows(&[1, 2, 3]))));
    }

    #[test]
    fn a_refusal_is_told_with_its_code_detail_and_hint() {
        let refusal = Refusal {
            severity: "ERROR".into(),
            code: "23505".into(),
            message: "duplicate key".into(),
            detail: Some("it is there".into()),
            extras: vec![
                ("table".into(), "t".into()),
                ("hint".into(), "another".into()),
            ],
        };
        assert_eq!(
            refusal.text(),
            "ERROR: duplicate key (SQLSTATE 23505)\nDETAIL: it is there\nHINT: another"
        );
    }
}
