//! Answers HTTP requests out of a Redis server, for the host's tests: a WASI 0.3 guest that waits without blocking.
//!
//! `GET /?api=third&op=O&address=…`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `publish` | `channel`, `value` | 204 |
//! | `get` | `key` | 200 and the value; 404 if it has none |
//! | `set` | `key`, `value` | 204 |
//! | `incr` | `key` | 200 and the sum |
//! | `del` | `key`, repeated | 200 and how many were there |
//! | `sadd`, `srem` | `key`, `value`, repeated | 200 and how many were new, or there |
//! | `smembers` | `key` | 200 and the values, sorted, one per line |
//! | `execute` | `command`, `argument`, repeated | 200 and a line for each result: `nil`, or `kind value` |
//! | `open` | `count` | 204, when so many connections were open at once |
//!
//! An argument that begins with `#` is a number. An error of the interface is answered with 500, as `<variant>: <message>`.
//! A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;

use bindings::spin::redis::redis::{Connection, Error, RedisParameter, RedisResult};
use probe_kit_03::{Call, Refusal, done, lines, text, value};
use stoa_sdk::http::{Request, Response};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    if call.wanted("api")? != "third" {
        return Err(Refusal::bad("no such api".to_owned()));
    }
    let address = call.wanted("address")?.to_owned();
    let connection = Connection::open(address.clone()).await?;
    let key = || call.key().map(str::to_owned);
    Ok(match call.op()? {
        "publish" => {
            let channel = call.wanted("channel")?.to_owned();
            connection.publish(channel, call.value()?.to_vec()).await?;
            done()
        }
        "get" => value(connection.get(key()?).await?),
        "set" => {
            connection.set(key()?, call.value()?.to_vec()).await?;
            done()
        }
        "incr" => text(connection.incr(key()?).await?),
        "del" => text(connection.del(call.all("key")).await?),
        "sadd" => text(connection.sadd(key()?, call.all("value")).await?),
        "srem" => text(connection.srem(key()?, call.all("value")).await?),
        "smembers" => {
            let mut members = connection.smembers(key()?).await?;
            members.sort();
            lines(members.into_iter().map(String::into_bytes))
        }
        "execute" => {
            let command = call.wanted("command")?.to_owned();
            let parameters = parameters(call.all("argument"))?;
            lines(
                connection
                    .execute(command, parameters)
                    .await?
                    .into_iter()
                    .map(line),
            )
        }
        "open" => {
            let mut open = vec![connection];
            for _ in 1..call.number("count")?.unwrap_or(1) {
                open.push(Connection::open(address.clone()).await?);
            }
            drop(open);
            done()
        }
        op => return Err(Refusal::bad(format!("no such op: {op}"))),
    })
}

fn parameters(arguments: Vec<String>) -> Result<Vec<RedisParameter>, Refusal> {
    let parameter = |argument: String| match argument.strip_prefix('#') {
        Some(digits) => {
            let number = digits.parse();
            let number = number.map_err(|_| Refusal::bad("that is no number".to_owned()));
            Ok(RedisParameter::Int64(number?))
        }
        None => Ok(RedisParameter::Binary(argument.into_bytes())),
    };
    arguments.into_iter().map(parameter).collect()
}

fn line(result: RedisResult) -> Vec<u8> {
    match result {
        RedisResult::Nil => b"nil".to_vec(),
        RedisResult::Status(word) => format!("status {word}").into_bytes(),
        RedisResult::Int64(number) => format!("int64 {number}").into_bytes(),
        RedisResult::Binary(bytes) => [&b"binary "[..], &bytes].concat(),
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidAddress => Self::failed("invalid-address", ""),
            Error::TooManyConnections => Self::failed("too-many-connections", ""),
            Error::TypeError => Self::failed("type-error", ""),
            Error::Other(why) => Self::failed("other", &why),
        }
    }
}
