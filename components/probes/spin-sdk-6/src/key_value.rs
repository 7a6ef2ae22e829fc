//! Key-value stores, by calls that wait.

use crate::call::{Call, Refusal, shown, sorted};
use spin_sdk::key_value::Store;

pub(crate) async fn value(call: &Call) -> Result<String, Refusal> {
    let store = match call.wanted("label")? {
        // By the call that knows its name.
        "default" => Store::open_default().await?,
        label => Store::open(label).await?,
    };
    let key = || call.wanted("key");
    Ok(match call.function() {
        "open" => "opened".to_owned(),
        "get" => shown(store.get(key()?).await?),
        "set" => {
            store.set(key()?, call.wanted("value")?).await?;
            "set".to_owned()
        }
        "delete" => {
            store.delete(key()?).await?;
            "deleted".to_owned()
        }
        "exists" => store.exists(key()?).await?.to_string(),
        "get-keys" => sorted(store.get_keys().await.collect().await?),
        _ => return Err(call.unknown()),
    })
}
