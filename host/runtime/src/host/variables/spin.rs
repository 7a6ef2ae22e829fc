//! `spin:variables@3`, the interface of `fermyon:spin@2` before it, which is the same but for `async`, and that of Spin 1,
//! which has other words for what is wrong.

use stoa_capabilities::variables;
use wasmtime::component::{Accessor, Linker};

use self::first::fermyon::spin::config as first_variables;
use self::second::fermyon::spin::variables as second_variables;
use self::third::spin::variables::variables as third_variables;
use crate::instance::{HasHost, Host, State};

mod third {
    wasmtime::component::bindgen!({
        path: "../../wit/spin-variables",
        inline: "package stoa:host; world spin-variables { import spin:variables/variables@3.0.0; }",
        world: "stoa:host/spin-variables",
        imports: { default: async | store },
    });
}

mod second {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-variables",
        inline: "package stoa:host; world fermyon-spin-variables { import fermyon:spin/variables@2.0.0; }",
        world: "stoa:host/fermyon-spin-variables",
    });
}

mod first {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-1-config",
        inline: "package stoa:host; world fermyon-spin-first-config { import fermyon:spin/config; }",
        world: "stoa:host/fermyon-spin-first-config",
    });
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    second_variables::add_to_linker::<_, HasHost>(linker, State::host)?;
    first_variables::add_to_linker::<_, HasHost>(linker, State::host)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    third_variables::add_to_linker::<_, HasHost>(linker, State::host)
}

impl third_variables::Host for Host<'_> {}

impl<T: Send> third_variables::HostWithStore<T> for HasHost {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> Result<String, third_variables::Error> {
        Ok(accessor.with(|mut host| host.get().variable(&name))?)
    }
}

impl second_variables::Host for Host<'_> {
    fn get(&mut self, name: String) -> Result<String, second_variables::Error> {
        Ok(self.variable(&name)?)
    }
}

impl first_variables::Host for Host<'_> {
    fn get_config(&mut self, key: String) -> Result<String, first_variables::Error> {
        Ok(self.variable(&key)?)
    }
}

impl From<variables::Error> for third_variables::Error {
    fn from(error: variables::Error) -> Self {
        let why = error.to_string();
        match error {
            variables::Error::InvalidName(_) => Self::InvalidName(why),
            variables::Error::Undefined(_) => Self::Undefined(why),
        }
    }
}

impl From<variables::Error> for second_variables::Error {
    fn from(error: variables::Error) -> Self {
        let why = error.to_string();
        match error {
            variables::Error::InvalidName(_) => Self::InvalidName(why),
            variables::Error::Undefined(_) => Self::Undefined(why),
        }
    }
}

impl From<variables::Error> for first_variables::Error {
    fn from(error: variables::Error) -> Self {
        let why = error.to_string();
        match error {
            variables::Error::InvalidName(_) => Self::InvalidKey(why),
            // As in Spin: it was the providers who could not tell.
            variables::Error::Undefined(_) => Self::Provider(why),
        }
    }
}
