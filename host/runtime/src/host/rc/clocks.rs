//! `wasi:clocks/monotonic-clock` of October 2023: one function for both kinds of alarms.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host;

use crate::instance::State;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.0-rc-2023-10-18")?;
    functions!(clock, clocks, {
        "now" () => value Host::now;
        "resolution" () => value Host::resolution;
    });
    clock.func_wrap(
        "subscribe",
        |mut store: StoreContextMut<'_, State>, (when, absolute): (u64, bool)| {
            let mut clocks = store.data_mut().clocks();
            let pollable = match absolute {
                true => Host::subscribe_instant(&mut clocks, when)?,
                false => Host::subscribe_duration(&mut clocks, when)?,
            };
            Ok((pollable,))
        },
    )
}
