//! MQTT brokers that a component publishes to, by an address of its own, where its manifest lets it.
//!
//! The address and the credentials are the guest's; this host adds bounds. Nothing is received: guests have no function
//! for it.

mod address;
mod config;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use address::Address;
pub use config::Config;

use crate::network::{self, Network};
use crate::variables::Secret;

/// A call takes at most so long, connecting and waiting for the calls before it included.
pub const CALL_MAX: Duration = Duration::from_secs(10);

/// Makes clients; one per host.
pub trait Driver: Send + Sync {
    /// A client that reaches what `network` lets it: one per revision.
    fn client(&self, network: Network) -> Arc<dyn Client>;
}

/// Opens connections.
#[async_trait]
pub trait Client: Send + Sync {
    /// Connects to the broker at `address`.
    ///
    /// # Errors
    /// See [`Error`].
    async fn open(&self, address: &str, login: Login) -> Result<Arc<dyn Connection>, Error>;
}

/// An open connection. It is closed when it is dropped.
#[async_trait]
pub trait Connection: Send + Sync {
    /// Publishes a message, and returns when the broker has said what the quality of service promises. One is published
    /// at a time; the others wait. Where the broker has let the connection go since the last one, it is opened anew.
    ///
    /// # Errors
    /// See [`Error`]. The message may have arrived all the same, where it was sent.
    async fn publish(&self, message: Message) -> Result<(), Error>;
}

/// Who publishes.
#[derive(Debug, Clone)]
pub struct Login {
    /// Empty for none.
    pub user: String,
    /// Empty for none.
    pub password: Secret,
    /// The broker may let a connection go that is silent for longer than one and a half times of this; 0 is for ever. More
    /// than 65,535 seconds are as many.
    pub keep_alive: Duration,
}

/// A message. It is not retained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it goes.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// What is promised of it.
    pub quality: Quality,
}

/// What is promised of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// It arrives or not.
    AtMostOnce,
    /// It arrives, perhaps more than once.
    AtLeastOnce,
    /// It arrives once.
    ExactlyOnce,
}

/// Why nothing was published. All of it may be told to the guest whose call it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no address of MQTT.
    #[error("the address is not `mqtt://host[:port]?client_id=name`")]
    Address,
    /// The component may not connect to it.
    #[error("the component may not connect to this address")]
    Denied,
    /// As many connections are open as may be.
    #[error("too many connections are open")]
    Full,
    /// There is no connection.
    #[error("cannot connect: {0}")]
    Network(network::Error),
    /// The broker does not take the client.
    #[error("the broker refused the connection: {0}")]
    Refused(&'static str),
    /// The user name, password or client id cannot be sent.
    #[error("{0}")]
    Login(&'static str),
    /// No message can have this topic.
    #[error("a topic {0}")]
    Topic(&'static str),
    /// The payload is larger than the driver's limit.
    #[error("the payload holds {bytes} bytes, and {limit} is the most")]
    TooLarge {
        /// What it holds.
        bytes: usize,
        /// `max_payload_size_bytes`.
        limit: usize,
    },
    /// No answer within [`CALL_MAX`].
    #[error("no answer within {:?}", CALL_MAX)]
    Deadline,
    /// The broker closed the connection.
    #[error("the broker closed the connection")]
    Closed,
    /// What answers does not speak MQTT.
    #[error("the broker does not answer as MQTT 3.1.1 does")]
    Protocol,
    /// This host has no driver for MQTT.
    #[error("this host does not connect to MQTT")]
    Unavailable,
}

impl From<network::Error> for Error {
    fn from(error: network::Error) -> Self {
        match error {
            network::Error::Denied => Self::Denied,
            network::Error::Full => Self::Full,
            other => Self::Network(other),
        }
    }
}
