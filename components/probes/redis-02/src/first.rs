//! `fermyon:spin/redis`, without a version.

use crate::bindings::first::fermyon::spin::redis;
use crate::bindings::first::fermyon::spin::redis_types::{Error, RedisParameter, RedisResult};
use probe_kit_02::{Answer, Call};

super::values!();

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    let address = call.wanted("address")?;
    Ok(match call.op()? {
        "publish" => {
            redis::publish(address, call.wanted("channel")?, call.value()?)?;
            Answer::done()
        }
        "get" => {
            let value = redis::get(address, call.key()?)?;
            Answer::value(Some(value).filter(|value| !value.is_empty()))
        }
        "set" => {
            redis::set(address, call.key()?, call.value()?)?;
            Answer::done()
        }
        "incr" => Answer::text(redis::incr(address, call.key()?)?),
        "del" => Answer::text(redis::del(address, &call.all("key"))?),
        "sadd" => Answer::text(redis::sadd(address, call.key()?, &call.all("value"))?),
        "srem" => Answer::text(redis::srem(address, call.key()?, &call.all("value"))?),
        "smembers" => super::sorted(redis::smembers(address, call.key()?)?),
        "execute" => {
            let parameters = parameters(call.all("argument"))?;
            results(redis::execute(
                address,
                call.wanted("command")?,
                &parameters,
            )?)
        }
        op => return Err(Answer::bad(format!("no such op: {op}"))),
    })
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::Success => Self::failed("success", ""),
            Error::Error => Self::failed("error", ""),
        }
    }
}
