//! The operations on `stoa:keyvalue`, through the SDK.

use crate::call::Call;
use crate::refusal::Refusal;
use crate::{done, lines, text, value};
use stoa_sdk::http::Response;
use stoa_sdk::keyvalue::{Change, Condition, Error, Range, Store};

pub(crate) async fn answer(call: &Call) -> Result<Response, Refusal> {
    let store = Store::open(call.label()?)?;
    match call.op()? {
        "get" => Ok(value(
            store.get(call.key()?).await?.map(|value| value.bytes),
        )),
        "set" => {
            store.set(call.key()?, call.value()?).await?;
            Ok(done())
        }
        "delete" => {
            store.delete(call.key()?).await?;
            Ok(done())
        }
        "exists" => Ok(text(store.get(call.key()?).await?.is_some())),
        "list" => list(&store, call.prefix()).await,
        "increment" => Ok(text(store.increment(call.key()?, call.delta()?).await?)),
        "many" => many(&store, call.all("key")).await,
        "cas" => cas(&store, call).await,
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

async fn list(store: &Store, prefix: &str) -> Result<Response, Refusal> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(Range::prefix(prefix).after(after)).await?;
        keys.extend(page.entries.into_iter().map(|entry| entry.key.into_bytes()));
        if page.next.is_none() {
            return Ok(lines(keys));
        }
        after = page.next;
    }
}

async fn many(store: &Store, keys: Vec<String>) -> Result<Response, Refusal> {
    let values = store.get_many(keys.clone()).await?;
    let line = |(key, value): (String, Option<stoa_sdk::keyvalue::Value>)| {
        let mut line = key.into_bytes();
        if let Some(value) = value {
            line.push(b'=');
            line.extend(value.bytes);
        }
        line
    };
    Ok(lines(keys.into_iter().zip(values).map(line)))
}

async fn cas(store: &Store, call: &Call) -> Result<Response, Refusal> {
    let seen = match store.get(call.key()?).await? {
        Some(value) => Condition::Version(value.version),
        None => Condition::Absent,
    };
    if let Some(between) = call.optional("between") {
        store.set(call.key()?, between).await?;
    }
    store
        .apply(vec![Change::set(call.key()?, call.value()?).when(seen)])
        .await?;
    Ok(done())
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchStore => {
                Self::forbidden("no-such-store", "no store of this label was granted")
            }
            Error::Denied(what) => Self::forbidden("denied", &what),
            Error::Invalid(what) => Self::failed("invalid", &what),
            Error::TooLarge { limit } => {
                Self::failed("too-large", &format!("at most {limit} bytes"))
            }
            Error::Conflict(key) => Self::failed("conflict", &key),
            Error::Deadline => Self::failed("deadline", "no answer in time"),
            Error::Unavailable => Self::failed("unavailable", "the store cannot be reached"),
            Error::Other { code, message } => Self::failed("other", &format!("{code}: {message}")),
        }
    }
}
