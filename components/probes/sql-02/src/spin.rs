//! Spin's SQLite, in both versions. Their types have the same names.

macro_rules! sqlite {
    ($module:ident, $($sqlite:ident)::+) => {
        pub(crate) mod $module {
            use crate::bindings::$($sqlite)::+::{Connection, Error, QueryResult, Value};
            use crate::{split, unknown};
            use probe_kit_02::{Answer, Call};

            pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
                let connection = Connection::open(call.label()?)?;
                match call.op()? {
                    "execute" => {
                        let result = connection.execute(call.wanted("sql")?, &values(call)?)?;
                        Ok(Answer::lines(lines(result).into_iter().map(String::into_bytes)))
                    }
                    op => Err(Answer::bad(format!("no such op: {op}"))),
                }
            }

            fn values(call: &Call) -> Result<Vec<Value>, Answer> {
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

            fn lines(result: QueryResult) -> Vec<String> {
                let rows = result.rows.into_iter().map(|row| row.values);
                let rows = rows.map(|row| row.into_iter().map(shown).collect::<Vec<_>>().join("|"));
                std::iter::once(result.columns.join("|")).chain(rows).collect()
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
        }
    };
}

sqlite!(third, spin::spin::sqlite::sqlite);
sqlite!(second, fermyon::fermyon::spin::sqlite);

use crate::bindings::spin::spin::sqlite::sqlite::Connection;
use probe_kit_02::{Answer, Call};

/// What a connection remembers, which only the third version tells.
pub(crate) fn numbers(call: &Call) -> Result<Answer, Answer> {
    let connection = Connection::open(call.label()?)?;
    for sql in call.all("sql") {
        connection.execute(&sql, &[])?;
    }
    let (changes, id) = (connection.changes(), connection.last_insert_rowid());
    Ok(Answer::text(format!("{changes} {id}")))
}
