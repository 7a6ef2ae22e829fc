//! Answers HTTP requests out of a Redis server, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?api=A&op=O&address=…`, where A is `second` (`fermyon:spin@2`) or `first` (the interface without a version) and O
//! is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `publish` | `channel`, `value` | 204 |
//! | `get` | `key` | 200 and the value; 404 if it has none, which `first` cannot tell from an empty one |
//! | `set` | `key`, `value` | 204 |
//! | `incr` | `key` | 200 and the sum |
//! | `del` | `key`, repeated | 200 and how many were there |
//! | `sadd`, `srem` | `key`, `value`, repeated | 200 and how many were new, or there |
//! | `smembers` | `key` | 200 and the values, sorted, one per line |
//! | `execute` | `command`, `argument`, repeated | 200 and a line for each result: `nil`, or `kind value` |
//! | `open` | `count` | `second` only: 204, when so many connections were open at once |
//!
//! An argument that begins with `#` is a number. An error of the interface is answered with 500, as `<variant>: <message>`.
//! A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod first;
mod second;

use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.wanted("api")? {
        "second" => second::answer(call),
        "first" => first::answer(call),
        api => Err(Answer::bad(format!("no such api: {api}"))),
    }
}

fn sorted(mut members: Vec<String>) -> Answer {
    members.sort();
    Answer::lines(members.into_iter().map(String::into_bytes))
}

/// The interfaces have the same values under names of their own.
macro_rules! values {
    () => {
        fn parameters(arguments: Vec<String>) -> Result<Vec<RedisParameter>, Answer> {
            let parameter = |argument: String| match argument.strip_prefix('#') {
                Some(digits) => {
                    let number = digits.parse();
                    let number = number.map_err(|_| Answer::bad("that is no number".to_owned()));
                    Ok(RedisParameter::Int64(number?))
                }
                None => Ok(RedisParameter::Binary(argument.into_bytes())),
            };
            arguments.into_iter().map(parameter).collect()
        }

        fn results(results: Vec<RedisResult>) -> Answer {
            Answer::lines(results.into_iter().map(|result| match result {
                RedisResult::Nil => b"nil".to_vec(),
                RedisResult::Status(word) => format!("status {word}").into_bytes(),
                RedisResult::Int64(number) => format!("int64 {number}").into_bytes(),
                RedisResult::Binary(bytes) => [&b"binary "[..], &bytes].concat(),
            }))
        }
    };
}
use values;
