//! What one instance owns: its context, its granted handles, its memory account.

use std::sync::Arc;

use stoa_capabilities::Granted;
use tracing::info;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::host::outbound::Outbound;
use crate::logs::{Output, Stream};
use crate::metrics::{RUNTIME_MEMORY_REFUSED_TOTAL, RUNTIME_TABLES_REFUSED_TOTAL};
use crate::processor::Usage;
use crate::revision::Revision;

/// Resources (requests, headers, open stores) that one instance holds at once, and as many streams and futures. What the
/// host keeps for one is bounded too, so that this bounds the host's memory.
const RESOURCES_MAX: usize = 2048;
/// Bytes of one set of headers.
const FIELDS_BYTES_MAX: usize = 64 * 1024;

/// The data of a store. There is nothing in it that the component was not granted.
pub(crate) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    outbound: Outbound,
    granted: Arc<Granted>,
    memory: Memory,
}

/// What host functions see of an instance.
pub(crate) struct Host<'a> {
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) granted: &'a Granted,
}

/// Names [`Host`] for generated bindings.
pub(crate) struct HasHost;

impl HasData for HasHost {
    type Data<'a> = Host<'a>;
}

impl State {
    pub(crate) fn host(&mut self) -> Host<'_> {
        Host {
            table: &mut self.table,
            granted: &self.granted,
        }
    }
}

/// Makes a store for one instance of `revision`.
pub(crate) fn store(revision: &Arc<Revision>, instance: u64, usage: Arc<Usage>) -> Store<State> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(Output::new(revision, instance, Stream::Stdout))
        .stderr(Output::new(revision, instance, Stream::Stderr))
        .envs(&revision.environment)
        // Sockets are refused one by one by the empty address check; these two make the refusal early and plain.
        .allow_tcp(false)
        .allow_udp(false);
    let mut table = ResourceTable::new();
    table.set_max_capacity(RESOURCES_MAX);
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(FIELDS_BYTES_MAX);
    let state = State {
        wasi: wasi.build(),
        http,
        table,
        outbound: Outbound::new(revision),
        granted: Arc::clone(&revision.granted),
        memory: Memory {
            used: 0,
            elements: 0,
            revision: Arc::clone(revision),
            instance,
        },
    };
    let mut store = Store::new(&revision.engine, state);
    store.limiter(|state| &mut state.memory);
    if let Some(streams) = store.concurrent_resource_table() {
        streams.set_max_capacity(RESOURCES_MAX);
    }
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        let give_way = usage.interrupt()?;
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(give_way)))
    });
    store
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outbound,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Counts the linear memories and tables of an instance, all together, against the component's limit.
struct Memory {
    used: usize,
    elements: usize,
    revision: Arc<Revision>,
    instance: u64,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used + (desired - current);
        if used > self.revision.limits.memory_bytes_max {
            let Revision {
                component,
                id,
                limits,
                ..
            } = &*self.revision;
            metrics::counter!(RUNTIME_MEMORY_REFUSED_TOTAL, "component" => component.to_string())
                .increment(1);
            let (instance, limit) = (self.instance, limits.memory_bytes_max);
            info!(%component, revision = %id, instance, used, limit, "memory limit reached, growth refused");
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self.elements + (desired - current);
        if elements > self.revision.limits.table_elements_max {
            let component = self.revision.component.to_string();
            metrics::counter!(RUNTIME_TABLES_REFUSED_TOTAL, "component" => component).increment(1);
            return Ok(false);
        }
        self.elements = elements;
        Ok(true)
    }
}
