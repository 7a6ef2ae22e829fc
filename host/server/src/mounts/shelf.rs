//! Files of releases on the disk of a host: once per content, read-only, for as long as a revision uses them.
//!
//! A folder is written aside, synced and renamed, so that whatever its name says is in it, whole. What a crash left
//! behind is removed when the shelf is opened; what nothing uses any more is removed by a thread of the shelf's own,
//! because whoever drops the last use may be serving requests. With transient writes every revision has a copy of its
//! own, which is gone when the revision is.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use bytes::Bytes;
use stoa_capabilities::releases::Digest;
use stoa_runtime::Mount;
use tracing::warn;

use super::{Contents, FILES_BYTES_MAX};

/// What folders are called that are being written, ...
const NEW: &str = "new-";
/// ... that are being removed, ...
const GONE: &str = "gone-";
/// ... and that are one revision's own. All others are called by the digest of what is in them.
const OWN: &str = "own-";
/// Where a guest finds its files.
const GUEST: &str = "/";

/// Whether guests may write into what they mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    Refused,
    /// Into a copy that is theirs alone, and is lost.
    Transient,
}

/// The files that this host has written down for its components.
pub(crate) struct Mounts {
    shelf: Arc<Shelf>,
    writes: Writes,
    cleaner: Option<JoinHandle<()>>,
}

struct Shelf {
    folder: PathBuf,
    /// Tells names apart that are nobody's content.
    next: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How many revisions use which folder.
    used: HashMap<String, usize>,
    /// Folders from before this start, which nobody asked for yet.
    left: BTreeSet<String>,
    /// Folders that are to go. Until they went they may be asked for again.
    unused: BTreeSet<String>,
    closing: bool,
}

/// One use of a folder.
struct Lent {
    shelf: Arc<Shelf>,
    name: String,
}

// === impl Mounts ===

impl Mounts {
    /// Opens the shelf in a folder that is this host's alone.
    pub(crate) fn open(folder: PathBuf, writes: Writes) -> anyhow::Result<Self> {
        let shown = folder.display().to_string();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make the folder `{shown}`"))?;
        let left = leftovers(&folder).with_context(|| format!("cannot clean up `{shown}`"))?;
        let shelf = Arc::new(Shelf {
            folder,
            next: AtomicU64::new(0),
            state: Mutex::new(State {
                left,
                ..State::default()
            }),
            changed: Condvar::new(),
        });
        let cleaned = Arc::clone(&shelf);
        let cleaner = thread::Builder::new()
            .name("files".into())
            .spawn(move || cleaned.clean())
            .context("cannot start a thread for files")?;
        Ok(Self {
            shelf,
            writes,
            cleaner: Some(cleaner),
        })
    }

    /// The folder with these files, as a component mounts it. `bytes` has the content of each digest; it is asked only
    /// for what is not written yet.
    ///
    /// # Errors
    /// When it cannot be written, or `bytes` lacks a content. Nothing of it is left then.
    pub(crate) fn lend(
        &self,
        contents: &Contents,
        bytes: impl Fn(&Digest) -> Option<Bytes>,
    ) -> io::Result<Mount> {
        let shelf = &self.shelf;
        let name = match self.writes {
            Writes::Refused => contents.digest().hex(),
            Writes::Transient => shelf.name(OWN),
        };
        let lent = match shelf.take(&name) {
            Some(lent) => lent,
            None => shelf.put(&name, contents, &bytes, self.writes)?,
        };
        Ok(Mount {
            host: shelf.folder.join(&name),
            guest: GUEST.to_owned(),
            writable: self.writes == Writes::Transient,
            lease: Arc::new(lent) as Arc<dyn Any + Send + Sync>,
        })
    }

    /// What serves first is ready: what is left from before and was not asked for is not needed.
    pub(crate) fn settle(&self) {
        let mut state = self.shelf.state();
        let left = std::mem::take(&mut state.left);
        state.unused.extend(left);
        drop(state);
        self.shelf.changed.notify_one();
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        self.shelf.state().closing = true;
        self.shelf.changed.notify_one();
        if let Some(cleaner) = self.cleaner.take()
            && cleaner.join().is_err()
        {
            warn!("removing files ended early");
        }
    }
}

// === impl Shelf ===

