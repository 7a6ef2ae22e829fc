//! Redis in the versions that components are built against, over the same handles.

mod first;
mod second;
mod third;

use std::sync::Arc;

use stoa_capabilities::redis::{Client, Error, Handle};
use wasmtime::component::Linker;

use crate::instance::{Host, State};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    second::add_to_linker(linker)?;
    first::add_to_linker(linker)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    third::add_to_linker(linker)
}

impl Host<'_> {
    /// What opens connections for the component, where this host has a driver.
    fn redis(&self) -> Result<Arc<dyn Client>, Error> {
        self.granted.redis.clone().ok_or(Error::Unavailable)
    }
}

async fn open(client: Result<Arc<dyn Client>, Error>, address: &str) -> Result<Handle, Error> {
    Ok(Handle::new(client?.open(address).await?))
}

/// The contracts have the same values under names of their own.
macro_rules! values {
    () => {
        fn arguments(parameters: Vec<RedisParameter>) -> Vec<Vec<u8>> {
            let argument = |parameter| match parameter {
                RedisParameter::Int64(number) => number.to_string().into_bytes(),
                RedisParameter::Binary(bytes) => bytes,
            };
            parameters.into_iter().map(argument).collect()
        }

        fn results(replies: Vec<Reply>) -> Vec<RedisResult> {
            let result = |reply| match reply {
                Reply::Nil => RedisResult::Nil,
                Reply::Status(word) => RedisResult::Status(word),
                Reply::Integer(number) => RedisResult::Int64(number),
                Reply::Bytes(bytes) => RedisResult::Binary(bytes),
            };
            replies.into_iter().map(result).collect()
        }
    };
}
use values;

/// The contracts with connections have the same errors, too.
macro_rules! errors {
    () => {
        impl From<redis::Error> for Error {
            fn from(error: redis::Error) -> Self {
                match error {
                    // Spin has one word for both.
                    redis::Error::Address | redis::Error::Denied => Self::InvalidAddress,
                    redis::Error::Full => Self::TooManyConnections,
                    redis::Error::WrongType => Self::TypeError,
                    other => Self::Other(other.to_string()),
                }
            }
        }

        fn count(number: Result<i64, redis::Error>) -> Result<u32, Failure> {
            let number = number.map_err(Error::from)?;
            let number = u32::try_from(number).map_err(|_| Error::from(redis::Error::Protocol));
            Ok(number?)
        }

        /// A guest that never drops what it opens hits its own limit, and is told.
        fn full(_: ResourceTableError) -> Error {
            Error::Other("this instance holds too many resources, drop some first".into())
        }
    };
}
use errors;
