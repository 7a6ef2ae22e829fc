//! The operations on Spin's key-value store.

use crate::bindings::spin::key_value::key_value::{Error, Store};
use probe_kit_03::{Call, Refusal, done, lines, text, value};
use stoa_sdk::http::Response;

pub(crate) async fn answer(call: &Call) -> Result<Response, Refusal> {
    let store = Store::open(call.label()?.to_owned()).await?;
    match call.op()? {
        "get" => Ok(value(store.get(call.key()?.to_owned()).await?)),
        "set" => {
            store
                .set(call.key()?.to_owned(), call.value()?.to_vec())
                .await?;
            Ok(done())
        }
        "delete" => {
            store.delete(call.key()?.to_owned()).await?;
            Ok(done())
        }
        "exists" => Ok(text(store.exists(call.key()?.to_owned()).await?)),
        "list" => list(&store, call.prefix()).await,
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

/// Spin has no prefixes: the probe leaves out what does not start with it.
async fn list(store: &Store, prefix: &str) -> Result<Response, Refusal> {
    let (mut keys, ended) = store.get_keys().await;
    let mut found = Vec::new();
    while let Some(key) = keys.next().await {
        if key.starts_with(prefix) {
            found.push(key.into_bytes());
        }
    }
    ended.await?;
    Ok(lines(found))
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::StoreTableFull => Self::failed("store-table-full", "too many stores are open"),
            Error::NoSuchStore => {
                Self::forbidden("no-such-store", "no store of this label was granted")
            }
            Error::AccessDenied => {
                Self::forbidden("access-denied", "the grant does not allow this")
            }
            Error::Other(message) => Self::failed("other", &message),
        }
    }
}
