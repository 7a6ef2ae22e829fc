//! One version of a component, compiled, linked and granted: everything that is settled at deploy.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use stoa_capabilities::{Granted, Lines};
use stoa_manifest::{Component, ComponentId};
use tokio::sync::Semaphore;
use wasmtime::component::InstancePre;

use crate::artifact::{self, Artifact, ArtifactError, Mapped};
use crate::dump::Dumper;
use crate::engine::{self, Runtime};
use crate::entries::{Abi, Entries, Triggers};
use crate::host::{outbound, rc};
use crate::instance::State;
use crate::life::{Life, Stage};
use crate::logs::Budget;
use crate::mount::Mount;
use crate::pace::Pace;

/// Why a component cannot be deployed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The file is not a component.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// It imports what this host does not provide.
    #[error("it imports `{import}`, which this host does not provide")]
    Import {
        /// The interface, with its version.
        import: String,
        /// The version of it that this host does provide, if any.
        nearest: Option<String>,
    },
    /// It imports or exports an interface in a shape that is not ours.
    #[error("its interfaces do not fit this host: {0}")]
    Mismatch(String),
    /// It could never start.
    #[error("it starts with {needed} bytes of memory, and its `memory_bytes_max` is {limit}")]
    Memory {
        /// What its largest memory starts with, in bytes.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// It exports nothing that one of its triggers could call.
    #[error("it exports nothing that {trigger} calls ({}), only {}", listed(.wanted), listed(.exports))]
    NoHandler {
        /// The trigger, in words.
        trigger: &'static str,
        /// What it could call.
        wanted: &'static [&'static str],
        /// What it does export.
        exports: Vec<String>,
    },
}

fn listed(names: &[impl std::fmt::Display]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(", "),
    }
}

/// Limits of the component, ready to compare with.
pub(crate) struct Limits {
    pub(crate) memory_bytes_max: usize,
    pub(crate) table_elements_max: usize,
    pub(crate) instances_max: usize,
    pub(crate) deadline: Duration,
    pub(crate) cpu_max: Duration,
    pub(crate) requests_in_flight_max: usize,
    pub(crate) requests_queued_max: usize,
    pub(crate) queue_max: Duration,
    pub(crate) request_body_bytes_max: u64,
    pub(crate) response_body_bytes_max: u64,
    pub(crate) response_headers_max: usize,
}

/// Requests that an instance of a WASI 0.3 component serves in its life, unless its manifest says otherwise: so many that
/// making instances costs nothing, few enough that what a guest leaks comes to an end.
const REQUESTS_PER_INSTANCE_MAX: u64 = 100_000;

/// How often an instance is used.
pub(crate) struct Reuse {
    pub(crate) requests_max: usize,
    pub(crate) requests_concurrent_max: usize,
}

impl Limits {
    fn new(limits: &stoa_manifest::Limits) -> Self {
        Self {
            memory_bytes_max: limits.memory_bytes_max as usize,
            table_elements_max: limits.table_elements_max as usize,
            instances_max: limits.instances_max as usize,
            deadline: Duration::from_millis(limits.deadline_ms_max),
            cpu_max: Duration::from_millis(limits.cpu_ms_max),
            requests_in_flight_max: limits.requests_in_flight_max as usize,
            requests_queued_max: limits.requests_queued_max as usize,
            queue_max: Duration::from_millis(limits.queue_ms_max),
            request_body_bytes_max: limits.request_body_bytes_max.unwrap_or(u64::MAX),
            response_body_bytes_max: limits.response_body_bytes_max,
            response_headers_max: limits.response_headers_max as usize,
        }
    }
}

impl Reuse {
    /// WASI 0.2 guests were written for one request per instance: unless their author says otherwise, their globals are
    /// never shared; and they serve one at a time, because they cannot wait for two things.
    fn new(limits: &stoa_manifest::Limits, abi: Abi) -> Self {
        let (requests_max, requests_concurrent_max) = match abi {
            Abi::Wasi02 => (1, 1),
            Abi::Wasi03 => (
                REQUESTS_PER_INSTANCE_MAX,
                limits.requests_concurrent_per_instance_max,
            ),
            // One call is what they were made for, whatever the manifest says.
            Abi::SpinHttp | Abi::Wagi | Abi::SpinRedis | Abi::SpinRedis3 => {
                return Self {
                    requests_max: 1,
                    requests_concurrent_max: 1,
                };
            }
        };
        let requests_max = limits.requests_per_instance_max.unwrap_or(requests_max);
        Self {
            requests_max: requests_max as usize,
            requests_concurrent_max: requests_concurrent_max.min(requests_max) as usize,
        }
    }
}

/// The lines in which is told what its instances are refused. Those of one kind leave room to those of another.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) memory: Lines,
    pub(crate) outbound: Lines,
}

