//! Core dumps, for components whose operator asks for them: what a guest's memory held when it trapped, and where it was.
//!
//! A dump holds whatever the guest held, secrets and data of users included. So it is the operator's word and not the
//! manifest's, only the host's own user can read the files, and nobody but the log is told of them. Where nobody asks,
//! the engines capture nothing, and the code of guests is the same either way.
//!
//! A dump is written by a thread of its own, so that no core waits for it. The instance waits with its memory meanwhile,
//! in room beside that of instances that serve.

mod encoding;
mod shelf;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use stoa_manifest::ComponentId;
use tokio::runtime::Handle;
use tracing::{error, info, warn};
use wasmtime::{Store, WasmCoreDump};

use crate::instance::State;
use crate::revision::Revision;
use shelf::Shelf;

/// Instances that wait to be dumped; further ones just go.
const WAITING_MAX: usize = 1;
/// Instances that are kept for their dumps: those that wait, and the one that is written.
pub(crate) const HELD_MAX: u32 = WAITING_MAX as u32 + 1;
/// How long a component is not dumped again: one that traps at every request must not keep a processor and a disk busy.
const PAUSE: Duration = Duration::from_secs(10);
/// Stands for all components.
const ALL: &str = "*";

/// Whose core is dumped when it traps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreDumps {
    /// Where the dumps are: the last eight, of 64 MiB each at most.
    pub folder: PathBuf,
    /// The components, by their ids; `*` stands for all.
    pub components: Vec<String>,
}

/// Has dumps written.
pub(crate) struct Dumper {
    components: Vec<String>,
    jobs: SyncSender<Job>,
    /// When a component was dumped last. Of those that were asked for, so that it does not grow.
    last: Mutex<HashMap<ComponentId, Instant>>,
}

/// An instance that trapped.
struct Job {
    revision: Arc<Revision>,
    instance: u64,
    store: Store<State>,
    error: wasmtime::Error,
    /// Where it ran: what it still has may belong to that.
    executor: Option<Handle>,
}

/// An error as the log shows it: the dump that it may carry is no text for people.
pub(crate) struct Shown<'e>(pub(crate) &'e wasmtime::Error);

// === impl Dumper ===

impl Dumper {
    /// Starts the thread that writes. It ends with the last of those who can ask it.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn new(asked: &CoreDumps) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel(WAITING_MAX);
        let shelf = Shelf::new(&asked.folder);
        std::thread::Builder::new()
            .name("core-dumps".to_owned())
            .spawn(move || write_all(&queue, &shelf))?;
        Ok(Self {
            components: asked.components.clone(),
            jobs,
            last: Mutex::default(),
        })
    }

    /// Whether somebody asked for dumps of a component.
    pub(crate) fn is_for(&self, component: &ComponentId) -> bool {
        let id = component.to_string();
        self.components.iter().any(|one| *one == ALL || *one == id)
    }

    /// Has an instance dumped before it goes, if it trapped and its component was not dumped just now.
    pub(crate) fn take(
        &self,
        revision: &Arc<Revision>,
        instance: u64,
        store: Store<State>,
        error: wasmtime::Error,
    ) {
        if !error.is::<WasmCoreDump>() || !self.due(&revision.component) {
            return;
        }
        let job = Job {
            revision: Arc::clone(revision),
            instance,
            store,
            error,
            executor: Handle::try_current().ok(),
        };
        if self.jobs.try_send(job).is_err() {
            let Revision { component, id, .. } = &**revision;
            info!(%component, revision = %id, instance, "core not dumped, others are still being written");
        }
    }

    fn due(&self, component: &ComponentId) -> bool {
        let now = Instant::now();
        // Times are whole whatever happened to a thread that held the lock.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last
            .get(component)
            .is_none_or(|last| now.duration_since(*last) >= PAUSE);
        if due {
            last.insert(component.clone(), now);
        }
        due
    }
}

fn write_all(queue: &Receiver<Job>, shelf: &Shelf) {
    for job in queue {
        // What is encoded is the guest's doing, and much of it wasmtime's code: a panic there costs one dump.
        if catch_unwind(AssertUnwindSafe(|| job.write(shelf))).is_err() {
            error!("a core dump panicked");
        }
    }
}

// === impl Job ===

impl Job {
    fn write(mut self, shelf: &Shelf) {
        let executor = self.executor.take();
        let _entered = executor.as_ref().map(Handle::enter);
        self.write_within(shelf);
    }

    fn write_within(self, shelf: &Shelf) {
        let Self {
            revision,
            instance,
            mut store,
            error,
            ..
        } = self;
        let Revision { component, id, .. } = &*revision;
        let Some(dump) = error.downcast_ref::<WasmCoreDump>() else {
            return;
        };
        let core = encoding::core(dump, &mut store, &format!("{component} {id}"));
        // The room is somebody else's from here; the disk may take its time.
        drop(error);
        drop(store);
        match shelf.put(&name(component, id), &core.bytes) {
            Ok(path) => {
                let (path, bytes, left_out) = (path.display(), core.bytes.len(), core.left_out);
                warn!(%component, revision = %id, instance, %path, bytes, left_out, "core dumped");
            }
            Err(error) => {
                warn!(%component, revision = %id, instance, %error, "core not dumped, it could not be written");
            }
        }
    }
}

/// Components have long names, files have not.
fn name(component: &ComponentId, revision: &str) -> String {
    const COMPONENT_CHARS_MAX: usize = 64;
    let component: String = component.to_string();
    let component: String = component.chars().take(COMPONENT_CHARS_MAX).collect();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let milliseconds = since.map_or(0, |since| since.as_millis());
    format!("{component}-{revision}-{milliseconds}")
}

// === impl Shown ===

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dump = self.0.downcast_ref::<WasmCoreDump>();
        let Some(dump) = dump.map(ToString::to_string) else {
            return fmt::Debug::fmt(self.0, f);
        };
        let causes = self.0.chain().map(|cause| cause.to_string());
        for (place, cause) in causes.filter(|cause| *cause != dump).enumerate() {
            match place {
                0 => write!(f, "{cause}")?,
                _ => write!(f, "\n\nCaused by: {cause}")?,
            }
        }
        Ok(())
    }
}
