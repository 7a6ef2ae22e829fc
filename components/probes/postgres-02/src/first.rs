//! The interface of Spin 1.

use crate::bindings::first::fermyon::spin::postgres::{self, ParameterValue, PgError, RowSet};
use probe_kit_02::{Answer, Call};
use probe_kit_sql::{parameters, table};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    let (address, sql) = (call.wanted("address")?, call.wanted("sql")?);
    match call.op()? {
        "query" => Ok(rows(postgres::query(address, sql, &parameters(call)?)?)),
        "execute" => Ok(Answer::text(postgres::execute(
            address,
            sql,
            &parameters(call)?,
        )?)),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn rows(found: RowSet) -> Answer {
    let columns = found.columns.into_iter();
    let columns = columns.map(|column| (column.name, column.data_type));
    Answer::lines(table(columns, found.rows))
}

parameters!(unsigned for Answer);

impl From<PgError> for Answer {
    fn from(error: PgError) -> Self {
        match error {
            PgError::Success => Self::failed("success", ""),
            PgError::ConnectionFailed(what) => Self::failed("connection-failed", &what),
            PgError::BadParameter(what) => Self::failed("bad-parameter", &what),
            PgError::QueryFailed(what) => Self::failed("query-failed", &what),
            PgError::ValueConversionFailed(what) => Self::failed("value-conversion-failed", &what),
            PgError::OtherError(what) => Self::failed("other", &what),
        }
    }
}
