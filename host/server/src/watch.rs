//! What changes on disk while somebody works on an application.
//!
//! Folders are watched and not files: editors write a new file and rename it over the old one. There is no queue: what
//! changed since the last time is one set, so that a burst is one change, and what is saved during a build is seen after
//! it. Folders are gone through here and not by the library, so that those which builds fill are left out.

mod patterns;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use stoa_manifest::{App, ComponentId};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::warn;

use self::patterns::Targets;

/// Files are at rest when nothing has happened for so long, unless somebody says otherwise.
const SETTLED: Duration = Duration::from_millis(100);
/// Where they never are, what changed until then is told all the same.
const SETTLED_MAX: Duration = Duration::from_secs(2);

/// What changed on disk, settled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Changed {
    /// The manifest; or so much at once that the system lost count.
    pub(crate) manifest: bool,
    /// The components of which something changed that they are made from.
    pub(crate) components: BTreeSet<ComponentId>,
}

/// Watches the files that an application is made from.
pub(crate) struct Watcher {
    manifest: PathBuf,
    root: PathBuf,
    /// What the host writes there is no change.
    state_dir: PathBuf,
    state: Arc<Mutex<State>>,
    /// Rings when there is something to look at; `None` when nobody watches any more.
    bell: mpsc::Receiver<()>,
    system: RecommendedWatcher,
    settled: Duration,
}

/// What the system's thread and the one that waits share.
struct State {
    targets: Arc<Targets>,
    /// The folders that are watched.
    folders: BTreeSet<PathBuf>,
    /// Those of them that went since they were looked at.
    gone: BTreeSet<PathBuf>,
    /// Whether there are folders that are not watched yet.
    is_stale: bool,
    changed: Changed,
}

// === impl Changed ===

impl Changed {
    fn is_empty(&self) -> bool {
        !self.manifest && self.components.is_empty()
    }
}

// === impl Watcher ===

impl Watcher {
    /// Watches the manifest, and what the components of `app` are made from. What the host writes into its state
    /// directory is none of that.
    ///
    /// # Errors
    /// If a pattern is none, or the folders cannot be watched.
    pub(crate) fn start(
        manifest: &Path,
        root: &Path,
        state_dir: &Path,
        app: &App,
    ) -> anyhow::Result<Self> {
        // The system may tell of real paths alone.
        let canonical = |path: &Path| {
            let real = path.canonicalize();
            real.with_context(|| format!("cannot watch `{}`", path.display()))
        };
        let (root, state_dir) = (canonical(root)?, canonical(state_dir)?);
        let name = manifest.file_name().context("the manifest has no name")?;
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let manifest = match folder.as_os_str().is_empty() {
            true => canonical(Path::new("."))?.join(name),
            false => canonical(folder)?.join(name),
        };
        let targets = Targets::of(&manifest, &root, &state_dir, app)?;
        let state = Arc::new(Mutex::new(State::new(targets)));
        let (ring, bell) = mpsc::channel(1);
        let seen = Arc::clone(&state);
        let system = notify::recommended_watcher(move |event: notify::Result<Event>| {
            take(&seen, &ring, event)
        })
        .context("cannot watch files on this system")?;
        let mut watcher = Self {
            manifest,
            root,
            state_dir,
            state,
            bell,
            system,
            settled: SETTLED,
        };
        watcher.follow(Arrival::Known)?;
        Ok(watcher)
    }

    /// Takes files for at rest when nothing has happened for so long; 100 ms by default.
    #[must_use]
    pub(crate) fn settled(self, settled: Duration) -> Self {
        Self { settled, ..self }
    }

    /// Waits for the next change. What changes while nobody waits is told next time. `None` when the system has stopped
    /// telling.
    pub(crate) async fn changed(&mut self) -> Option<Changed> {
        loop {
            self.settle().await?;
            if let Err(error) = self.follow(Arrival::Changed) {
                warn!(%error, "not all new folders are watched");
            }
            let changed = std::mem::take(&mut lock(&self.state).changed);
            if !changed.is_empty() {
                return Some(changed);
            }
        }
    }

    /// Watches what `app` is made from instead, after the manifest changed. What changed before and was not told yet is
    /// told next.
    ///
    /// # Errors
    /// As those of [`start`](Self::start); what was watched before still is, where a pattern is none.
    pub(crate) fn retarget(&mut self, app: &App) -> anyhow::Result<()> {
        let targets = Targets::of(&self.manifest, &self.root, &self.state_dir, app)?;
        lock(&self.state).targets = Arc::new(targets);
        self.follow(Arrival::Known)
    }

