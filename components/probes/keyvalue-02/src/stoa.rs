//! The operations on `stoa:keyvalue`.

use crate::bindings::ours::stoa::keyvalue::types::{
    Action, Change, Condition, Error, Expiring, Projection, Range, Store, Value,
};
use crate::bindings::ours::stoa::keyvalue::{read, write};
use probe_kit_02::{Answer, Call, line};

const PAGE: u32 = 1000;

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "get" => get(call),
        "set" => set(call),
        "expire" => expire(call),
        "ttl" => ttl(call),
        "delete" => delete(call),
        "exists" => exists(call),
        "list" => list(call),
        "increment" => increment(call),
        "many" => many(call),
        "cas" => cas(call),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn get(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let value = read::get(&store, call.key()?)?;
    Ok(Answer::value(value.map(|value| value.bytes)))
}

fn exists(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    Ok(Answer::text(read::get(&store, call.key()?)?.is_some()))
}

fn set(call: &Call) -> Result<Answer, Answer> {
    let store = write::open(call.label()?)?;
    let value = call.value()?.to_vec();
    let action = match call.number("ttl")? {
        Some(ttl_ms) => Action::SetExpiring(Expiring { value, ttl_ms }),
        None => Action::Set(value),
    };
    change(&store, call, Condition::Always, action)
}

fn expire(call: &Call) -> Result<Answer, Answer> {
    let store = write::open(call.label()?)?;
    let action = Action::Expire(call.number("ttl")?);
    change(&store, call, Condition::Always, action)
}

fn ttl(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let left = |value: Value| {
        value
            .expires_in_ms
            .map_or("none".into(), |left| left.to_string())
    };
    let value = read::get(&store, call.key()?)?;
    Ok(Answer::value(value.map(|value| left(value).into_bytes())))
}

fn delete(call: &Call) -> Result<Answer, Answer> {
    let store = write::open(call.label()?)?;
    change(&store, call, Condition::Always, Action::Delete)
}

fn change(
    store: &Store,
    call: &Call,
    condition: Condition,
    action: Action,
) -> Result<Answer, Answer> {
    write::apply(
        store,
        &[Change {
            key: call.key()?.to_owned(),
            condition,
            action,
        }],
    )?;
    Ok(Answer::done())
}

fn list(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let prefix = call.prefix().to_owned();
    let mut range = Range {
        prefix,
        after: None,
        limit: PAGE,
        projection: Projection::Keys,
    };
    let mut keys = Vec::new();
    loop {
        let page = read::list(&store, &range)?;
        keys.extend(page.entries.into_iter().map(|entry| entry.key.into_bytes()));
        if page.next.is_none() {
            return Ok(Answer::lines(keys));
        }
        range.after = page.next;
    }
}

fn increment(call: &Call) -> Result<Answer, Answer> {
    let store = write::open(call.label()?)?;
    Ok(Answer::text(write::increment(
        &store,
        call.key()?,
        call.delta()?,
    )?))
}

fn many(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let keys = call.all("key");
    let values = read::get_many(&store, &keys)?
        .into_iter()
        .map(|value| value.map(|value| value.bytes));
    Ok(Answer::lines(
        keys.iter().zip(values).map(|(key, value)| line(key, value)),
    ))
}

fn cas(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let seen = match read::get(&store, call.key()?)? {
        Some(value) => Condition::Version(value.version),
        None => Condition::Absent,
    };
    if let Some(between) = call.optional("between") {
        change(
            &store,
            call,
            Condition::Always,
            Action::Set(between.as_bytes().to_vec()),
        )?;
    }
    change(&store, call, seen, Action::Set(call.value()?.to_vec()))
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchStore => {
                Self::forbidden("no-such-store", "no store of this label was granted")
            }
            Error::Denied(what) => Self::forbidden("denied", &what),
            Error::Invalid(what) => Self::failed("invalid", &what),
            Error::TooLarge(limit) => Self::failed("too-large", &format!("at most {limit} bytes")),
            Error::Conflict(key) => Self::failed("conflict", &key),
            Error::Quota(what) => Self::failed("quota", &what),
            Error::Deadline => Self::failed("deadline", "no answer in time"),
            Error::Unavailable => Self::failed("unavailable", "the store cannot be reached"),
            Error::Other(failure) => {
                Self::failed("other", &format!("{}: {}", failure.code, failure.message))
            }
        }
    }
}
