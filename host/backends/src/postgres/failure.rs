//! What the driver's errors are to a guest. The server is the guest's own, so its words may be told.

use std::error::Error as _;

use stoa_capabilities::postgres::{Error, Refusal};
use tokio_postgres::error::DbError;

/// Why there is no connection.
pub(super) fn connecting(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(refused) => refusal(refused).text(),
        None => told(error),
    }
}

/// Why a statement failed.
pub(super) fn querying(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(refused) => Error::Refused(Box::new(refusal(refused))),
        None => Error::QueryFailed(told(error)),
    }
}

/// An error that is no answer of the server: what it is, and why. The reason of a lost connection would tell of our
/// network.
fn told(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(source) if source.is::<std::io::Error>() => error.to_string(),
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn refusal(error: &DbError) -> Refusal {
    Refusal {
        severity: error.severity().to_owned(),
        code: error.code().code().to_owned(),
        message: error.message().to_owned(),
        detail: error.detail().map(str::to_owned),
        extras: extras(error),
    }
}

/// The other fields, under the names that Spin gives them.
fn extras(error: &DbError) -> Vec<(String, String)> {
    let line = error.line().map(|line| line.to_string());
    let fields = [
        ("column", error.column()),
        ("constraint", error.constraint()),
        ("routine", error.routine()),
        ("hint", error.hint()),
        ("table", error.table()),
        ("datatype", error.datatype()),
        ("schema", error.schema()),
        ("file", error.file()),
        ("line", line.as_deref()),
        ("where_", error.where_()),
    ];
    let there = fields
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value.to_owned())));
    there.collect()
}
