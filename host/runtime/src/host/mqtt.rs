//! MQTT in the versions that components are built against, over the same connections.

mod second;
mod third;

use std::sync::Arc;
use std::time::Duration;

use stoa_capabilities::mqtt::{Client, Error, Login};
use stoa_capabilities::variables::Secret;
use wasmtime::component::Linker;

use crate::instance::{Host, State};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    second::add_to_linker(linker)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    third::add_to_linker(linker)
}

/// An open connection, as both contracts have it.
type Opened = Arc<dyn stoa_capabilities::mqtt::Connection>;

impl Host<'_> {
    /// What opens connections for the component, where this host has a driver.
    fn mqtt(&self) -> Result<Arc<dyn Client>, Error> {
        self.granted.mqtt.clone().ok_or(Error::Unavailable)
    }
}

async fn open(
    client: Result<Arc<dyn Client>, Error>,
    address: &str,
    (user, password): (String, String),
    keep_alive_seconds: u64,
) -> Result<Opened, Error> {
    let login = Login {
        user,
        password: Secret::new(password),
        keep_alive: Duration::from_secs(keep_alive_seconds),
    };
    client?.open(address, login).await
}

/// The two contracts have the same types under names of their own.
macro_rules! translations {
    () => {
        impl From<mqtt::Error> for Error {
            fn from(error: mqtt::Error) -> Self {
                let why = error.to_string();
                match error {
                    mqtt::Error::Address => Self::InvalidAddress,
                    mqtt::Error::Full => Self::TooManyConnections,
                    mqtt::Error::Denied
                    | mqtt::Error::Network(_)
                    | mqtt::Error::Refused(_)
                    | mqtt::Error::Deadline
                    | mqtt::Error::Closed
                    | mqtt::Error::Protocol
                    | mqtt::Error::Unavailable => Self::ConnectionFailed(why),
                    mqtt::Error::Login(_)
                    | mqtt::Error::Topic(_)
                    | mqtt::Error::TooLarge { .. } => Self::Other(why),
                }
            }
        }

        fn message(topic: String, payload: Vec<u8>, qos: Qos) -> mqtt::Message {
            let quality = match qos {
                Qos::AtMostOnce => mqtt::Quality::AtMostOnce,
                Qos::AtLeastOnce => mqtt::Quality::AtLeastOnce,
                Qos::ExactlyOnce => mqtt::Quality::ExactlyOnce,
            };
            mqtt::Message {
                topic,
                payload,
                quality,
            }
        }

        /// A guest that never drops what it opens hits its own limit, and is told.
        fn full(_: ResourceTableError) -> Error {
            Error::Other("this instance holds too many resources, drop some first".into())
        }
    };
}
use translations;