/// A deployed version of a component.
pub struct Revision {
    pub(crate) component: ComponentId,
    pub(crate) id: String,
    pub(crate) pre: InstancePre<State>,
    /// Its code, where that is mapped from a file.
    mapped: Option<Mapped>,
    pub(crate) entries: Entries,
    pub(crate) granted: Arc<Granted>,
    pub(crate) environment: Vec<(String, String)>,
    /// What it finds among its files. Their leases end with it.
    pub(crate) mounts: Vec<Mount>,
    pub(crate) limits: Limits,
    pub(crate) reuse: Reuse,
    /// Instances of the host that one of its own counts for.
    pub(crate) weight: usize,
    /// Whether it can ask where its requests stand in traces.
    pub(crate) asks_for_traces: bool,
    /// Whom it may call inside its application.
    pub(crate) reach: outbound::siblings::Reach,
    /// What all its instances send requests through.
    pub(crate) outbound: outbound::Client,
    /// Requests that wait on any core.
    pub(crate) queued: AtomicUsize,
    pub(crate) log_budget: Budget,
    pub(crate) told: Told,
    /// Room for fresh instances of any revision beside those that serve.
    pub(crate) spare: Arc<Semaphore>,
    /// Has its instances dumped when they trap, if somebody asked for that.
    pub(crate) dumper: Option<Arc<Dumper>>,
    instances: AtomicU64,
    ended: AtomicU64,
    /// Last, because dropping it says that the rest is gone.
    pub(crate) life: Life,
}

impl Revision {
    /// The component it is a version of.
    pub fn component(&self) -> &ComponentId {
        &self.component
    }

    /// The start of the wasm's SHA-256.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it takes what its triggers bring: HTTP requests, or messages where it serves no HTTP.
    pub fn abi(&self) -> Abi {
        self.entries.abi()
    }

    /// Begins the drain: idle instances end at once, and those at work when they are done; event streams end after a
    /// whole event. Requests that a handler was given before, or is given still, are served. Idempotent.
    pub fn drain(&self) {
        self.life.advance(Stage::Draining);
    }

    /// Ends what is left, at the drain's bound: requests that wait get [`Error::Retired`](crate::Error::Retired), bodies
    /// break off, instances go. Idempotent.
    pub fn end(&self) {
        self.life.advance(Stage::Ended);
    }

    /// Resolves when nothing of it is left: no handler, no request that needs an instance, no instance, and none of their
    /// data. An answer that is out of its guest and only waits for its client is no part of it. Does not itself hold the
    /// revision; whoever waits must not hold it either.
    pub fn gone(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.life.gone().cancelled_owned()
    }

    /// Lets go of what of its code is in memory. It may be at work: it only runs a little slower then.
    pub(crate) fn rest(&self) {
        if let Some(mapped) = &self.mapped {
            mapped.let_go();
        }
    }