impl Shelf {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("keeping count does not panic")
    }

    fn name(&self, kind: &str) -> String {
        format!("{kind}{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A folder that is there.
    fn take(self: &Arc<Self>, name: &str) -> Option<Lent> {
        let mut state = self.state();
        let is_there = state.left.remove(name) || state.unused.remove(name);
        if !is_there && !state.used.contains_key(name) {
            return None;
        }
        *state.used.entry(name.to_owned()).or_default() += 1;
        Some(self.lent(name))
    }

    /// A folder that is not: several may write it at once, and one of them is the first.
    fn put(
        self: &Arc<Self>,
        name: &str,
        contents: &Contents,
        bytes: &dyn Fn(&Digest) -> Option<Bytes>,
        writes: Writes,
    ) -> io::Result<Lent> {
        let aside = self.folder.join(self.name(NEW));
        let written = write(&aside, contents, bytes, writes);
        let placed = written.and_then(|()| self.place(&aside, name));
        if !matches!(placed, Ok(true)) {
            // It is another's work by now, or half of one.
            discard(&aside);
        }
        placed?;
        Ok(self.lent(name))
    }

    /// Counts one more use, and gives what was written aside its name, unless there is one of that name.
    fn place(&self, aside: &Path, name: &str) -> io::Result<bool> {
        let mut state = self.state();
        let is_there = state.left.remove(name) || state.unused.remove(name);
        let is_first = !is_there && !state.used.contains_key(name);
        if is_first {
            fs::rename(aside, self.folder.join(name))?;
        }
        *state.used.entry(name.to_owned()).or_default() += 1;
        drop(state);
        if is_first && let Err(error) = sync(&self.folder) {
            // It is there; after a crash it may have to be written again.
            warn!(%error, "cannot sync the folder of mounted files");
        }
        Ok(is_first)
    }

    fn lent(self: &Arc<Self>, name: &str) -> Lent {
        Lent {
            shelf: Arc::clone(self),
            name: name.to_owned(),
        }
    }

    /// Removes what nothing uses, until the shelf is closed.
    fn clean(&self) {
        while let Some(gone) = self.next_unused() {
            discard(&gone);
        }
    }

    /// Waits for a folder that is to go, and takes its name from it: whoever asks for it from now on writes it anew.
    fn next_unused(&self) -> Option<PathBuf> {
        let mut state = self.state();
        loop {
            if state.closing {
                return None;
            }
            if let Some(name) = state.unused.pop_first() {
                let gone = self.folder.join(self.name(GONE));
                match fs::rename(self.folder.join(&name), &gone) {
                    Ok(()) => return Some(gone),
                    Err(error) => {
                        warn!(%error, folder = name, "cannot remove mounted files");
                        // Then it is whole, and in the way of another of its name: who asks for it may have it.
                        if error.kind() != ErrorKind::NotFound {
                            state.left.insert(name);
                        }
                    }
                }
                continue;
            }
            state = self
                .changed
                .wait(state)
                .expect("keeping count does not panic");
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut state = self.shelf.state();
        if let Some(uses) = state.used.get_mut(&self.name) {
            *uses -= 1;
            if *uses == 0 {
                state.used.remove(&self.name);
                state.unused.insert(self.name.clone());
                drop(state);
                self.shelf.changed.notify_one();
            }
        }
    }
}

// === functions ===

/// Removes what is nobody's content, and tells what is somebody's.
fn leftovers(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut left = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_name().into_string() {
            Ok(name) if Digest::from_hex(&name).is_ok() => {
                left.insert(name);
            }
            _ => remove(&entry.path())?,
        }
    }
    Ok(left)
}

/// Writes a folder, all of it, to the disk.
fn write(
    folder: &Path,
    contents: &Contents,
    bytes: &dyn Fn(&Digest) -> Option<Bytes>,
    writes: Writes,
) -> io::Result<()> {
    check_size(contents, bytes)?;
    let mut folders = BTreeSet::from([folder.to_owned()]);
    make(folder)?;
    for (path, digest) in contents.iter() {
        let path = folder.join(path);
        for around in path.ancestors().skip(1) {
            if !folders.insert(around.to_owned()) {
                break;
            }
        }
        let around = path.parent().expect("it lies in the folder");
        make(around)?;
        let missing = || io::Error::other(format!("{digest} is not among the files"));
        file(&path, &bytes(&digest).ok_or_else(missing)?, writes)?;
    }
    let mode = match writes {
        Writes::Refused => 0o500,
        Writes::Transient => 0o700,
    };
    // Those inside first: nothing is added to what is read-only.
    for folder in folders.iter().rev() {
        sync(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// One file may be placed many times, and is written as often.
fn check_size(contents: &Contents, bytes: &dyn Fn(&Digest) -> Option<Bytes>) -> io::Result<()> {
    let files = contents.iter().filter_map(|(_, digest)| bytes(&digest));
    match files.map(|bytes| bytes.len() as u64).sum::<u64>() > FILES_BYTES_MAX as u64 {
        false => Ok(()),
        true => Err(io::Error::other(format!(
            "they hold more than {} MiB, wherever they are placed",
            FILES_BYTES_MAX / 1024 / 1024
        ))),
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn file(path: &Path, bytes: &[u8], writes: Writes) -> io::Result<()> {
    let mode = match writes {
        Writes::Refused => 0o400,
        Writes::Transient => 0o600,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)?;
    match writes {
        Writes::Refused => file.sync_all(),
        // It is lost anyway.
        Writes::Transient => Ok(()),
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes what is in nobody's way if it stays: the next start tries again.
fn discard(path: &Path) {
    if let Err(error) = remove(path) {
        warn!(%error, folder = %path.display(), "cannot remove mounted files");
    }
}

/// Removes a folder, and folders in it that are read-only; nothing if there is none. Links are not followed.
fn remove(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.is_dir() {
        return fs::remove_file(path);
    }
    unlock(path)?;
    fs::remove_dir_all(path)
}

/// Lets its owner remove what is in a folder.
fn unlock(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}
