//! The operations on the first draft of `wasi:keyvalue`. It has no compare-and-swap, and increments only upwards.

use crate::bindings::draft::wasi::keyvalue::store::{self, Error};
use crate::bindings::draft::wasi::keyvalue::{atomics, batch};
use probe_kit_02::{Answer, Call, line};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    let bucket = store::open(call.label()?)?;
    Ok(match call.op()? {
        "get" => Answer::value(bucket.get(call.key()?)?),
        "set" => {
            bucket.set(call.key()?, call.value()?)?;
            Answer::done()
        }
        "delete" => {
            bucket.delete(call.key()?)?;
            Answer::done()
        }
        "exists" => Answer::text(bucket.exists(call.key()?)?),
        "list" => list(&bucket, call.prefix())?,
        "increment" => increment(&bucket, call)?,
        "many" => many(&bucket, &call.all("key"))?,
        op => return Err(Answer::bad(format!("no such op: {op}"))),
    })
}

/// The draft has no prefixes: the probe leaves out what does not start with it.
fn list(bucket: &store::Bucket, prefix: &str) -> Result<Answer, Answer> {
    let mut keys = Vec::new();
    let mut cursor = None;
    loop {
        let page = bucket.list_keys(cursor)?;
        keys.extend(
            page.keys
                .into_iter()
                .filter(|key| key.starts_with(prefix))
                .map(String::into_bytes),
        );
        if page.cursor.is_none() {
            return Ok(Answer::lines(keys));
        }
        cursor = page.cursor;
    }
}

fn increment(bucket: &store::Bucket, call: &Call) -> Result<Answer, Answer> {
    let delta =
        u64::try_from(call.delta()?).map_err(|_| Answer::bad("delta is negative".to_owned()))?;
    Ok(Answer::text(atomics::increment(
        bucket,
        call.key()?,
        delta,
    )?))
}

fn many(bucket: &store::Bucket, keys: &[String]) -> Result<Answer, Answer> {
    let values = batch::get_many(bucket, keys)?
        .into_iter()
        .map(|pair| pair.map(|(_, value)| value));
    Ok(Answer::lines(
        keys.iter().zip(values).map(|(key, value)| line(key, value)),
    ))
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
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
