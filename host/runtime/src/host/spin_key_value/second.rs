//! The interface of `fermyon:spin@2`.

use stoa_capabilities::keyvalue;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::TrappableError;

use self::bindings::fermyon::spin::key_value::{self, Error};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-key-value",
        inline: "package stoa:host; world fermyon-spin-key-value { import fermyon:spin/key-value@2.0.0; }",
        world: "stoa:host/fermyon-spin-key-value",
        imports: {
            "fermyon:spin/key-value.[static]store.open": trappable,
            "fermyon:spin/key-value.[drop]store": trappable,
            default: async | trappable,
        },
        with: { "fermyon:spin/key-value.store": super::Store },
        trappable_error_type: { "fermyon:spin/key-value.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// An open store. A type of its own, as each contract has one.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Store(keyvalue::Handle);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    key_value::add_to_linker::<_, HasHost>(linker, State::host)
}

impl Host<'_> {
    fn second_store(&self, store: &Resource<Store>) -> Result<keyvalue::Handle, Failure> {
        let store = self.table.get(store).map_err(TrappableError::trap)?;
        Ok(store.0.clone())
    }
}

impl key_value::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl key_value::HostStore for Host<'_> {
    fn open(&mut self, label: String) -> Result<Resource<Store>, Failure> {
        let handle = self.keyvalue(&label).ok_or(Error::AccessDenied)?;
        let store = self.table.push(Store(handle));
        Ok(store.map_err(|_| Error::StoreTableFull)?)
    }

    async fn get(
        &mut self,
        store: Resource<Store>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let value = self
            .second_store(&store)?
            .get(key)
            .await
            .map_err(Error::from)?;
        Ok(value.map(|value| value.bytes))
    }

    async fn set(
        &mut self,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Failure> {
        let set = self.second_store(&store)?.set(key, value).await;
        set.map_err(Error::from)?;
        Ok(())
    }

    async fn delete(&mut self, store: Resource<Store>, key: String) -> Result<(), Failure> {
        let deleted = self.second_store(&store)?.delete(key).await;
        deleted.map_err(Error::from)?;
        Ok(())
    }

    async fn exists(&mut self, store: Resource<Store>, key: String) -> Result<bool, Failure> {
        let value = self
            .second_store(&store)?
            .get(key)
            .await
            .map_err(Error::from)?;
        Ok(value.is_some())
    }

    async fn get_keys(&mut self, store: Resource<Store>) -> Result<Vec<String>, Failure> {
        let keys = self.second_store(&store)?.all_keys().await;
        Ok(keys.map_err(Error::from)?)
    }

    fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl From<keyvalue::Error> for Error {
    fn from(error: keyvalue::Error) -> Self {
        match error {
            keyvalue::Error::Denied(_) => Self::AccessDenied,
            other => Self::Other(other.to_string()),
        }
    }
}
