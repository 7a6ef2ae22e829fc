//! The engines: how memory is allocated, how guests are interrupted, what every component may import.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tracing::warn;
use wasmtime::component::{Component, Linker};
use wasmtime::{Enabled, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::artifact::{Artifacts, HostKey};
use crate::dump::{self, CoreDumps, Dumper};
use crate::host;
use crate::instance::State;
use crate::probe::SPARE_INSTANCES_MAX;
use crate::processor::EPOCH;
use crate::rest::Resting;

/// What the runtime needs to know about this machine.
#[derive(Debug, Clone)]
pub struct Config {
    /// Instances alive at once on this host, over all components. Each reserves some 16 GiB of address space. Default 1000.
    pub instances_max: u32,
    /// Cores that serve requests; each holds its share of the instances. Default: all.
    pub cores: usize,
    /// Where compiled code is kept between starts.
    pub artifacts: std::path::PathBuf,
    /// Whose core is dumped when it traps. Default: nobody's.
    pub core_dumps: Option<CoreDumps>,
    /// Whether slots for instances are reserved at start, where this machine has room for them. Default: yes.
    pub pooling: bool,
}

/// How instances get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// Slots reserved at start: making an instance maps nothing.
    Pooling,
    /// Mapped per instance: slower, for machines or limits (`ulimit -v`) with little address space.
    OnDemand,
}

/// The engines and all that is shared by every revision. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    linkers: Arc<Linkers>,
    pub(crate) artifacts: Arc<Artifacts>,
    pub(crate) config: Arc<Config>,
    /// Places for instances beside those of the cores.
    pub(crate) spare: Arc<Semaphore>,
    pub(crate) dumper: Option<Arc<Dumper>>,
    pub(crate) resting: Resting,
    allocation: Allocation,
}

/// What components may import, by the engine they are for.
struct Linkers {
    blocking: Linker<State>,
    concurrent: Linker<State>,
}

/// What the code of an engine may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// A guest does one thing at a time, so nobody keeps accounts of its tasks: in the other engine each call into a guest or
    /// out of it pays for those.
    Blocking,
    /// It uses the component model's `async`, or imports an interface that does.
    Concurrent,
}

impl Runtime {
    /// Starts the engines; `key` is this host's own, with which it recognises code it compiled.
    ///
    /// # Errors
    /// When neither allocation works on this machine, or the standard interfaces cannot be linked.
    pub fn new(config: Config, key: HostKey) -> wasmtime::Result<Self> {
        let (blocking, allocation) = engine(&config, Calls::Blocking, config.pooling)?;
        // Where there is no room for one pool, there is none for another.
        let pooling = allocation == Allocation::Pooling;
        let (concurrent, allocation) = engine(&config, Calls::Concurrent, pooling)?;
        tick([&blocking, &concurrent]);
        let resting = Resting::default();
        resting.watch();
        let linkers = Linkers {
            blocking: host::blocking(&blocking)?,
            concurrent: host::concurrent(&concurrent)?,
        };
        let dumper = config.core_dumps.as_ref().map(Dumper::new).transpose()?;
        let artifacts = Artifacts::new([&blocking, &concurrent], &config.artifacts, key);
        Ok(Self {
            linkers: Arc::new(linkers),
            artifacts: Arc::new(artifacts),
            config: Arc::new(config),
            spare: Arc::new(Semaphore::new(SPARE_INSTANCES_MAX as usize)),
            dumper: dumper.map(Arc::new),
            resting,
            allocation,
        })
    }

    /// How instances get their memory on this machine.
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }

    /// What a component may import.
    pub(crate) fn linker(&self, component: &Component) -> &Linker<State> {
        let Linkers {
            blocking,
            concurrent,
        } = &*self.linkers;
        match Engine::same(component.engine(), blocking.engine()) {
            true => blocking,
            false => concurrent,
        }
    }
}

/// See [`pool`].
const UNUSED_WARM_SLOTS_MAX: u32 = 16;
/// Linear memories that the pool has for each instance.
const MEMORIES_PER_INSTANCE: usize = 2;
/// Tables that the pool has for each instance.
const TABLES_PER_INSTANCE: usize = 6;
/// Core instances that one component may be made of; those of interpreters are of some sixty.
const CORE_INSTANCES_PER_COMPONENT_MAX: u32 = 1000;
/// Instances' worth of memories and tables that are there for each one beside those that serve, whatever it needs.
const SPARE_WEIGHT: u32 = 8;

