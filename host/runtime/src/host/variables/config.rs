//! `wasi:config/store` in the two versions that components are built against. They differ in their version alone, but a
//! draft matches by its exact name.

use wasmtime::component::Linker;

use self::candidate::wasi::config::store as candidate_store;
use self::draft::wasi::config::store as draft_store;
use crate::instance::{HasHost, Host, State};

mod draft {
    wasmtime::component::bindgen!({
        path: "../../wit/wasi-config-draft",
        inline: "package stoa:host; world wasi-config { import wasi:config/store@0.2.0-draft-2024-09-27; }",
        world: "stoa:host/wasi-config",
    });
}

mod candidate {
    wasmtime::component::bindgen!({
        path: "../../wit/wasi-config-rc",
        inline: "package stoa:host; world wasi-config { import wasi:config/store@0.2.0-rc.1; }",
        world: "stoa:host/wasi-config",
    });
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    draft_store::add_to_linker::<_, HasHost>(linker, State::host)?;
    candidate_store::add_to_linker::<_, HasHost>(linker, State::host)
}

impl draft_store::Host for Host<'_> {
    fn get(&mut self, key: String) -> Result<Option<String>, draft_store::Error> {
        Ok(self.config(&key))
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, draft_store::Error> {
        Ok(self.configs())
    }
}

impl candidate_store::Host for Host<'_> {
    fn get(&mut self, key: String) -> Result<Option<String>, candidate_store::Error> {
        Ok(self.config(&key))
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, candidate_store::Error> {
        Ok(self.configs())
    }
}
