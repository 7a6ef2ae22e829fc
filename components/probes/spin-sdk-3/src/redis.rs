//! Redis servers.

use crate::call::{shown, sorted, Call, Refusal};
use spin_sdk::redis::{Connection, RedisParameter, RedisResult};

pub(crate) fn value(call: &Call) -> Result<String, Refusal> {
    let connection = Connection::open(call.wanted("address")?)?;
    let key = || call.wanted("key");
    let bytes = || Ok::<_, Refusal>(call.wanted("value")?.as_bytes().to_vec());
    Ok(match call.function() {
        "open" => "opened".to_owned(),
        "publish" => {
            connection.publish(key()?, &bytes()?)?;
            "published".to_owned()
        }
        "get" => shown(connection.get(key()?)?),
        "set" => {
            connection.set(key()?, &bytes()?)?;
            "set".to_owned()
        }
        "incr" => connection.incr(key()?)?.to_string(),
        "del" => connection.del(&call.all("key"))?.to_string(),
        "sadd" => connection.sadd(key()?, &call.all("value"))?.to_string(),
        "smembers" => sorted(connection.smembers(key()?)?),
        "srem" => connection.srem(key()?, &call.all("value"))?.to_string(),
        "execute" => {
            let arguments = call.all("argument").into_iter().map(String::into_bytes);
            let arguments: Vec<_> = arguments.map(RedisParameter::Binary).collect();
            let results = connection.execute(call.wanted("command")?, &arguments)?;
            results.iter().map(word).collect::<Vec<_>>().join(" ")
        }
        _ => return Err(call.unknown()),
    })
}

fn word(result: &RedisResult) -> String {
    match result {
        RedisResult::Nil => "nil".to_owned(),
        RedisResult::Status(status) => status.clone(),
        RedisResult::Int64(number) => number.to_string(),
        RedisResult::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