/// How many instances' part of the pool one instance of this component takes: more than one where it is composed of many,
/// each with a memory of its own.
pub(crate) fn weight(component: &Component) -> usize {
    // Not known only where code is imported, which is not linked.
    component.resources_required().map_or(1, |required| {
        let memories = required.num_memories as usize;
        let tables = required.num_tables as usize;
        let memories = memories.div_ceil(MEMORIES_PER_INSTANCE);
        memories.max(tables.div_ceil(TABLES_PER_INSTANCE)).max(1)
    })
}

/// Prefers slots reserved at start; a machine without the address space for them still serves.
fn engine(config: &Config, calls: Calls, pooling: bool) -> wasmtime::Result<(Engine, Allocation)> {
    if !pooling {
        return Ok((on_demand(config, calls)?, Allocation::OnDemand));
    }
    let mut pooled = settings(config, calls);
    let instances = config
        .instances_max
        .saturating_add(SPARE_INSTANCES_MAX * SPARE_WEIGHT)
        .saturating_add(held(config) * SPARE_WEIGHT);
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    match Engine::new(&pooled) {
        Ok(engine) => Ok((engine, Allocation::Pooling)),
        Err(error) => {
            warn!(%error, ?calls, "no address space for an instance pool, instances are mapped one by one and start slower");
            Ok((on_demand(config, calls)?, Allocation::OnDemand))
        }
    }
}

fn on_demand(config: &Config, calls: Calls) -> wasmtime::Result<Engine> {
    let mut single = settings(config, calls);
    single.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    // Without a pool a memory's reservation is made per instance: keep it small enough for little space.
    single
        .memory_reservation(16 * 1024 * 1024)
        .memory_guard_size(64 * 1024)
        .memory_may_move(true);
    Engine::new(&single)
}

/// Instances that are kept after their end, for their dumps.
fn held(config: &Config) -> u32 {
    config.core_dumps.as_ref().map_or(0, |_| dump::HELD_MAX)
}

fn settings(config: &Config, calls: Calls) -> wasmtime::Config {
    let mut settings = wasmtime::Config::new();
    match calls {
        Calls::Blocking => settings.concurrency_support(false),
        Calls::Concurrent => settings.wasm_component_model_async(true),
    };
    settings
        .wasm_component_model(true)
        // Guests are stopped and take turns by epochs: about a tenth of a tight loop's speed, fuel costs more.
        .epoch_interruption(true)
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable)
        // It is looked at when something traps, and changes no code.
        .coredump_on_trap(config.core_dumps.is_some())
        // For unwinders of the system, which nobody runs through guests: wasmtime's own needs none. Every component would
        // keep it in memory, and register it at its start.
        .native_unwind_info(false);
    settings
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // One component instance is several core instances (the module, its adapter, its shims). Those are counted and nothing
    // is reserved for them: there is always one more. Memories and tables are reserved, and whoever needs many of them
    // takes the room of several instances.
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT_MAX))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT_MAX)
        .total_memories(instances.saturating_mul(MEMORIES_PER_INSTANCE as u32))
        .total_tables(instances.saturating_mul(TABLES_PER_INSTANCE as u32))
        .total_stacks(instances.saturating_mul(2))
        .total_gc_heaps(instances)
        // Slots that keep the memory of what ran in them last, for the next instance of the same code. Every deploy brings new
        // code, and with the default of 100 that is a hundred megabytes of old revisions before the first slot is used again.
        .max_unused_warm_slots(UNUSED_WARM_SLOTS_MAX)
        // Interpreters (JavaScript, Python) have large tables and instances.
        .table_elements(100_000)
        .max_core_instance_size(10 * 1024 * 1024)
        .max_component_instance_size(10 * 1024 * 1024)
        .table_keep_resident(64 * 1024)
        .async_stack_keep_resident(64 * 1024);
    // Fresh instances pay for the reset of their memory. Where the kernel can name the pages that were written
    // (Linux 6.7), a megabyte is kept and only those are reset; elsewhere keeping memory means clearing all of it,
    // which was slower than giving it back.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(1024 * 1024);
    }
    pool
}

/// Advances the epoch until the engines are gone. A thread and not a task, so that no busy executor delays it.
fn tick(engines: [&Engine; 2]) {
    let engines = engines.map(Engine::weak);
    std::thread::spawn(move || {
        let tick = |engine: &EngineWeak| engine.upgrade().map(|engine| engine.increment_epoch());
        while engines.iter().filter_map(tick).count() > 0 {
            std::thread::sleep(EPOCH);
        }
    });
}
