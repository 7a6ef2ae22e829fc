//! Publishes to an MQTT broker when it is asked to by HTTP, for the host's tests: a WASI 0.3 guest that waits without
//! blocking.
//!
//! `GET /?op=O&address=…&user=…&password=…`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `open` | `count` | 204, when so many connections were open at once |
//! | `publish` | `topic`, `qos` (0, 1 or 2), `value`, repeated | 204, when each value was published on one connection |
//!
//! An error of the interface is answered with 500, as `<variant>: <message>`. A request that the probe itself does not
//! understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;

use bindings::spin::mqtt::mqtt::{Connection, Error, Qos};
use probe_kit_03::{Call, Refusal, done};
use stoa_sdk::http::{Request, Response};

/// What the connection is told.
const KEEP_ALIVE_SECONDS: u64 = 30;

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    match call.op()? {
        "open" => {
            let mut connections = Vec::new();
            for _ in 0..call.number("count")?.unwrap_or(1) {
                connections.push(open(call).await?);
            }
            drop(connections);
        }
        "publish" => {
            let (topic, qos) = (call.wanted("topic")?, qos(call)?);
            let connection = open(call).await?;
            for value in call.all("value") {
                connection
                    .publish(topic.to_owned(), value.into_bytes(), qos)
                    .await?;
            }
        }
        op => return Err(Refusal::bad(format!("no such op: {op}"))),
    }
    Ok(done())
}

async fn open(call: &Call) -> Result<Connection, Refusal> {
    let of = |name| call.optional(name).unwrap_or_default().to_owned();
    let (user, password) = (of("user"), of("password"));
    let address = call.wanted("address")?.to_owned();
    Ok(Connection::open(address, user, password, KEEP_ALIVE_SECONDS).await?)
}

fn qos(call: &Call) -> Result<Qos, Refusal> {
    match call.wanted("qos")? {
        "0" => Ok(Qos::AtMostOnce),
        "1" => Ok(Qos::AtLeastOnce),
        "2" => Ok(Qos::ExactlyOnce),
        qos => Err(Refusal::bad(format!("no such qos: {qos}"))),
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidAddress => Self::failed("invalid-address", ""),
            Error::TooManyConnections => Self::failed("too-many-connections", ""),
            Error::ConnectionFailed(why) => Self::failed("connection-failed", &why),
            Error::Other(why) => Self::failed("other", &why),
        }
    }
}
