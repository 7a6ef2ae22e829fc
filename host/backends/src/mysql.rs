//! MySQL for guests: a pool of connections per revision, to addresses that the network allows.
//!
//! The protocol is spoken here, because the crates for it believe a server: they make room for as many columns as it
//! says, and compute with keys of any size. Guests choose their servers.

mod address;
mod failure;
mod fields;
mod frames;
mod login;
mod packet;
mod password;
mod rows;
mod session;
mod value;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stoa_capabilities::mysql::{self, Answer, Config, Error, Value};
use stoa_capabilities::network::{self, Network};
use stoa_capabilities::releases::Digest;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use self::address::{Address, SCHEME};
use self::frames::Wire;
use self::session::Session;
use crate::pool::{self, Full, Lent, Pool};

/// A server has logged us in within this.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Speaks to MySQL.
pub struct Driver {
    result_bytes_max: usize,
    places: Option<Arc<Semaphore>>,
}

impl Driver {
    /// A driver whose connections are held to this.
    pub fn new(config: &Config) -> Self {
        Self {
            result_bytes_max: config.result_bytes_max,
            places: pool::places(config.connections_max),
        }
    }
}

impl mysql::Driver for Driver {
    fn client(&self, network: Network) -> Arc<dyn mysql::Client> {
        Arc::new(Client {
            network,
            pool: Pool::new(self.places.clone()),
            result_bytes_max: self.result_bytes_max,
        })
    }
}

struct Client {
    network: Network,
    pool: Arc<Pool<Session>>,
    result_bytes_max: usize,
}

#[async_trait]
impl mysql::Client for Client {
    async fn open(&self, address: &str) -> Result<Arc<dyn mysql::Connection>, Error> {
        let key = Digest::of(address.as_bytes());
        let address = Address::parse(address)?;
        let (host, port) = (address.host(), address.port());
        // Before anybody waits for a place: the cheapest refusal.
        if !self.network.allows(SCHEME, host, port) {
            let denied = network::Error::Denied;
            self.network.refused(SCHEME, host, port, denied);
            return Err(not_permitted(&address));
        }
        // Boxed, because a login is large and most calls find a connection.
        let connecting = Box::pin(self.connect(&address));
        let lent = self.pool.take(key, connecting).await?;
        Ok(Arc::new(Connection(Arc::new(Mutex::new(lent)))))
    }
}

impl Client {
    async fn connect(&self, address: &Address) -> Result<Session, Error> {
        let connected = timeout(CONNECT_MAX, self.log_in(address)).await;
        connected.unwrap_or_else(|_| Err(failed("the server does not answer")))
    }

    async fn log_in(&self, address: &Address) -> Result<Session, Error> {
        let (host, port) = (address.host(), address.port());
        let dialled = self.network.dial(SCHEME, host, port).await;
        let socket = dialled.map_err(|error| not_reached(address, error))?;
        let tls = address.tls().then(|| self.network.tls(address.name()));
        let wire = login::log_in(Wire::new(socket), address, tls).await;
        let wire = wire.map_err(failure::connecting)?;
        let database = address.database().map(str::to_owned);
        Ok(Session::new(wire, database, self.result_bytes_max))
    }
}

struct Connection(Arc<Mutex<Lent<Session>>>);

#[async_trait]
impl mysql::Connection for Connection {
    async fn query(&self, statement: &str, parameters: Vec<Value>) -> Result<Answer, Error> {
        let held = rows::hold(&self.0).await?;
        rows::query(held, statement, &parameters).await
    }

    async fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<(), Error> {
        let held = rows::hold(&self.0).await?;
        rows::execute(held, statement, &parameters).await
    }
}

impl From<Full> for Error {
    fn from(_: Full) -> Self {
        failed("too many connections")
    }
}

fn failed(what: impl Into<String>) -> Error {
    Error::ConnectionFailed(what.into())
}

fn not_permitted(address: &Address) -> Error {
    let (host, port) = (address.host(), address.port());
    failed(format!("address {SCHEME}://{host}:{port} is not permitted"))
}

fn not_reached(address: &Address, error: network::Error) -> Error {
    let (host, port) = (address.host(), address.port());
    match error {
        network::Error::Denied => not_permitted(address),
        network::Error::Full => failed("too many connections"),
        error => failed(format!("cannot reach {SCHEME}://{host}:{port}: {error}")),
    }
}

/// A command that was sent in part leaves a connection that nobody understands.
fn given_up() -> Error {
    failed("a call was given up midway, open another connection")
}
