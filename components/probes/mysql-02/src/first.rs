//! The interface of Spin 1.

use crate::bindings::first::fermyon::spin::mysql::{self, MysqlError, ParameterValue, RowSet};
use crate::written::{number, split, table, unknown};
use probe_kit_02::{Answer, Call};

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
    Answer::lines(
        table(columns, found.rows)
            .into_iter()
            .map(String::into_bytes),
    )
}

fn parameters(call: &Call) -> Result<Vec<ParameterValue>, Answer> {
    let parameter = |written: &String| {
        let (kind, rest) = split(written);
        Ok(match kind {
            "null" => ParameterValue::DbNull,
            "b" => ParameterValue::Boolean(number(rest)?),
            "i8" => ParameterValue::Int8(number(rest)?),
            "i16" => ParameterValue::Int16(number(rest)?),
            "i32" => ParameterValue::Int32(number(rest)?),
            "i64" => ParameterValue::Int64(number(rest)?),
            "f32" => ParameterValue::Floating32(number(rest)?),
            "f64" => ParameterValue::Floating64(number(rest)?),
            "t" => ParameterValue::Str(rest.to_owned()),
            "x" => ParameterValue::Binary(rest.as_bytes().to_vec()),
            "u8" => ParameterValue::Uint8(number(rest)?),
            "u16" => ParameterValue::Uint16(number(rest)?),
            "u32" => ParameterValue::Uint32(number(rest)?),
            "u64" => ParameterValue::Uint64(number(rest)?),
            _ => return Err(unknown(written)),
        })
    };
    call.all("p").iter().map(parameter).collect()
}

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
