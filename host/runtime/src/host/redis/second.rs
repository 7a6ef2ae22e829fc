//! The interface of `fermyon:spin@2`.

use stoa_capabilities::redis::{self, Handle, Reply};
use wasmtime::component::{Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::fermyon::spin::redis::{self as contract, Error, RedisParameter, RedisResult};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-redis",
        inline: "package stoa:host; world fermyon-spin-redis { import fermyon:spin/redis@2.0.0; }",
        world: "stoa:host/fermyon-spin-redis",
        imports: {
            "fermyon:spin/redis.[drop]connection": trappable,
            default: async | trappable,
        },
        with: { "fermyon:spin/redis.connection": super::Connection },
        trappable_error_type: { "fermyon:spin/redis.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// An open connection.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Connection(Handle);

super::values!();
super::errors!();

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    contract::add_to_linker::<_, HasHost>(linker, State::host)
}

fn handle(host: &Host<'_>, connection: &Resource<Connection>) -> Result<Handle, Failure> {
    let connection = host.table.get(connection).map_err(TrappableError::trap)?;
    Ok(connection.0.clone())
}

impl contract::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl contract::HostConnection for Host<'_> {
    async fn open(&mut self, address: String) -> Result<Resource<Connection>, Failure> {
        let handle = super::open(self.redis(), &address).await;
        let connection = Connection(handle.map_err(Error::from)?);
        Ok(self.table.push(connection).map_err(full)?)
    }

    async fn publish(
        &mut self,
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<(), Failure> {
        let handle = handle(self, &connection)?;
        let published = handle.publish(channel, payload).await;
        Ok(published.map_err(Error::from)?)
    }

    async fn get(
        &mut self,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let handle = handle(self, &connection)?;
        Ok(handle.get(key).await.map_err(Error::from)?)
    }

    async fn set(
        &mut self,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Failure> {
        let handle = handle(self, &connection)?;
        Ok(handle.set(key, value).await.map_err(Error::from)?)
    }

    async fn incr(
        &mut self,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<i64, Failure> {
        let handle = handle(self, &connection)?;
        Ok(handle.increment(key).await.map_err(Error::from)?)
    }

    async fn del(
        &mut self,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> Result<u32, Failure> {
        count(handle(self, &connection)?.delete(keys).await)
    }

    async fn sadd(
        &mut self,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Failure> {
        count(handle(self, &connection)?.add(key, values).await)
    }

    async fn smembers(
        &mut self,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Vec<String>, Failure> {
        let handle = handle(self, &connection)?;
        Ok(handle.members(key).await.map_err(Error::from)?)
    }

    async fn srem(
        &mut self,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Failure> {
        count(handle(self, &connection)?.remove(key, values).await)
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        command: String,
        parameters: Vec<RedisParameter>,
    ) -> Result<Vec<RedisResult>, Failure> {
        let handle = handle(self, &connection)?;
        let replies = handle.execute(command, arguments(parameters)).await;
        Ok(results(replies.map_err(Error::from)?))
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}
