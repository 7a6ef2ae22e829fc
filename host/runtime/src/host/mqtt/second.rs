//! The interface of `fermyon:spin@2`.

use stoa_capabilities::mqtt;
use wasmtime::component::{Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::fermyon::spin::mqtt::{self as contract, Error, Qos};
use super::Opened;
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-mqtt",
        inline: "package stoa:host; world fermyon-spin-mqtt { import fermyon:spin/mqtt@2.0.0; }",
        world: "stoa:host/fermyon-spin-mqtt",
        imports: {
            "fermyon:spin/mqtt.[drop]connection": trappable,
            default: async | trappable,
        },
        with: { "fermyon:spin/mqtt.connection": super::Connection },
        trappable_error_type: { "fermyon:spin/mqtt.error" => super::Failure },
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

impl contract::HostConnection for Host<'_> {
    async fn open(
        &mut self,
        address: String,
        username: String,
        password: String,
        keep_alive_interval_in_secs: u64,
    ) -> Result<Resource<Connection>, Failure> {
        let client = self.mqtt();
        let login = (username, password);
        let opened = super::open(client, &address, login, keep_alive_interval_in_secs).await;
        let connection = Connection(opened.map_err(Error::from)?);
        Ok(self.table.push(connection).map_err(full)?)
    }

    async fn publish(
        &mut self,
        connection: Resource<Connection>,
        topic: String,
        payload: Vec<u8>,
        qos: Qos,
    ) -> Result<(), Failure> {
        let connection = self.table.get(&connection).map_err(TrappableError::trap)?;
        let opened = connection.0.clone();
        let published = opened.publish(message(topic, payload, qos)).await;
        Ok(published.map_err(Error::from)?)
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}
