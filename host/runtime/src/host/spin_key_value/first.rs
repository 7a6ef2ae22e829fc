//! The interface of Spin 1: no version, and stores that are numbers. A number is looked up among what this interface opened
//! and nothing else, so one that was made up leads nowhere.

use stoa_capabilities::keyvalue;
use wasmtime::component::{Linker, Resource};

use self::bindings::fermyon::spin::key_value::{self, Error};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-1-key-value",
        inline: "package stoa:host; world fermyon-spin-first-key-value { import fermyon:spin/key-value; }",
        world: "stoa:host/fermyon-spin-first-key-value",
        imports: { default: async },
    });
}

/// An open store.
struct Store(keyvalue::Handle);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    key_value::add_to_linker::<_, HasHost>(linker, State::host)
}

impl Host<'_> {
    fn first_store(&self, store: u32) -> Result<keyvalue::Handle, Error> {
        let store = self.table.get(&Resource::<Store>::new_borrow(store));
        Ok(store.map_err(|_| Error::InvalidStore)?.0.clone())
    }
}

impl key_value::Host for Host<'_> {
    async fn open(&mut self, name: String) -> Result<u32, Error> {
        let handle = self.keyvalue(&name).ok_or(Error::AccessDenied)?;
        let store = self.table.push(Store(handle));
        Ok(store.map_err(|_| Error::StoreTableFull)?.rep())
    }

    async fn get(&mut self, store: u32, key: String) -> Result<Vec<u8>, Error> {
        let value = self.first_store(store)?.get(key).await?;
        Ok(value.ok_or(Error::NoSuchKey)?.bytes)
    }

    async fn set(&mut self, store: u32, key: String, value: Vec<u8>) -> Result<(), Error> {
        self.first_store(store)?.set(key, value).await?;
        Ok(())
    }

    async fn delete(&mut self, store: u32, key: String) -> Result<(), Error> {
        self.first_store(store)?.delete(key).await?;
        Ok(())
    }

    async fn exists(&mut self, store: u32, key: String) -> Result<bool, Error> {
        Ok(self.first_store(store)?.get(key).await?.is_some())
    }

    async fn get_keys(&mut self, store: u32) -> Result<Vec<String>, Error> {
        Ok(self.first_store(store)?.all_keys().await?)
    }

    async fn close(&mut self, store: u32) {
        // Looked at first: to delete takes whatever has the number, and a guest can name any.
        if self.first_store(store).is_ok() {
            self.table.delete(Resource::<Store>::new_own(store)).ok();
        }
    }
}

impl From<keyvalue::Error> for Error {
    fn from(error: keyvalue::Error) -> Self {
        match error {
            keyvalue::Error::Denied(_) => Self::AccessDenied,
            other => Self::Io(other.to_string()),
        }
    }
}
