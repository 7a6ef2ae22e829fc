//! SQLite databases, by calls that wait. Rows come as a stream.

use crate::call::{Call, Refusal};
use spin_sdk::sqlite::{Connection, Value};

pub(crate) async fn value(call: &Call) -> Result<String, Refusal> {
    let connection = match call.wanted("label")? {
        // By the call that knows its name.
        "default" => Connection::open_default().await?,
        label => Connection::open(label).await?,
    };
    match call.function() {
        "open" => Ok("opened".to_owned()),
        "execute" => {
            let parameters = call.all("p").into_iter().map(Value::Text).collect();
            rows(&connection, call.wanted("sql")?, parameters).await
        }
        "values" => {
            let each = vec![
                Value::Integer(7),
                Value::Real(1.5),
                Value::Text("seven".to_owned()),
                Value::Blob(vec![7]),
                Value::Null,
            ];
            let sql = "SELECT ? AS i, ? AS r, ? AS t, ? AS b, ? AS n";
            rows(&connection, sql, each).await
        }
        "insert" => {
            rows(&connection, call.wanted("sql")?, Vec::new()).await?;
            let row = connection.last_insert_rowid().await;
            let changes = connection.changes().await;
            Ok(format!("{row} {changes}"))
        }
        _ => Err(call.unknown()),
    }
}

async fn rows(
    connection: &Connection,
    sql: &str,
    parameters: Vec<Value>,
) -> Result<String, Refusal> {
    let found = connection.execute(sql, parameters).await?;
    let names = found.columns().join(",");
    let rows = found.collect().await?;
    let rows: Vec<String> = rows.iter().map(|row| format!("{:?}", row.values)).collect();
    Ok(format!("{names} {}", rows.join(" ")))
}
