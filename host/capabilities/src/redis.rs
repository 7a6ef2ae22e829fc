//! Redis servers that a component reaches by an address of its own, where its manifest lets it.
//!
//! The address and the credentials are the guest's; this host adds bounds. A driver sends a command and reads what it is
//! answered; which commands there are is [`Handle`]'s to know, and what guests call them, version by version, the
//! runtime's.

mod address;
mod config;
mod handle;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use address::Address;
pub use config::Config;
pub use handle::Handle;

use crate::network::{self, Network};

/// A call takes at most so long, waiting for the calls before it included; a command that waits on the server, too.
pub const CALL_MAX: Duration = Duration::from_secs(10);
/// A command holds at most so many bytes: what a reply may hold.
pub const COMMAND_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Makes clients; one per host.
pub trait Driver: Send + Sync {
    /// A client that reaches what `network` lets it: one per revision.
    fn client(&self, network: Network) -> Arc<dyn Client>;
}

/// Opens connections.
#[async_trait]
pub trait Client: Send + Sync {
    /// Opens a connection to `address` that nobody else has: what a command leaves in it (a database that was chosen, a
    /// transaction that was begun) is never met by another handle.
    ///
    /// # Errors
    /// See [`Error`].
    async fn open(&self, address: &str) -> Result<Arc<dyn Connection>, Error>;
}

/// An open connection. It is closed when it is dropped.
#[async_trait]
pub trait Connection: Send + Sync {
    /// Sends a command, its name first, and reads its reply. One runs at a time; the others wait. Dropping the future
    /// closes the connection, because the reply would be taken for that of the next command.
    ///
    /// # Errors
    /// See [`Error`]. After any but [`Error::Rejected`] and [`Error::WrongType`] the connection is closed.
    async fn call(&self, command: &[Vec<u8>]) -> Result<Vec<Reply>, Error>;
}

/// What a server answers. Lists, and lists in lists, are one list of these, as guests have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// There is nothing.
    Nil,
    /// A word of the server's, such as `OK`.
    Status(String),
    /// A number.
    Integer(i64),
    /// A value.
    Bytes(Vec<u8>),
}

/// Why there is no answer. All of it may be told to the guest whose call it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no address of Redis.
    #[error("the address is not `redis://[user[:password]@]host[:port][/database]`")]
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
    /// The key holds a value of another kind than the call is for.
    #[error("the value is of another type")]
    WrongType,
    /// The server refused, in its own words.
    #[error("{0}")]
    Rejected(String),
    /// A command that would leave the connection in a state in which replies cannot be told apart.
    #[error("`{0}` is not possible over a connection of a component")]
    Forbidden(&'static str),
    /// A command is larger than [`COMMAND_BYTES_MAX`].
    #[error("the command is larger than {} bytes", COMMAND_BYTES_MAX)]
    CommandTooLarge,
    /// A reply is larger than the driver's limit.
    #[error("query result exceeds limit of {0} bytes")]
    ReplyTooLarge(usize),
    /// No answer within [`CALL_MAX`].
    #[error("no answer within {:?}", CALL_MAX)]
    Deadline,
    /// The server closed the connection, or an earlier call broke off.
    #[error("the connection is closed")]
    Closed,
    /// What answers does not speak the protocol of Redis.
    #[error("the server does not answer as Redis does")]
    Protocol,
    /// This host has no driver for Redis.
    #[error("this host does not connect to Redis")]
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
