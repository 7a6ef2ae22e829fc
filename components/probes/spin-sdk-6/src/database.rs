//! Databases of outside servers, by calls that wait. Rows come as a stream.

/// Makes the function of a module of the SDK, of the same name.
macro_rules! of {
    ($module:ident) => {
        async fn $module(call: &$crate::call::Call) -> Result<String, $crate::call::Refusal> {
            use spin_sdk::$module::{Connection, ParameterValue};

            let connection = Connection::open(call.wanted("address")?).await?;
            let parameters: Vec<ParameterValue> =
                call.all("p").into_iter().map(ParameterValue::Str).collect();
            match call.function() {
                "open" => Ok("opened".to_owned()),
                // MySQL does not say how many rows there were: `()`.
                "execute" => Ok(format!(
                    "{:?}",
                    connection.execute(call.wanted("sql")?, parameters).await?
                )),
                "query" => {
                    let mut found = connection.query(call.wanted("sql")?, parameters).await?;
                    let columns = found.columns().iter();
                    let names: Vec<String> = columns.map(|column| column.name.clone()).collect();
                    let mut rows = Vec::new();
                    while let Some(row) = found.rows().next().await {
                        rows.push(row);
                    }
                    found.result().await?;
                    Ok(format!("{} {rows:?}", names.join(",")))
                }
                _ => Err(call.unknown()),
            }
        }
    };
}
pub(crate) use of;
