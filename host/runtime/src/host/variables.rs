//! A component's variables under the names that contracts have for them: three of Spin's, two drafts of `wasi:config`.
//!
//! Every value was settled at deploy, so no call waits and none fails but for its name.

mod config;
mod spin;

use stoa_capabilities::variables::{Error, Value};
use wasmtime::component::Linker;

use crate::instance::{Host, State};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    spin::add_to_linker(linker)?;
    config::add_to_linker(linker)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    spin::add_async_to_linker(linker)
}

impl Host<'_> {
    /// The guest's own copy: from here on the value is the guest's to keep.
    fn variable(&self, name: &str) -> Result<String, Error> {
        let value = self.granted.variables.get(name);
        value.map(|value| value.expose().to_owned())
    }

    /// In `wasi:config` a key is any text, and one that no variable could have is simply not there.
    fn config(&self, key: &str) -> Option<String> {
        self.variable(key).ok()
    }

    fn configs(&self) -> Vec<(String, String)> {
        let copy = |(name, value): (&str, &Value)| (name.to_owned(), value.expose().to_owned());
        self.granted.variables.all().map(copy).collect()
    }
}