    async fn settle(&mut self) -> Option<()> {
        // Whoever gave up waiting may have heard the bell.
        if lock(&self.state).is_quiet() {
            self.bell.recv().await?;
        }
        let start = Instant::now();
        while start.elapsed() < SETTLED_MAX.max(self.settled) {
            match timeout(self.settled, self.bell.recv()).await {
                Ok(rung) => rung?,
                Err(_) => break,
            }
        }
        Some(())
    }

    /// Watches the folders that there are now.
    fn follow(&mut self, arrival: Arrival) -> anyhow::Result<()> {
        let (targets, watched, gone) = {
            let mut state = lock(&self.state);
            state.is_stale = false;
            let gone = std::mem::take(&mut state.gone);
            (Arc::clone(&state.targets), state.folders.clone(), gone)
        };
        let wanted = targets.folders()?;
        let is_kept = |folder: &PathBuf| {
            wanted.contains(folder) && !gone.iter().any(|gone| folder.starts_with(gone))
        };
        let (mut kept, left): (BTreeSet<_>, BTreeSet<_>) = watched.into_iter().partition(is_kept);
        let added: Vec<_> = wanted.difference(&kept).cloned().collect();
        // Not under the lock: the system's thread, which this waits for, may be waiting for it.
        let mut paths = self.system.paths_mut();
        for folder in &left {
            // One that is gone is watched no longer.
            drop(paths.remove(folder));
        }
        for folder in &added {
            match paths.add(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // Its going is told by the folder that it was in.
                Err(_) if !folder.is_dir() => continue,
                Err(error) => {
                    let shown = folder.display();
                    return Err(error).with_context(|| format!("cannot watch `{shown}`"));
                }
            }
            kept.insert(folder.clone());
        }
        paths.commit().context("cannot watch the folders")?;
        let mut state = lock(&self.state);
        state.folders = kept;
        if arrival == Arrival::Changed {
            for folder in &added {
                state.note_all(folder);
            }
        }
        Ok(())
    }
}

/// What a folder that is watched from now on means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// Its files are those that were there.
    Known,
    /// Its files came while it was not watched.
    Changed,
}

/// What the system's thread does with what it hears.
fn take(state: &Mutex<State>, bell: &mpsc::Sender<()>, event: notify::Result<Event>) {
    let mut state = lock(state);
    match event {
        Ok(event) if event.need_rescan() => state.lose_count(),
        Ok(event) if is_change(event.kind) => {
            for path in &event.paths {
                state.take(path);
            }
        }
        Ok(_) => return,
        Err(error) => warn!(%error, "some changes of files may not be seen"),
    }
    if !state.is_quiet() {
        // A bell that has not been heard yet is as good as two.
        bell.try_send(()).ok();
    }
}

/// Whether anything was written, came or went. Reading is no change, and neither is what is said about a file.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(ModifyKind::Metadata(_)) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl State ===

impl State {
    fn new(targets: Targets) -> Self {
        Self {
            targets: Arc::new(targets),
            folders: BTreeSet::new(),
            gone: BTreeSet::new(),
            is_stale: false,
            changed: Changed::default(),
        }
    }

    fn is_quiet(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty() && !self.is_stale
    }

    /// Something happened at a path.
    fn take(&mut self, path: &Path) {
        let is_folder = path.is_dir();
        if self.folders.contains(path) && !is_folder {
            self.gone.insert(path.to_owned());
        }
        match is_folder {
            true => self.take_folder(path),
            false => self.note(path),
        }
    }

    /// A folder came or was replaced: its files are looked at when it is watched.
    fn take_folder(&mut self, path: &Path) {
        if !self.targets.may_hold(path) {
            return;
        }
        self.is_stale = true;
        // A folder of this name that is watched may be another one.
        if self.folders.contains(path) {
            self.gone.insert(path.to_owned());
        }
    }

    /// A file came, changed or went, or a folder with all that was in it.
    fn note(&mut self, path: &Path) {
        let targets = Arc::clone(&self.targets);
        self.changed.manifest |= targets.is_manifest(path);
        let went = self.gone.contains(path);
        let components = targets.concerned(path, went).cloned();
        self.changed.components.extend(components);
    }

    /// Notes the files of a folder.
    fn note_all(&mut self, folder: &Path) {
        // One that cannot be read has gone again.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if !path.is_dir() {
                self.note(&path);
            }
        }
    }

    /// Some events were lost: anything may have changed.
    fn lose_count(&mut self) {
        self.is_stale = true;
        self.changed.manifest = true;
        self.changed.components = self.targets.components().cloned().collect();
    }
}
