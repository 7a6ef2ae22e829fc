//! Takes messages of Redis, for the host's tests: a WASI 0.3 guest.
//!
//! | message | what comes of it |
//! |---|---|
//! | `ok`, or all 256 bytes in their order | it is taken |
//! | `first` | it is taken, if it is the first of its instance |
//! | `write K` | the key K of the store `default` is given the value of `WORD` in the environment |
//! | `write K MS` | first `K:begun` is written, and K after so many milliseconds |
//! | `call K U` | U is called, and K is given what that answers, or the name of the error |
//! | `never` | it waits for an hour, longer than anybody waits for it |
//! | `loop` | it computes for ever |
//! | `panic` | it traps |
//!
//! Anything else is refused.
#![cfg(target_family = "wasm")]

mod bindings;
mod call;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use bindings::exports::spin::redis::inbound_redis::{Error, Guest};
use stoa_sdk::keyvalue::Store;

/// Longer than anybody waits.
const HOUR: Duration = Duration::from_secs(3_600);

/// Whether the instance has had a message.
static STARTED: AtomicBool = AtomicBool::new(false);

struct Probe;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    bindings::export!(Probe with_types_in bindings);
};

impl Guest for Probe {
    async fn handle_message(message: Vec<u8>) -> Result<(), Error> {
        let started = STARTED.swap(true, Ordering::Relaxed);
        if message.iter().copied().eq(0..=255) {
            return Ok(());
        }
        let message = String::from_utf8(message).map_err(other)?;
        let words: Vec<&str> = message.split(' ').collect();
        match words.as_slice() {
            ["ok"] => Ok(()),
            ["first"] if !started => Ok(()),
            ["call", key, url] => put(key, &call::answer(url).await).await,
            ["write", key] => write(key).await,
            ["write", key, milliseconds] => {
                let milliseconds = milliseconds.parse::<u64>().map_err(other)?;
                write(&format!("{key}:begun")).await?;
                // The instance has no other message that would have to wait meanwhile.
                sleep(Duration::from_millis(milliseconds));
                write(key).await
            }
            ["never"] => {
                sleep(HOUR);
                Ok(())
            }
            ["loop"] => loop {
                std::hint::spin_loop();
            },
            ["panic"] => panic!("it was told to"),
            _ => Err(Error::Other("it knows no such message".to_owned())),
        }
    }
}

async fn write(key: &str) -> Result<(), Error> {
    put(key, &std::env::var("WORD").unwrap_or_default()).await
}

async fn put(key: &str, text: &str) -> Result<(), Error> {
    let store = Store::open("default").map_err(other)?;
    store.set(key, text.as_bytes()).await.map_err(other)?;
    Ok(())
}

fn other(error: impl ToString) -> Error {
    Error::Other(error.to_string())
}
