//! Databases of outside servers. The SDK's modules for them differ in their types alone.

/// Makes the function of a module of the SDK, of the same name.
macro_rules! of {
    ($module:ident) => {
        fn $module(call: &$crate::call::Call) -> Result<String, $crate::call::Refusal> {
            use spin_sdk::$module::{Connection, ParameterValue};

            let connection = Connection::open(call.wanted("address")?)?;
            let parameters: Vec<ParameterValue> =
                call.all("p").into_iter().map(ParameterValue::Str).collect();
            match call.function() {
                "open" => Ok("opened".to_owned()),
                // MySQL does not say how many rows there were: `()`.
                "execute" => Ok(format!(
                    "{:?}",
                    connection.execute(call.wanted("sql")?, &parameters)?
                )),
                "query" => {
                    let found = connection.query(call.wanted("sql")?, &parameters)?;
                    let names = found.columns.iter().map(|column| column.name.as_str());
                    let names: Vec<&str> = names.collect();
                    Ok(format!("{} {:?}", names.join(","), found.rows))
                }
                _ => Err(call.unknown()),
            }
        }
    };
}
pub(crate) use of;
