//! `wasi:sockets` 0.2 and 0.3 for guests: wasmtime's own, within the component's network.
//!
//! Wasmtime asks a check before it binds, connects or sends, but it tells nobody which sockets are open, and looks any name
//! up once names are allowed at all. So the few functions that open and close a socket or look a name up stand in front
//! of its own here: a socket has a place among the component's connections, and a name is looked up only if the manifest
//! allows it. Nobody listens: guests are reached through the gateway alone.

mod gate;
mod names;
pub(crate) mod p2;
mod p3;

use wasmtime::component::Linker;

use crate::instance::State;

pub(crate) use gate::Sockets;

/// Goes behind wasmtime's own interfaces of 0.2, parts of which it replaces.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    replacing(linker, p2::add_to_linker)
}

/// The same for 0.3.
pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    replacing(linker, p3::add_to_linker)
}

fn replacing(
    linker: &mut Linker<State>,
    add: impl FnOnce(&mut Linker<State>) -> wasmtime::Result<()>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    add(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}
