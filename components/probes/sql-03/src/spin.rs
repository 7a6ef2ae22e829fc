//! `spin:sqlite@3.1`.

use crate::bindings::spin::sqlite::sqlite::{Connection, Error, RowResult, Value};
use crate::{split, unknown};
use probe_kit_03::{Call, Refusal, lines, text};
use stoa_sdk::http::Response;

pub(crate) async fn answer(call: &Call) -> Result<Response, Refusal> {
    let connection = Connection::open_async(call.label()?.to_owned()).await?;
    match call.op()? {
        "execute" => {
            let sql = call.wanted("sql")?.to_owned();
            let (columns, rows, ended) = connection.execute_async(sql, values(call)?).await?;
            let rows = rows.collect().await;
            ended.await?;
            Ok(table(columns, rows))
        }
        "numbers" => {
            for sql in call.all("sql") {
                let (_, rows, ended) = connection.execute_async(sql, Vec::new()).await?;
                drop(rows);
                ended.await?;
            }
            let changes = connection.changes_async().await;
            let id = connection.last_insert_rowid_async().await;
            Ok(text(format!("{changes} {id}")))
        }
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

pub(crate) fn answer_blocking(call: &Call) -> Result<Response, Refusal> {
    let connection = Connection::open(call.label()?)?;
    match call.op()? {
        "execute" => {
            let result = connection.execute(call.wanted("sql")?, &values(call)?)?;
            Ok(table(result.columns, result.rows))
        }
        "numbers" => {
            for sql in call.all("sql") {
                connection.execute(&sql, &[])?;
            }
            let (changes, id) = (connection.changes(), connection.last_insert_rowid());
            Ok(text(format!("{changes} {id}")))
        }
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

fn values(call: &Call) -> Result<Vec<Value>, Refusal> {
    let value = |written: &String| {
        let (kind, rest) = split(written);
        Ok(match kind {
            "null" => Value::Null,
            "i" => Value::Integer(rest.parse().map_err(|_| unknown(written))?),
            "r" => Value::Real(rest.parse().map_err(|_| unknown(written))?),
            "t" => Value::Text(rest.to_owned()),
            "x" => Value::Blob(rest.as_bytes().to_vec()),
            _ => return Err(unknown(written)),
        })
    };
    call.all("p").iter().map(value).collect()
}

fn table(columns: Vec<String>, rows: Vec<RowResult>) -> Response {
    let row = |row: RowResult| row.values.into_iter().map(shown).collect::<Vec<_>>();
    let rows = rows.into_iter().map(|found| row(found).join("|"));
    let all = std::iter::once(columns.join("|")).chain(rows);
    lines(all.map(String::into_bytes))
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(integer) => format!("i:{integer}"),
        Value::Real(real) => format!("r:{real}"),
        Value::Text(text) => format!("t:{text}"),
        Value::Blob(bytes) => format!("x:{}", String::from_utf8_lossy(&bytes)),
    }
}

impl From<Error> for Refusal {
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
