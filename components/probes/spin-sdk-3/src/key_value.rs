//! Key-value stores.

use crate::call::{shown, sorted, Call, Refusal};
use spin_sdk::key_value::Store;

pub(crate) fn value(call: &Call) -> Result<String, Refusal> {
    let store = match call.wanted("label")? {
        // By the call that knows its name.
        "default" => Store::open_default()?,
        label => Store::open(label)?,
    };
    let key = || call.wanted("key");
    Ok(match call.function() {
        "open" => "opened".to_owned(),
        "get" => shown(store.get(key()?)?),
        "set" => {
            store.set(key()?, call.wanted("value")?.as_bytes())?;
            "set".to_owned()
        }
        "delete" => {
            store.delete(key()?)?;
            "deleted".to_owned()
        }
        "exists" => store.exists(key()?)?.to_string(),
        "get-keys" => sorted(store.get_keys()?),
        _ => return Err(call.unknown()),
    })
}
