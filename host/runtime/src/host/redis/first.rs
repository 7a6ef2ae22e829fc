//! The interface of Spin 1: no version, no connections, and one word for whatever goes wrong. Each call opens a connection
//! and closes it.

use stoa_capabilities::redis::{self, Reply};
use tracing::debug;
use wasmtime::component::Linker;

use self::bindings::fermyon::spin::redis as contract;
use self::bindings::fermyon::spin::redis_types::{self, Error, RedisParameter, RedisResult};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-1-redis",
        inline: "package stoa:host; world fermyon-spin-first-redis { import fermyon:spin/redis; }",
        world: "stoa:host/fermyon-spin-first-redis",
        imports: { default: async },
    });
}

super::values!();

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    redis_types::add_to_linker::<_, HasHost>(linker, State::host)?;
    contract::add_to_linker::<_, HasHost>(linker, State::host)
}

/// What went wrong is for the log: the guest has no word for it.
impl From<redis::Error> for Error {
    fn from(error: redis::Error) -> Self {
        debug!(%error, "a call of Redis failed");
        Self::Error
    }
}

impl redis_types::Host for Host<'_> {}

impl contract::Host for Host<'_> {
    async fn publish(
        &mut self,
        address: String,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<(), Error> {
        let handle = super::open(self.redis(), &address).await?;
        Ok(handle.publish(channel, payload).await?)
    }

    async fn get(&mut self, address: String, key: String) -> Result<Vec<u8>, Error> {
        let handle = super::open(self.redis(), &address).await?;
        Ok(handle.get(key).await?.unwrap_or_default())
    }

    async fn set(&mut self, address: String, key: String, value: Vec<u8>) -> Result<(), Error> {
        let handle = super::open(self.redis(), &address).await?;
        Ok(handle.set(key, value).await?)
    }

    async fn incr(&mut self, address: String, key: String) -> Result<i64, Error> {
        let handle = super::open(self.redis(), &address).await?;
        Ok(handle.increment(key).await?)
    }

    async fn del(&mut self, address: String, keys: Vec<String>) -> Result<i64, Error> {
        let handle = super::open(self.redis(), &address).await?;
        Ok(handle.delete(keys).await?)
    }

    async fn sadd(
        &mut self,
        address: String,
        key: String,
        values: Vec<String>,
    ) -> Result<i64, Error> {
        let handle = super::open(self.redis(), &address).await?;
        Ok(handle.add(key, values).await?)
    }

    async fn smembers(&mut self, address: String, key: String) -> Result<Vec<String>, Error> {
        let handle = super::open(self.redis(), &address).await?;
        Ok(handle.members(key).await?)
    }

    async fn srem(
        &mut self,
        address: String,
        key: String,
        values: Vec<String>,
    ) -> Result<i64, Error> {
        let handle = super::open(self.redis(), &address).await?;
        Ok(handle.remove(key, values).await?)
    }

    async fn execute(
        &mut self,
        address: String,
        command: String,
        parameters: Vec<RedisParameter>,
    ) -> Result<Vec<RedisResult>, Error> {
        let handle = super::open(self.redis(), &address).await?;
        let replies = handle.execute(command, arguments(parameters)).await?;
        Ok(results(replies))
    }
}
