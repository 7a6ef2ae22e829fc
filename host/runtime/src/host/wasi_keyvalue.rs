//! `wasi:keyvalue` in the two drafts that components are built against. A draft matches by its exact name, so each is
//! linked on its own, over the same handles.

mod draft;
mod draft2;

use stoa_capabilities::keyvalue;
use wasmtime::component::{Linker, Resource};

use crate::instance::{Host, State};

/// An open store, for both drafts.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Bucket(keyvalue::Handle);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    draft::add_to_linker(linker)?;
    draft2::add_to_linker(linker)
}

impl Host<'_> {
    fn bucket(&self, bucket: &Resource<Bucket>) -> wasmtime::Result<keyvalue::Handle> {
        Ok(self.table.get(bucket)?.0.clone())
    }
}

fn set(key: String, value: Vec<u8>) -> keyvalue::Change {
    keyvalue::Change {
        key,
        condition: keyvalue::Condition::Always,
        action: keyvalue::Action::Set(value),
    }
}

fn delete(key: String) -> keyvalue::Change {
    keyvalue::Change {
        key,
        condition: keyvalue::Condition::Always,
        action: keyvalue::Action::Delete,
    }
}
