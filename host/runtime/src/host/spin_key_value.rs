//! Spin's key-value stores in the versions that components are built against, over the same handles as `stoa:keyvalue`.
//!
//! Spin tells "not listed in the manifest" from "no such store"; here only what is listed exists.

mod first;
mod second;
mod third;

use wasmtime::component::Linker;

use crate::instance::State;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    second::add_to_linker(linker)?;
    first::add_to_linker(linker)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    third::add_to_linker(linker)
}
