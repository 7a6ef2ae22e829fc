//! `spin:mqtt@3`, whose functions wait beside others of their instance.

use stoa_capabilities::mqtt;
use wasmtime::component::{Accessor, Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::spin::mqtt::mqtt::{self as contract, Error, Qos};
use super::Opened;
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/spin-mqtt",
        inline: "package stoa:host; world spin-mqtt { import spin:mqtt/mqtt@3.0.0; }",
        world: "stoa:host/spin-mqtt",
        imports: { default: async | store | trappable },
        with: { "spin:mqtt/mqtt.connection": super::Connection },
        trappable_error_type: { "spin:mqtt/mqtt.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// An open connection.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Connection(Opened);

super::translations!();

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    contract::add_to_linker::<_, HasHost>(linker, State::host)
}

impl contract::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl contract::HostConnection for Host<'_> {}

fn opened<T>(
    accessor: &Accessor<T, HasHost>,
    connection: &Resource<Connection>,
) -> Result<Opened, Failure> {
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
        username: String,
        password: String,
        keep_alive_interval_in_secs: u64,
    ) -> Result<Resource<Connection>, Failure> {
        let client = accessor.with(|mut host| host.get().mqtt());
        let login = (username, password);
        let opened = super::open(client, &address, login, keep_alive_interval_in_secs).await;
        let connection = Connection(opened.map_err(Error::from)?);
        accessor.with(|mut host| Ok(host.get().table.push(connection).map_err(full)?))
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        topic: String,
        payload: Vec<u8>,
        qos: Qos,
    ) -> Result<(), Failure> {
        let connection = opened(accessor, &connection)?;
        let published = connection.publish(message(topic, payload, qos)).await;
        Ok(published.map_err(Error::from)?)
    }
}