    /// How often an instance began or ended so far: both look at its code.
    pub(crate) fn instances_changed(&self) -> u64 {
        self.instances.load(Ordering::Relaxed) + self.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn instance_ended(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn next_instance(&self) -> u64 {
        self.instances.fetch_add(1, Ordering::Relaxed)
    }
}

impl Runtime {
    /// Compiles `wasm` at this pace, or finds it compiled. Blocks for as long as that takes.
    ///
    /// # Errors
    /// [`PrepareError::Artifact`] when it is not a component.
    pub fn load(&self, wasm: &[u8], pace: Pace) -> Result<Artifact, PrepareError> {
        Ok(self.artifacts.load(wasm, pace)?)
    }

    /// Checks that this host provides what the code imports and that the code exports what the triggers call, and links it
    /// with what the component was granted.
    ///
    /// # Errors
    /// See [`PrepareError`]; nothing is served then.
    pub fn link(
        &self,
        name: &ComponentId,
        component: &Component,
        artifact: &Artifact,
        granted: Granted,
        triggers: Triggers,
        mounts: Vec<Mount>,
    ) -> Result<Arc<Revision>, PrepareError> {
        let pre = self.linked(&artifact.component)?;
        let (limits, bounds) = (&component.limits, Limits::new(&component.limits));
        let entries = Entries::new(&pre, triggers, &bounds)?;
        fits_memory(&artifact.component, limits.memory_bytes_max)?;
        let reuse = Reuse::new(limits, entries.abi());
        let outbound = outbound::Client::new(component, &granted.network);
        let revision = Arc::new(Revision {
            component: name.clone(),
            id: artifact.revision().to_owned(),
            pre,
            mapped: artifact.mapped.clone(),
            entries,
            reach: outbound::siblings::Reach::of(component),
            granted: Arc::new(granted),
            environment: component.environment.clone().into_iter().collect(),
            mounts,
            limits: bounds,
            reuse,
            weight: engine::weight(&artifact.component),
            asks_for_traces: asks_for_traces(&artifact.component),
            outbound,
            queued: AtomicUsize::new(0),
            log_budget: Budget::new(limits.log_bytes_per_second_max),
            told: Told::default(),
            spare: Arc::clone(&self.spare),
            dumper: self.dumper.clone().filter(|dumper| dumper.is_for(name)),
            instances: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            life: Life::new(name),
        });
        self.resting.add(&revision);
        Ok(revision)
    }

    fn linked(
        &self,
        component: &wasmtime::component::Component,
    ) -> Result<InstancePre<State>, PrepareError> {
        let mismatch = |error: wasmtime::Error| PrepareError::Mismatch(format!("{error:#}"));
        self.linker(component)
            .instantiate_pre(component)
            .map_err(|error| self.import(component).unwrap_or_else(|| mismatch(error)))
    }

    /// The first import that nobody provides, by its whole name.
    fn import(&self, component: &wasmtime::component::Component) -> Option<PrepareError> {
        let mut imports = artifact::imports(component).into_iter();
        imports.find_map(|import| {
            let nearest = provides(&import).err()?;
            Some(PrepareError::Import { import, nearest })
        })
    }
}

/// Whether this host provides an interface, by the whole name that a component imports it by.
///
/// # Errors
/// If it does not: the nearest name that it does provide, if there is one.
pub fn provides(import: &str) -> Result<(), Option<String>> {
    let (name, provided) = (rc::finalised_name(import), crate::host::provided());
    match provided.iter().any(|have| fits(&name, have)) {
        true => Ok(()),
        false => Err(nearest(&name, provided)),
    }
}

fn asks_for_traces(component: &wasmtime::component::Component) -> bool {
    let imports = artifact::imports(component);
    let mut imports = imports.iter();
    imports.any(|name| name.starts_with("wasi:otel/tracing@"))
}

fn fits_memory(component: &wasmtime::component::Component, limit: u64) -> Result<(), PrepareError> {
    // In pages of 64 KiB.
    let pages = component
        .resources_required()
        .and_then(|required| required.max_initial_memory_size);
    let needed = pages.unwrap_or(0).saturating_mul(64 * 1024);
    match needed > limit {
        true => Err(PrepareError::Memory { needed, limit }),
        false => Ok(()),
    }
}

/// Whether an import of `wanted` is answered by `have`: equal names, or stable versions of one track.
fn fits(wanted: &str, have: &str) -> bool {
    let track = |name: &str| {
        let (interface, version) = name.split_once('@')?;
        // A build of a version counts as the version.
        let (version, _build) = version.split_once('+').unwrap_or((version, ""));
        let numbers: Vec<u64> = version
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()?;
        let [major, minor, patch] = numbers.try_into().ok()?;
        let track = if major > 0 {
            (major, 0, 0)
        } else if minor > 0 {
            (0, minor, 0)
        } else {
            (0, 0, patch)
        };
        Some((interface.to_owned(), track))
    };
    wanted == have || track(wanted).is_some_and(|wanted| track(have) == Some(wanted))
}

/// The same interface in another version, else the provided name that shares most of its start.
fn nearest(import: &str, provided: &[&str]) -> Option<String> {
    let shared = |have: &str| {
        import
            .bytes()
            .zip(have.bytes())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let package = import.find('/').unwrap_or(import.len());
    let near: HashMap<&str, usize> = provided.iter().map(|have| (*have, shared(have))).collect();
    let (have, _) = near
        .into_iter()
        .filter(|(_, shared)| *shared >= package)
        .max_by_key(|(name, shared)| (*shared, *name))?;
    Some(have.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_of_one_track_fit_and_drafts_fit_only_themselves() {
        assert!(fits(
            "wasi:http/types@0.3.0+rc-2026-03-15",
            "wasi:http/types@0.3.0"
        ));
        assert!(!fits(
            "wasi:http/types@0.3.0-rc-2026-03-15",
            "wasi:http/types@0.3.0"
        ));
        assert!(fits("wasi:http/types@0.2.12", "wasi:http/types@0.2.6"));
        assert!(!fits("wasi:http/types@0.3.0", "wasi:http/types@0.2.6"));
        assert!(!fits(
            "wasi:keyvalue/store@0.2.0-draft",
            "wasi:keyvalue/store@0.2.0-draft2"
        ));
        assert!(fits(
            "spin:key-value/key-value@3.0.0",
            "spin:key-value/key-value@3.0.0"
        ));
    }

    #[test]
    fn the_nearest_of_an_unknown_version_is_the_same_interface() {
        let provided = [
            "wasi:keyvalue/store@0.2.0-draft2",
            "wasi:keyvalue/batch@0.2.0-draft2",
        ];
        let near = nearest("wasi:keyvalue/store@0.2.0-draft3", &provided);
        assert_eq!(near.as_deref(), Some("wasi:keyvalue/store@0.2.0-draft2"));
        assert_eq!(nearest("acme:billing/ledger@1.0.0", &provided), None);
    }
}
