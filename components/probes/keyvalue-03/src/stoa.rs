//! The operations on `stoa:keyvalue`, through the SDK.

use probe_kit_03::{Call, Refusal, done, lines, text, value};
use std::time::Duration;
use stoa_sdk::http::Response;
use stoa_sdk::keyvalue::{Change, Condition, Error, Range, Store, Value};

pub(crate) async fn answer(call: &Call) -> Result<Response, Refusal> {
    let store = Store::open(call.label()?).map_err(refusal)?;
    match call.op()? {
        "get" => Ok(value(read(&store, call).await?.map(|value| value.bytes))),
        "set" => set(&store, call).await,
        "expire" => {
            let change = Change::expire(call.key()?, ttl(call)?);
            apply(&store, change).await
        }
        "ttl" => {
            let read = read(&store, call).await?;
            Ok(value(read.map(|value| left(&value).into_bytes())))
        }
        "delete" => {
            store.delete(call.key()?).await.map_err(refusal)?;
            Ok(done())
        }
        "exists" => Ok(text(read(&store, call).await?.is_some())),
        "list" => list(&store, call.prefix()).await,
        "increment" => {
            let sum = store.increment(call.key()?, call.delta()?).await;
            Ok(text(sum.map_err(refusal)?))
        }
        "many" => many(&store, call.all("key")).await,
        "cas" => cas(&store, call).await,
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

async fn read(store: &Store, call: &Call) -> Result<Option<Value>, Refusal> {
    store.get(call.key()?).await.map_err(refusal)
}

async fn apply(store: &Store, change: Change) -> Result<Response, Refusal> {
    store.apply(vec![change]).await.map_err(refusal)?;
    Ok(done())
}

async fn set(store: &Store, call: &Call) -> Result<Response, Refusal> {
    let change = Change::set(call.key()?, call.value()?);
    let change = match ttl(call)? {
        Some(ttl) => change.expires_in(ttl),
        None => change,
    };
    apply(store, change).await
}

fn ttl(call: &Call) -> Result<Option<Duration>, Refusal> {
    Ok(call.number("ttl")?.map(Duration::from_millis))
}

fn left(value: &Value) -> String {
    let left = value.expires_in;
    left.map_or("none".into(), |left| left.as_millis().to_string())
}

async fn list(store: &Store, prefix: &str) -> Result<Response, Refusal> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let range = Range::prefix(prefix).after(after);
        let page = store.list(range).await.map_err(refusal)?;
        keys.extend(page.entries.into_iter().map(|entry| entry.key.into_bytes()));
        if page.next.is_none() {
            return Ok(lines(keys));
        }
        after = page.next;
    }
}

async fn many(store: &Store, keys: Vec<String>) -> Result<Response, Refusal> {
    let values = store.get_many(keys.clone()).await.map_err(refusal)?;
    let line = |(key, value): (String, Option<Value>)| {
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
    let seen = match read(store, call).await? {
        Some(value) => Condition::Version(value.version),
        None => Condition::Absent,
    };
    if let Some(between) = call.optional("between") {
        let set = store.set(call.key()?, between).await;
        set.map_err(refusal)?;
    }
    let change = Change::set(call.key()?, call.value()?).when(seen);
    apply(store, change).await
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::NoSuchStore => {
            Refusal::forbidden("no-such-store", "no store of this label was granted")
        }
        Error::Denied(what) => Refusal::forbidden("denied", &what),
        Error::Invalid(what) => Refusal::failed("invalid", &what),
        Error::TooLarge { limit } => {
            Refusal::failed("too-large", &format!("at most {limit} bytes"))
        }
        Error::Conflict(key) => Refusal::failed("conflict", &key),
        Error::Quota(what) => Refusal::failed("quota", &what),
        Error::Deadline => Refusal::failed("deadline", "no answer in time"),
        Error::Unavailable => Refusal::failed("unavailable", "the store cannot be reached"),
        Error::Other { code, message } => Refusal::failed("other", &format!("{code}: {message}")),
    }
}
