//! What one instance owns: its context, its granted handles, its memory account.

use std::sync::Arc;

use stoa_capabilities::Granted;
use tracing::{error, info};
use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::host::otel::Telemetry;
use crate::host::outbound::Outbound;
use crate::host::sockets::Sockets;
use crate::logs::{Output, Stream};
use crate::metrics::{RUNTIME_MEMORY_REFUSED_TOTAL, RUNTIME_TABLES_REFUSED_TOTAL};
use crate::processor::Usage;
use crate::revision::Revision;
use crate::single::Program;

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
    sockets: Sockets,
    telemetry: Telemetry,
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

    /// What its sockets may do, and which are open.
    pub(crate) fn open_sockets(&mut self) -> &mut Sockets {
        &mut self.sockets
    }

    /// What it tells of itself, and where its requests stand in traces.
    pub(crate) fn telemetry(&mut self) -> &mut Telemetry {
        &mut self.telemetry
    }
}

/// Makes a store for one instance of `revision`; a `program` is what a command is started with.
pub(crate) fn store(
    revision: &Arc<Revision>,
    instance: u64,
    usage: Arc<Usage>,
    program: Option<Program>,
) -> Store<State> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(Output::new(revision, instance, Stream::Stdout))
        .stderr(Output::new(revision, instance, Stream::Stderr))
        .envs(&revision.environment);
    for mount in &revision.mounts {
        // Somebody took the folder away under a host that runs: the guest finds nothing there.
        if let Err(error) = wasi.preopened_dir(&mount.host, &mount.guest, mount.permissions()) {
            let Revision { component, id, .. } = &**revision;
            error!(%component, revision = %id, %error, "mounted files cannot be opened");
        }
    }
    let sockets = Sockets::new(&revision.granted.network, &mut wasi);
    if let Some(program) = program {
        program.start(&mut wasi, &revision.environment);
    }
    let mut table = ResourceTable::new();
    table.set_max_capacity(RESOURCES_MAX);
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(FIELDS_BYTES_MAX);
    let state = State {
        wasi: wasi.build(),
        http,
        table,
        outbound: Outbound::new(revision, usage.tenants()),
        sockets,
        telemetry: Telemetry::new(revision, instance),
        granted: Arc::clone(&revision.granted),
        memory: Memory {
            used: 0,
            elements: 0,
            revision: Arc::clone(revision),
            instance,
        },
    };
    let mut store = Store::new(revision.pre.engine(), state);
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
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if is_beyond(desired, maximum) {
            return Ok(false);
        }
        let used = grown(self.used, current, desired);
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
            if let Some(untold) = self.revision.told.memory.next() {
                info!(%component, revision = %id, instance, used, limit, untold, "memory limit reached, growth refused");
            }
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if is_beyond(desired, maximum) {
            return Ok(false);
        }
        let elements = grown(self.elements, current, desired);
        if elements > self.revision.limits.table_elements_max {
            let component = self.revision.component.to_string();
            metrics::counter!(RUNTIME_TABLES_REFUSED_TOTAL, "component" => component).increment(1);
            return Ok(false);
        }
        self.elements = elements;
        Ok(true)
    }
}

// === functions ===

/// Whether something cannot become so large by its own type. Then growing it fails whatever is answered, and would be
/// counted all the same.
fn is_beyond(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

/// What is in use when one of all has grown. Guests ask for any size: a sum that began again at nothing would be no limit.
fn grown(used: usize, current: usize, desired: usize) -> usize {
    used.saturating_add(desired.saturating_sub(current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_asks_for_does_not_overflow_the_account() {
        // A memory of 64 bits is asked for all there is, beside another one.
        let all = usize::MAX - 0xffff;
        assert_eq!(grown(0x3_0000, 0x1_0000, all), usize::MAX);
        assert_eq!(grown(0x3_0000, 0x1_0000, 0x2_0000), 0x4_0000);
    }

    #[test]
    fn what_fails_by_its_own_type_is_not_counted() {
        assert!(is_beyond(11, Some(10)));
        assert!(!is_beyond(10, Some(10)));
        assert!(!is_beyond(usize::MAX, None));
    }
}
