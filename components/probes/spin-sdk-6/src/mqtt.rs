//! Brokers of MQTT, by calls that wait.

use crate::call::{Call, Refusal};
use spin_sdk::mqtt::{Connection, Qos};

const KEEP_ALIVE_SECONDS: u64 = 30;

pub(crate) async fn value(call: &Call) -> Result<String, Refusal> {
    let address = call.wanted("address")?;
    let connection = Connection::open(address, "", "", KEEP_ALIVE_SECONDS).await?;
    match call.function() {
        "open" => Ok("opened".to_owned()),
        "publish" => {
            let payload = call.wanted("value")?.as_bytes().to_vec();
            let (topic, qos) = (call.wanted("topic")?, qos(call)?);
            connection.publish(topic, payload, qos).await?;
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
