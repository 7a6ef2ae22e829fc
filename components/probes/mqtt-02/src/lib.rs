//! Publishes to an MQTT broker when it is asked to by HTTP, for the host's tests: a WASI 0.2 guest that blocks.
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

use bindings::fermyon::spin::mqtt::{Connection, Error, Qos};
use probe_kit_02::{Answer, Call};

/// What the connection is told.
const KEEP_ALIVE_SECONDS: u64 = 30;

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "open" => {
            let count = call.number("count")?.unwrap_or(1);
            let open: Result<Vec<_>, _> = (0..count).map(|_| open(call)).collect();
            drop(open?);
        }
        "publish" => {
            let (topic, qos) = (call.wanted("topic")?, qos(call)?);
            let connection = open(call)?;
            for value in call.all("value") {
                connection.publish(topic, value.as_bytes(), qos)?;
            }
        }
        op => return Err(Answer::bad(format!("no such op: {op}"))),
    }
    Ok(Answer::done())
}

fn open(call: &Call) -> Result<Connection, Answer> {
    let of = |name| call.optional(name).unwrap_or_default();
    let (user, password) = (of("user"), of("password"));
    let opened = Connection::open(call.wanted("address")?, user, password, KEEP_ALIVE_SECONDS);
    Ok(opened?)
}

fn qos(call: &Call) -> Result<Qos, Answer> {
    match call.wanted("qos")? {
        "0" => Ok(Qos::AtMostOnce),
        "1" => Ok(Qos::AtLeastOnce),
        "2" => Ok(Qos::ExactlyOnce),
        qos => Err(Answer::bad(format!("no such qos: {qos}"))),
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidAddress => Self::failed("invalid-address", ""),
            Error::TooManyConnections => Self::failed("too-many-connections", ""),
            Error::ConnectionFailed(why) => Self::failed("connection-failed", &why),
            Error::Other(why) => Self::failed("other", &why),
        }
    }
}
