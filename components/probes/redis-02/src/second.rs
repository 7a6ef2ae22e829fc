//! `fermyon:spin/redis@2`.

use crate::bindings::second::fermyon::spin::redis::{
    Connection, Error, RedisParameter, RedisResult,
};
use probe_kit_02::{Answer, Call};

super::values!();

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    let address = call.wanted("address")?;
    let connection = Connection::open(address)?;
    Ok(match call.op()? {
        "publish" => {
            connection.publish(call.wanted("channel")?, call.value()?)?;
            Answer::done()
        }
        "get" => Answer::value(connection.get(call.key()?)?),
        "set" => {
            connection.set(call.key()?, call.value()?)?;
            Answer::done()
        }
        "incr" => Answer::text(connection.incr(call.key()?)?),
        "del" => Answer::text(connection.del(&call.all("key"))?),
        "sadd" => Answer::text(connection.sadd(call.key()?, &call.all("value"))?),
        "srem" => Answer::text(connection.srem(call.key()?, &call.all("value"))?),
        "smembers" => super::sorted(connection.smembers(call.key()?)?),
        "execute" => {
            let parameters = parameters(call.all("argument"))?;
            results(connection.execute(call.wanted("command")?, &parameters)?)
        }
        "open" => {
            // With the one above.
            let more = call.number("count")?.unwrap_or(1).saturating_sub(1);
            let more: Result<Vec<_>, _> = (0..more).map(|_| Connection::open(address)).collect();
            drop(more?);
            Answer::done()
        }
        op => return Err(Answer::bad(format!("no such op: {op}"))),
    })
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidAddress => Self::failed("invalid-address", ""),
            Error::TooManyConnections => Self::failed("too-many-connections", ""),
            Error::TypeError => Self::failed("type-error", ""),
            Error::Other(why) => Self::failed("other", &why),
        }
    }
}
