//! MySQL servers, by the calls of Spin 2, which block.

use crate::call::{Call, Refusal};
use spin_sdk::mysql::{Connection, ParameterValue};

pub(crate) fn value(call: &Call) -> Result<String, Refusal> {
    let connection = Connection::open(call.wanted("address")?)?;
    let parameters: Vec<ParameterValue> =
        call.all("p").into_iter().map(ParameterValue::Str).collect();
    match call.function() {
        "open" => Ok("opened".to_owned()),
        "execute" => {
            connection.execute(call.wanted("sql")?, &parameters)?;
            Ok("()".to_owned())
        }
        "query" => {
            let found = connection.query(call.wanted("sql")?, &parameters)?;
            let names = found.columns.iter().map(|column| column.name.as_str());
            let names: Vec<&str> = names.collect();
            Ok(format!("{} {:?}", names.join(","), found.rows))
        }
        _ => Err(call.unknown()),
    }
}
