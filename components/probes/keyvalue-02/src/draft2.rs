//! The operations on the second draft of `wasi:keyvalue`.

use crate::bindings::draft2::wasi::keyvalue::atomics::{self, Cas, CasError};
use crate::bindings::draft2::wasi::keyvalue::batch;
use crate::bindings::draft2::wasi::keyvalue::store::{self, Error};
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
        "increment" => Answer::text(atomics::increment(&bucket, call.key()?, call.delta()?)?),
        "many" => many(&bucket, &call.all("key"))?,
        "cas" => cas(&bucket, call)?,
        op => return Err(Answer::bad(format!("no such op: {op}"))),
    })
}

/// The draft has no prefixes: the probe leaves out what does not start with it.
fn list(bucket: &store::Bucket, prefix: &str) -> Result<Answer, Answer> {
    let mut keys = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = bucket.list_keys(cursor.as_deref())?;
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

fn many(bucket: &store::Bucket, keys: &[String]) -> Result<Answer, Answer> {
    let pairs = batch::get_many(bucket, keys)?;
    Ok(Answer::lines(
        pairs.into_iter().map(|(key, value)| line(&key, value)),
    ))
}

fn cas(bucket: &store::Bucket, call: &Call) -> Result<Answer, Answer> {
    let seen = Cas::new(bucket, call.key()?)?;
    // Asked although the probe has no use for it, so that hosts must answer it.
    seen.current()?;
    if let Some(between) = call.optional("between") {
        bucket.set(call.key()?, between.as_bytes())?;
    }
    atomics::swap(seen, call.value()?)?;
    Ok(Answer::done())
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

impl From<CasError> for Answer {
    fn from(error: CasError) -> Self {
        match error {
            CasError::StoreError(error) => error.into(),
            CasError::CasFailed(fresh) => match fresh.current() {
                Ok(current) => Self::failed(
                    "cas-failed",
                    &String::from_utf8_lossy(&current.unwrap_or_default()),
                ),
                Err(error) => error.into(),
            },
        }
    }
}
