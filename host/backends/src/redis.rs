//! Redis over sockets that the network opened and checked, in the protocol that every version of Redis speaks (RESP2).
//!
//! The protocol is small, and our own reader of it counts what a reply will hold before it is held: a list of numbers
//! takes many times its bytes on the wire. A connection is its handle's alone and is closed with it, so that nothing which
//! a command leaves in it is met by another handle, and no idle one keeps a place.

mod subscription;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stoa_capabilities::network::{self, Network, Socket};
use stoa_capabilities::redis::{self, Address, CALL_MAX, Config, Error, Reply};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

pub use subscription::Subscription;

use wire::Wire;

/// Makes clients. One per host: all of them share its places for connections.
pub struct Driver(Arc<Shared>);

struct Shared {
    places: Arc<Semaphore>,
    place_wait_max: Duration,
    reply_bytes_max: usize,
}

struct Client {
    shared: Arc<Shared>,
    network: Network,
}

/// Empty once it is closed.
struct Connection {
    open: Mutex<Option<Open>>,
    reply_bytes_max: usize,
}

struct Open {
    wire: Wire<Socket>,
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
            reply_bytes_max: config.reply_bytes_max,
        }))
    }
}

impl redis::Driver for Driver {
    fn client(&self, network: Network) -> Arc<dyn redis::Client> {
        Arc::new(Client {
            shared: Arc::clone(&self.0),
            network,
        })
    }
}

// === impl Client ===

#[async_trait]
impl redis::Client for Client {
    async fn open(&self, address: &str) -> Result<Arc<dyn redis::Connection>, Error> {
        let address = Address::parse(address).ok_or(Error::Address)?;
        // What may not be done waits for nothing.
        let (scheme, host, port) = (address.scheme(), address.host.as_str(), address.port);
        if !self.network.allows(scheme, host, port) {
            let denied = network::Error::Denied;
            self.network.refused(scheme, host, port, denied);
            return Err(denied.into());
        }
        let place = self.place().await?;
        let mut wire = Wire::new(self.dial(&address).await?);
        timeout(CALL_MAX, wire.greet(&address))
            .await
            .map_err(|_| Error::Deadline)??;
        let open = Open {
            wire,
            _place: place,
        };
        Ok(Arc::new(Connection {
            open: Mutex::new(Some(open)),
            reply_bytes_max: self.shared.reply_bytes_max,
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

    async fn dial(&self, address: &Address) -> Result<Socket, Error> {
        let (scheme, host, port) = (address.scheme(), address.host.as_str(), address.port);
        let socket = match address.tls {
            false => self.network.dial(scheme, host, port).await,
            true => self.network.dial_tls(scheme, host, port).await,
        };
        Ok(socket?)
    }
}

// === impl Connection ===

#[async_trait]
impl redis::Connection for Connection {
    async fn call(&self, command: &[Vec<u8>]) -> Result<Vec<Reply>, Error> {
        let answered = timeout(CALL_MAX, self.exchange(command)).await;
        answered.unwrap_or(Err(Error::Deadline))
    }
}

impl Connection {
    /// What is open is taken out, and put back when the whole reply is here: whoever gives up in between has closed it.
    async fn exchange(&self, command: &[Vec<u8>]) -> Result<Vec<Reply>, Error> {
        let mut slot = self.open.lock().await;
        let mut open = slot.take().ok_or(Error::Closed)?;
        let outcome = open.wire.call(command, self.reply_bytes_max).await;
        if matches!(outcome, Ok(_) | Err(Error::Rejected(_) | Error::WrongType)) {
            *slot = Some(open);
        }
        outcome
    }
}
