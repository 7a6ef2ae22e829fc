//! The interface of `fermyon:spin@2`.

use crate::bindings::second::fermyon::spin::postgres::{Connection, Error, ParameterValue, RowSet};
use crate::written::{number, split, table, unknown};
use probe_kit_02::{Answer, Call};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    let connection = open(call)?;
    // Those before the last one are run for what they do to the connection.
    for before in call.all("before") {
        connection.execute(&before, &[])?;
    }
    let sql = call.wanted("sql")?;
    match call.op()? {
        "query" => Ok(rows(connection.query(sql, &parameters(call)?)?)),
        "execute" => Ok(Answer::text(connection.execute(sql, &parameters(call)?)?)),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn open(call: &Call) -> Result<Connection, Answer> {
    Ok(Connection::open(call.wanted("address")?)?)
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

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::ConnectionFailed(what) => Self::failed("connection-failed", &what),
            Error::BadParameter(what) => Self::failed("bad-parameter", &what),
            Error::QueryFailed(what) => Self::failed("query-failed", &what),
            Error::ValueConversionFailed(what) => Self::failed("value-conversion-failed", &what),
            Error::Other(what) => Self::failed("other", &what),
        }
    }
}
