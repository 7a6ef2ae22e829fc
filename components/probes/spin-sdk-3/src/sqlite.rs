//! SQLite databases. Modules of the SDK that differ in their types alone have one macro here.

/// Makes the function of a module of the SDK, of the same name.
macro_rules! of {
    ($module:ident) => {
        fn $module(call: &$crate::call::Call) -> Result<String, $crate::call::Refusal> {
            use spin_sdk::$module::{Connection, Value};

            let connection = match call.wanted("label")? {
                // By the call that knows its name.
                "default" => Connection::open_default()?,
                label => Connection::open(label)?,
            };
            let (sql, parameters) = match call.function() {
                "open" => return Ok("opened".to_owned()),
                "execute" => {
                    let parameters = call.all("p").into_iter().map(Value::Text);
                    (call.wanted("sql")?, parameters.collect::<Vec<_>>())
                }
                "values" => {
                    let each = vec![
                        Value::Integer(7),
                        Value::Real(1.5),
                        Value::Text("seven".to_owned()),
                        Value::Blob(vec![7]),
                        Value::Null,
                    ];
                    ("SELECT ? AS i, ? AS r, ? AS t, ? AS b, ? AS n", each)
                }
                _ => return Err(call.unknown()),
            };
            let found = connection.execute(sql, &parameters)?;
            let rows = found.rows.iter().map(|row| format!("{:?}", row.values));
            let rows: Vec<String> = rows.collect();
            Ok(format!("{} {}", found.columns.join(","), rows.join(" ")))
        }
    };
}
pub(crate) use of;
