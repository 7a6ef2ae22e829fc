//! The interface of Spin 1.

use crate::bindings::first::fermyon::spin::mysql::{self, MysqlError, ParameterValue, RowSet};
use probe_kit_02::{Answer, Call};
use probe_kit_sql::{parameters, table};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    let (address, sql) = (call.wanted("address")?, call.wanted("sql")?);
    match call.op()? {
        "query" => Ok(rows(mysql::query(address, sql, &parameters(call)?)?)),
        "execute" => {
            mysql::execute(address, sql, &parameters(call)?)?;
            Ok(Answer::done())
        }
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn rows(found: RowSet) -> Answer {
    let columns = found.columns.into_iter();
    let columns = columns.map(|column| (column.name, column.data_type));
    Answer::lines(table(columns, found.rows))
}

parameters!(unsigned for Answer);

impl From<MysqlError> for Answer {
    fn from(error: MysqlError) -> Self {
        match error {
            MysqlError::Success => Self::failed("success", ""),
            MysqlError::ConnectionFailed(what) => Self::failed("connection-failed", &what),
            MysqlError::BadParameter(what) => Self::failed("bad-parameter", &what),
            MysqlError::QueryFailed(what) => Self::failed("query-failed", &what),
            MysqlError::ValueConversionFailed(what) => {
                Self::failed("value-conversion-failed", &what)
            }
            MysqlError::OtherError(what) => Self::failed("other", &what),
        }
    }
}
