//! Redis servers, by calls that wait.

use crate::call::{Call, Refusal, shown, sorted};
use spin_sdk::redis::{Connection, RedisParameter, RedisResult};

pub(crate) async fn value(call: &Call) -> Result<String, Refusal> {
    let connection = Connection::open(call.wanted("address")?).await?;
    let key = || call.wanted("key");
    Ok(match call.function() {
        "open" => "opened".to_owned(),
        "publish" => {
            connection.publish(key()?, call.wanted("value")?).await?;
            "published".to_owned()
        }
        "get" => shown(connection.get(key()?).await?),
        "set" => {
            connection.set(key()?, call.wanted("value")?).await?;
            "set".to_owned()
        }
        "incr" => connection.incr(key()?).await?.to_string(),
        "del" => connection.del(call.all("key")).await?.to_string(),
        "sadd" => {
            let added = connection.sadd(key()?, call.all("value")).await?;
            added.to_string()
        }
        "smembers" => sorted(connection.smembers(key()?).await?),
        "srem" => {
            let removed = connection.srem(key()?, call.all("value")).await?;
            removed.to_string()
        }
        "execute" => {
            let arguments = call.all("argument").into_iter().map(String::into_bytes);
            let arguments = arguments.map(RedisParameter::Binary);
            let results = connection
                .execute(call.wanted("command")?, arguments)
                .await?;
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
