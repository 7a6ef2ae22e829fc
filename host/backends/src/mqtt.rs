//! MQTT 3.1.1 over sockets that the network opened and checked, as far as a client needs it that only publishes.
//!
//! Such a client sends five kinds of packets and receives five, none of which is longer than four bytes. It sends no
//! pings: a connection that was silent for as long as its keep-alive is opened anew for the next message.

mod packet;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stoa_capabilities::mqtt::{self, Address, CALL_MAX, Config, Error, Login, Message};
use stoa_capabilities::network::{self, Network, Socket};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use wire::Wire;

/// What the protocol holds of a user name, a password, a client id or a topic.
const TEXT_BYTES_MAX: usize = 65_535;

/// Makes clients. One per host: all of them share its places for connections.
pub struct Driver(Arc<Shared>);

struct Shared {
    places: Arc<Semaphore>,
    place_wait_max: Duration,
    payload_bytes_max: usize,
}

#[derive(Clone)]
struct Client {
    shared: Arc<Shared>,
    network: Network,
}

/// What a handle is open to. The place is the handle's, whether or not the broker holds on to the connection.
struct Connection {
    client: Client,
    address: Address,
    login: Login,
    wire: Mutex<Option<Wire<Socket>>>,
    _place: OwnedSemaphorePermit,
}

// === impl Driver ===

impl Driver {
    /// A driver within these bounds.
    pub fn new(config: &Config) -> Self {
        let places = config.connections_max.unwrap_or(Semaphore::MAX_PERMITS);
        Self(Arc::new(Shared {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            place_wait_max: config.place_wait_max,
            payload_bytes_max: config.payload_bytes_max,
        }))
    }
}

impl mqtt::Driver for Driver {
    fn client(&self, network: Network) -> Arc<dyn mqtt::Client> {
        Arc::new(Client {
            shared: Arc::clone(&self.0),
            network,
        })
    }
}

// === impl Client ===

#[async_trait]
impl mqtt::Client for Client {
    async fn open(&self, address: &str, login: Login) -> Result<Arc<dyn mqtt::Connection>, Error> {
        let address = Address::parse(address).ok_or(Error::Address)?;
        check_login(&address, &login)?;
        // What may not be done waits for nothing.
        let (scheme, host, port) = (address.scheme, address.host.as_str(), address.port);
        if !self.network.allows(scheme, host, port) {
            let denied = network::Error::Denied;
            self.network.refused(scheme, host, port, denied);
            return Err(denied.into());
        }
        let place = self.place().await?;
        let wire = timeout(CALL_MAX, self.connect(&address, &login)).await;
        let wire = wire.map_err(|_| Error::Deadline)??;
        Ok(Arc::new(Connection {
            client: self.clone(),
            address,
            login,
            wire: Mutex::new(Some(wire)),
            _place: place,
        }))
    }
}

impl Client {
    async fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let place = Arc::clone(&self.shared.places).acquire_owned();
        let place = timeout(self.shared.place_wait_max, place).await;
        let place = place.map_err(|_| Error::Full)?;
        Ok(place.expect("the semaphore is never closed"))
    }

    async fn connect(&self, address: &Address, login: &Login) -> Result<Wire<Socket>, Error> {
        let (scheme, host, port) = (address.scheme, address.host.as_str(), address.port);
        let socket = match address.tls {
            false => self.network.dial(scheme, host, port).await,
            true => self.network.dial_tls(scheme, host, port).await,
        };
        Wire::open(socket?, &address.client, login).await
    }
}

// === impl Connection ===

#[async_trait]
impl mqtt::Connection for Connection {
    async fn publish(&self, message: Message) -> Result<(), Error> {
        check_message(&message, self.client.shared.payload_bytes_max)?;
        let published = timeout(CALL_MAX, self.publish_over(&message)).await;
        published.unwrap_or(Err(Error::Deadline))
    }
}

impl Connection {
    /// The wire is taken out, and put back when the message is through: whoever gives up in between has closed it.
    async fn publish_over(&self, message: &Message) -> Result<(), Error> {
        let mut slot = self.wire.lock().await;
        let kept = match slot.take() {
            Some(mut wire) => wire.is_alive().then_some(wire),
            None => None,
        };
        let mut wire = match kept {
            Some(wire) => wire,
            None => self.client.connect(&self.address, &self.login).await?,
        };
        wire.publish(message).await?;
        *slot = Some(wire);
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(wire) = self.wire.get_mut().take() {
            wire.part();
        }
    }
}

// === functions ===

fn check_login(address: &Address, login: &Login) -> Result<(), Error> {
    let password = login.password.expose();
    if login.user.is_empty() && !password.is_empty() {
        return Err(Error::Login("a password needs a user name"));
    }
    let texts = [address.client.as_str(), &login.user, password];
    if texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
        let why = "a user name, a password and a client id hold at most 65,535 bytes each";
        return Err(Error::Login(why));
    }
    match [address.client.as_str(), &login.user]
        .iter()
        .any(|text| text.contains('\0'))
    {
        true => Err(Error::Login(
            "a user name and a client id have no null character",
        )),
        false => Ok(()),
    }
}

fn check_message(message: &Message, payload_bytes_max: usize) -> Result<(), Error> {
    let topic = message.topic.as_str();
    if topic.is_empty() || topic.len() > TEXT_BYTES_MAX {
        return Err(Error::Topic("holds between 1 and 65,535 bytes"));
    }
    if topic.contains(['+', '#', '\0']) {
        return Err(Error::Topic(
            "that is published to has no `+`, `#` or null character",
        ));
    }
    let (bytes, limit) = (message.payload.len(), payload_bytes_max);
    match bytes > limit {
        true => Err(Error::TooLarge { bytes, limit }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::mqtt::Quality;
    use stoa_capabilities::variables::Secret;

    use super::*;

    fn login(user: &str, password: &str) -> Login {
        Login {
            user: user.into(),
            password: Secret::new(password),
            keep_alive: Duration::ZERO,
        }
    }

    fn message(topic: &str, payload: usize) -> Message {
        Message {
            topic: topic.into(),
            payload: vec![0; payload],
            quality: Quality::AtMostOnce,
        }
    }

    #[test]
    fn a_login_that_cannot_be_said_is_refused() {
        let address = Address::parse("mqtt://b?client_id=c").expect("it is an address");
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        let long = long.as_str();
        for (user, password) in [("", "pw"), (long, ""), ("u", long), ("u\0", "")] {
            let outcome = check_login(&address, &login(user, password));
            assert!(matches!(outcome, Err(Error::Login(_))), "{outcome:?}");
        }
        assert!(check_login(&address, &login("", "")).is_ok());
        assert!(check_login(&address, &login("u", "")).is_ok());
    }

    #[test]
    fn what_no_topic_is_called_is_refused() {
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        for topic in ["", "a/+/b", "#", "a\0", &long] {
            let outcome = check_message(&message(topic, 0), 10);
            assert!(matches!(outcome, Err(Error::Topic(_))), "{outcome:?}");
        }
    }

    #[test]
    fn a_payload_over_the_limit_is_refused() {
        let (bytes, limit) = (11, 10);
        let outcome = check_message(&message("a", bytes), limit);
        assert_eq!(outcome, Err(Error::TooLarge { bytes, limit }));
        assert!(check_message(&message("a", limit), limit).is_ok());
    }
}
