//! The interface of `fermyon:spin@2`.

use crate::bindings::second::fermyon::spin::mysql::{Connection, Error, ParameterValue, RowSet};
use probe_kit_02::{Answer, Call};
use probe_kit_sql::{errors, parameters, table};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    let connection = open(call)?;
    // Those before the last one are run for what they do to the connection.
    for before in call.all("before") {
        connection.execute(&before, &[])?;
    }
    let sql = call.wanted("sql")?;
    match call.op()? {
        "query" => Ok(rows(connection.query(sql, &parameters(call)?)?)),
        "execute" => {
            connection.execute(sql, &parameters(call)?)?;
            Ok(Answer::done())
        }
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn open(call: &Call) -> Result<Connection, Answer> {
    Ok(Connection::open(call.wanted("address")?)?)
}

fn rows(found: RowSet) -> Answer {
    let columns = found.columns.into_iter();
    let columns = columns.map(|column| (column.name, column.data_type));
    Answer::lines(table(columns, found.rows))
}

parameters!(unsigned for Answer);
errors!(Error for Answer);
