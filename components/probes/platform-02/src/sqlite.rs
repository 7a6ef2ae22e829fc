//! `fermyon:spin/sqlite`, without a version.

use crate::bindings::sqlite1::fermyon::spin::sqlite::{self, Error, QueryResult, Value};
use crate::{forged, unknown};
use probe_kit_02::{Answer, Call};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    if call.op()? == "forged" {
        let connection = forged(call)?;
        sqlite::close(connection);
        return shown(sqlite::execute(connection, "SELECT 1", &[])?);
    }
    let connection = sqlite::open(call.label()?)?;
    match call.op()? {
        "execute" => shown(sqlite::execute(
            connection,
            call.wanted("sql")?,
            &values(call)?,
        )?),
        "rows" => {
            let result = sqlite::execute(connection, call.wanted("sql")?, &[])?;
            Ok(Answer::text(result.rows.len()))
        }
        "closed" => {
            sqlite::close(connection);
            sqlite::close(connection);
            shown(sqlite::execute(connection, "SELECT 1", &[])?)
        }
        op => Err(unknown(op)),
    }
}

fn values(call: &Call) -> Result<Vec<Value>, Answer> {
    let value = |written: &String| {
        let unknown = || Answer::bad(format!("no such value: {written}"));
        let (kind, rest) = written.split_once(':').unwrap_or((written, ""));
        Ok(match kind {
            "null" => Value::Null,
            "i" => Value::Integer(rest.parse().map_err(|_| unknown())?),
            "r" => Value::Real(rest.parse().map_err(|_| unknown())?),
            "t" => Value::Text(rest.to_owned()),
            "x" => Value::Blob(rest.as_bytes().to_vec()),
            _ => return Err(unknown()),
        })
    };
    call.all("p").iter().map(value).collect()
}

fn shown(result: QueryResult) -> Result<Answer, Answer> {
    let rows = result.rows.into_iter().map(|row| row.values);
    let rows = rows.map(|row| row.into_iter().map(written).collect::<Vec<_>>().join("|"));
    let lines = std::iter::once(result.columns.join("|")).chain(rows);
    Ok(Answer::lines(lines.map(String::into_bytes)))
}

fn written(value: Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(integer) => format!("i:{integer}"),
        Value::Real(real) => format!("r:{real}"),
        Value::Text(text) => format!("t:{text}"),
        Value::Blob(bytes) => format!("x:{}", String::from_utf8_lossy(&bytes)),
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchDatabase => Self::forbidden("no-such-database", ""),
            Error::AccessDenied => Self::forbidden("access-denied", ""),
            Error::InvalidConnection => Self::failed("invalid-connection", ""),
            Error::DatabaseFull => Self::failed("database-full", ""),
            Error::Io(what) => Self::failed("io", &what),
        }
    }
}
