//! Brokers of MQTT.

use crate::call::{Call, Refusal};
use spin_sdk::mqtt::{Connection, Qos};

const KEEP_ALIVE_SECONDS: u64 = 30;

pub(crate) fn value(call: &Call) -> Result<String, Refusal> {
    let connection = Connection::open(call.wanted("address")?, "", "", KEEP_ALIVE_SECONDS)?;
    match call.function() {
        "open" => Ok("opened".to_owned()),
        "publish" => {
            let payload = call.wanted("value")?.as_bytes().to_vec();
            connection.publish(call.wanted("topic")?, &payload, qos(call)?)?;
            Ok("published".to_owned())
        }
        _ => Err(call.unknown()),
    }
}

fn qos(call: &Call) -> Result<Qos, Refusal> {
    match call.wanted("qos")? {
        "0" => Ok(Qos::AtMostOnce),
        "1" => Ok(Qos::AtLeastOnce),
        "2" => Ok(Qos::ExactlyOnce),
        other => Err(Refusal::Bad(format!("there is no qos {other}"))),
    }
}
