//! `spin:redis@3`, whose functions wait beside others of their instance.

use stoa_capabilities::redis::{self, Handle, Reply};
use wasmtime::component::{Accessor, Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::spin::redis::redis::{self as contract, Error, RedisParameter, RedisResult};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/spin-redis",
        inline: "package stoa:host; world spin-redis { import spin:redis/redis@3.0.0; }",
        world: "stoa:host/spin-redis",
        imports: { default: async | store | trappable },
        with: { "spin:redis/redis.connection": super::Connection },
        trappable_error_type: { "spin:redis/redis.error" => super::Failure },
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

impl contract::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl contract::HostConnection for Host<'_> {}

fn handle<T>(
    accessor: &Accessor<T, HasHost>,
    connection: &Resource<Connection>,
) -> Result<Handle, Failure> {
    accessor.with(|mut host| {
        let host = host.get();
        let connection = host.table.get(connection).map_err(TrappableError::trap)?;
        Ok(connection.0.clone())
    })
}

impl<T: Send> contract::HostConnectionWithStore<T> for HasHost {
    async fn drop(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<()> {
        accessor.with(|mut host| host.get().table.delete(connection))?;
        Ok(())
    }

    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> Result<Resource<Connection>, Failure> {
        let client = accessor.with(|mut host| host.get().redis());
        let handle = super::open(client, &address).await.map_err(Error::from)?;
        accessor.with(|mut host| {
            let connection = host.get().table.push(Connection(handle));
            Ok(connection.map_err(full)?)
        })
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<(), Failure> {
        let handle = handle(accessor, &connection)?;
        let published = handle.publish(channel, payload).await;
        Ok(published.map_err(Error::from)?)
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let handle = handle(accessor, &connection)?;
        Ok(handle.get(key).await.map_err(Error::from)?)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Failure> {
        let handle = handle(accessor, &connection)?;
        Ok(handle.set(key, value).await.map_err(Error::from)?)
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<i64, Failure> {
        let handle = handle(accessor, &connection)?;
        Ok(handle.increment(key).await.map_err(Error::from)?)
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> Result<u32, Failure> {
        count(handle(accessor, &connection)?.delete(keys).await)
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Failure> {
        count(handle(accessor, &connection)?.add(key, values).await)
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Vec<String>, Failure> {
        let handle = handle(accessor, &connection)?;
        Ok(handle.members(key).await.map_err(Error::from)?)
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Failure> {
        count(handle(accessor, &connection)?.remove(key, values).await)
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        command: String,
        parameters: Vec<RedisParameter>,
    ) -> Result<Vec<RedisResult>, Failure> {
        let handle = handle(accessor, &connection)?;
        let replies = handle.execute(command, arguments(parameters)).await;
        Ok(results(replies.map_err(Error::from)?))
    }
}
