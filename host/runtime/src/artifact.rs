//! Compiled code: made once, kept on disk, and loaded only if this host made it.
//!
//! Loading machine code is running it, so a file counts for nothing by its place or name. Every artifact carries a MAC
//! under a key that only this host has, over the code, the digest of the wasm it came from and the engine it is for;
//! whatever does not match is compiled anew. Uploads and registries carry wasm, never this.

use std::borrow::Cow;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::{digest, hmac, rand};
use tracing::{debug, warn};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::host::{is_concurrent, rc};
use crate::pace::{Compilers, Pace};

const MAC_BYTES: usize = 32;
/// Which engine a component is compiled for is remembered by the name of its file. Another number for other rules, or what
/// was kept would never be looked at again.
const CHOICE: u32 = 1;
/// What the folder of compiled code holds at most. A component takes about three times the size of its wasm.
const COMPILED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
const KEY_BYTES: usize = 32;
/// Compiled code is read in pieces of this size.
const READ_BYTES: usize = 64 * 1024;

/// The key with which a host recognises its own artifacts. Made at the first start, readable by its owner alone.
pub struct HostKey(hmac::Key);

impl HostKey {
    /// Reads the key at `path`, or makes one there.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is no key.
    pub fn load(path: &Path) -> io::Result<Self> {
        let bytes = match private(path) {
            Ok(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                bytes
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path)?,
            Err(error) => return Err(error),
        };
        match bytes.len() {
            KEY_BYTES => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a key of this host; remove it to have one made",
            )),
        }
    }

    /// A key for another purpose, which tells nothing of this one.
    pub fn derive(&self, purpose: &str) -> [u8; KEY_BYTES] {
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(hmac::sign(&self.0, purpose.as_bytes()).as_ref());
        key
    }

    fn create(path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; KEY_BYTES];
        rand::SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| io::Error::other("no randomness"))?;
        replace(path, &[&bytes])?;
        Ok(bytes)
    }
}

/// Why a `.wasm` file is not a component that can run.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A core module, which Stoa does not run.
    #[error("it is a core module, not a component")]
    CoreModule,
    /// Neither module nor component, or one that does not validate.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
}

/// A component's code, not yet linked to anything.
pub struct Artifact {
    pub(crate) component: Component,
    /// The same, where it is mapped from its file.
    pub(crate) mapped: Option<Mapped>,
    /// SHA-256 of the wasm, in hexadecimal.
    digest: String,
    compiled: bool,
}

/// Characters of the digest that name a revision.
const REVISION_CHARACTERS: usize = 12;

impl Artifact {
    /// The revision of a component that has this code: the start of the wasm's digest.
    pub fn revision(&self) -> &str {
        &self.digest[..REVISION_CHARACTERS]
    }

    /// The interfaces that the component imports, sorted, as it names them: `wasi:http/types@0.2.6`.
    pub fn imports(&self) -> Vec<String> {
        let mut names = imports(&self.component);
        names.sort();
        names
    }

    /// Whether it was compiled just now, and not found compiled.
    pub fn compiled(&self) -> bool {
        self.compiled
    }
}

/// The interfaces that a component imports, in its order.
pub(crate) fn imports(component: &Component) -> Vec<String> {
    component
        .component_type()
        .imports(component.engine())
        .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentInstance(_)))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The folder of compiled code.
pub(crate) struct Artifacts {
    folder: PathBuf,
    key: HostKey,
    blocking: Target,
    concurrent: Target,
    compilers: Compilers,
}

/// An engine that code is made for.
struct Target {
    engine: Engine,
    /// What tells its code from that of others.
    engine_hash: u64,
}

impl Artifacts {
    /// Code for the engine whose components block, and for that whose components are concurrent.
    pub(crate) fn new(engines: [&Engine; 2], folder: &Path, key: HostKey) -> Self {
        let [blocking, concurrent] = engines.map(Target::new);
        Self {
            folder: folder.to_owned(),
            key,
            blocking,
            concurrent,
            compilers: Compilers::default(),
        }
    }

    /// The code of `wasm`, from the folder or compiled and put there. Only a component that does not compile is an
    /// error: a folder that cannot be written costs the next start its time, no more.
    pub(crate) fn load(&self, wasm: &[u8], pace: Pace) -> Result<Artifact, ArtifactError> {
        let digest = hex(digest::digest(&digest::SHA256, wasm).as_ref());
        let wasm = finalised(wasm)?;
        // What cannot be read here is for the compiler to judge, which knows more.
        let needs_concurrent = rc::imported_names(&wasm)
            .map_or(true, |names| names.iter().any(|name| is_concurrent(name)));
        let targets = match needs_concurrent {
            true => &[&self.concurrent][..],
            // Which engine the rest of them need is found out by compiling; the name of the file remembers it.
            false => &[&self.blocking, &self.concurrent][..],
        };
        let mut stored = targets.iter();
        if let Some(component) = stored.find_map(|target| self.stored(target, &digest)) {
            return Ok(Artifact {
                mapped: Some(Mapped(component.clone())),
                component,
                digest,
                compiled: false,
            });
        }
        let (target, code) = self.compilers.run(pace, || compile(targets, &wasm))?;
        let path = self.path(target, &digest);
        let kept = self.store(target, &digest, &path, &code);
        if let Err(error) = &kept {
            warn!(path = %path.display(), %error, "compiled code could not be kept, the next start compiles again");
        }
        // What is kept is loaded from there, so that the code need not stay in memory as a copy.
        let stored = kept.ok().and_then(|()| self.stored(target, &digest));
        let mapped = stored.clone().map(Mapped);
        let component = stored
            .map_or_else(|| trusted(&target.engine, &code), Ok)
            .map_err(|error| ArtifactError::Invalid(format!("{error:#}")))?;
        Ok(Artifact {
            component,
            mapped,
            digest,
            compiled: true,
        })
    }

    fn path(&self, target: &Target, digest: &str) -> PathBuf {
        self.folder
            .join(format!("{digest}-{:016x}.cwasm", target.engine_hash))
    }

    fn stored(&self, target: &Target, digest: &str) -> Option<Component> {
        let path = &self.path(target, digest);
        let mut file = match private(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                warn!(path = %path.display(), %error, "compiled code is not used, compiling anew");
                return None;
            }
        };
        let (authenticated, mac) = target.read(&mut file, digest)?;
        if hmac::verify(&self.key.0, &authenticated, &mac).is_err() {
            warn!(path = %path.display(), "compiled code is not this host's or is damaged, compiling anew");
            return None;
        }
        match mapped(&target.engine, &file) {
            Ok(component) => {
                // What is used stays longest. A file system without times forgets in another order.
                file.set_modified(SystemTime::now()).ok();
                Some(component)
            }
            Err(error) => {
                debug!(path = %path.display(), %error, "compiled code is for another engine, compiling anew");
                None
            }
        }
    }

    fn store(&self, target: &Target, digest: &str, path: &Path, code: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mac = hmac::sign(&self.key.0, &target.authenticated(digest, code));
        replace(path, &[code, mac.as_ref()])?;
        if let Err(error) = prune(&self.folder, COMPILED_BYTES_MAX) {
            warn!(folder = %self.folder.display(), %error, "old compiled code could not be removed");
        }
        Ok(())
    }
}

// === impl Target ===

impl Target {
    fn new(engine: &Engine) -> Self {
        let mut hasher = DefaultHasher::new();
        CHOICE.hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self {
            engine: engine.clone(),
            engine_hash: hasher.finish(),
        }
    }

    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, ArtifactError> {
        let code = self.engine.precompile_component(wasm);
        code.map_err(|error| ArtifactError::Invalid(format!("{error:#}")))
    }

    /// What the MAC of a file covers, and the MAC. The code passes in pieces: no copy of it is made in memory, to be given
    /// back again for every component of a start.
    fn read(&self, file: &mut fs::File, digest: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let length = file.metadata().ok()?.len();
        let code = length.checked_sub(MAC_BYTES as u64)?;
        let (mut hash, mut piece) = (self.begun(digest), vec![0; READ_BYTES]);
        let mut rest = file.take(code);
        loop {
            match rest.read(&mut piece).ok()? {
                0 => break,
                read => hash.update(&piece[..read]),
            }
        }
        let mut mac = Vec::new();
        // One more than there should be: a file that grew meanwhile has another MAC.
        rest.into_inner()
            .take(MAC_BYTES as u64 + 1)
            .read_to_end(&mut mac)
            .ok()?;
        Some((hash.finish().as_ref().to_vec(), mac))
    }

    /// What the MAC covers: the digest of everything, so that the code need not be copied to be signed.
    fn authenticated(&self, digest: &str, code: &[u8]) -> Vec<u8> {
        let mut hash = self.begun(digest);
        hash.update(code);
        hash.finish().as_ref().to_vec()
    }

    /// What stands before the code.
    fn begun(&self, digest: &str) -> digest::Context {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"stoa artifact 3\0");
        hash.update(&self.engine_hash.to_le_bytes());
        hash.update(digest.as_bytes());
        hash
    }
}

/// Compiles for the first of these engines that the component is for.
fn compile<'t>(
    targets: &[&'t Target],
    wasm: &[u8],
) -> Result<(&'t Target, Vec<u8>), ArtifactError> {
    let (last, first) = targets.split_last().expect("there is one at least");
    for target in first {
        // One that uses `async` is refused by its types, before any of its code is compiled.
        if let Ok(code) = target.compile(wasm) {
            return Ok((target, code));
        }
    }
    Ok((last, last.compile(wasm)?))
}

/// The component as it is compiled.
fn finalised(wasm: &[u8]) -> Result<Cow<'_, [u8]>, ArtifactError> {
    // The layer field that tells a module from a component: `\0asm`, then 1 and 0 for a module.
    match wasm.starts_with(b"\0asm\x01\0\0\0") {
        true => Err(ArtifactError::CoreModule),
        false => Ok(rc::finalised(wasm)),
    }
}

#[allow(
    unsafe_code,
    reason = "loading machine code is running it, and no safe API can check it"
)]
fn trusted(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: wasmtime asks that the bytes be what its own compiler made, unchanged. The caller is `Artifacts::load`, with
    // bytes that `precompile_component` returned just before.
    unsafe { Component::deserialize(engine, code) }
}

/// Maps the code of a file that was verified. Only the pages that run are read, and the kernel may drop them again: a
/// thousand components that idle cost little more than their bookkeeping.
#[allow(
    unsafe_code,
    reason = "loading machine code is running it, and no safe API can check it"
)]
fn mapped(engine: &Engine, file: &fs::File) -> wasmtime::Result<Component> {
    // By its descriptor, so that it is the very file that was verified, whatever its name stands for by now.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: wasmtime asks that the file be what its own compiler made, and that it not change while it is mapped. The
    // caller is `Artifacts::stored`, which has read this file through this descriptor and verified the MAC under this
    // host's key over all of it. It cannot change: `replace` puts new files in the place of old ones and never writes
    // into one, and `private` saw that only its owner can; whoever is its owner can read the key as well, and needs no
    // race. An artifact of another version or configuration is refused by wasmtime itself.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Code that is mapped from its file, and not a copy in memory.
#[derive(Clone)]
pub(crate) struct Mapped(Component);

impl Mapped {
    /// Gives its pages back to the kernel. What of it is needed next is read from the file again, as at the first time.
    #[allow(
        unsafe_code,
        reason = "what is mapped changes under whoever reads it, unless it is mapped from a file that does not change"
    )]
    pub(crate) fn let_go(&self) {
        let image = self.0.image_range();
        let length = image.end.addr() - image.start.addr();
        // SAFETY: the range is what `Component::deserialize_file` mapped, whole, private and from the start of the file, and
        // it stays mapped for as long as `self.0` lives. Private pages that were written to would lose what was written;
        // there are none: wasmtime accepts no artifact with relocations and makes the whole image read-only before it
        // gives the component out, and patching code is for guest debugging alone, which is off. So every page reads
        // the same again as before; that the file does not change is the invariant of `mapped`.
        let advised = unsafe {
            rustix::mm::madvise(
                image.start.cast_mut().cast(),
                length,
                rustix::mm::Advice::LinuxDontNeed,
            )
        };
        if let Err(error) = advised {
            debug!(%error, "idle code could not be given back");
        }
    }
}

/// Opens a file that nobody else can read or have put here: a key that others know, or chose, would make their code ours.
fn private(path: &Path) -> io::Result<fs::File> {
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    // The folder was made or locked by this process's user.
    let owner = path
        .parent()
        .map(fs::metadata)
        .transpose()?
        .map_or(metadata.uid(), |folder| folder.uid());
    match metadata.is_file() && metadata.mode() & 0o077 == 0 && metadata.uid() == owner {
        true => Ok(file),
        false => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others can read or replace it; remove it to have one made",
        )),
    }
}

/// Removes what was used longest ago until the rest holds at most so many bytes. What is mapped goes on: its file is only
/// out of sight.
fn prune(folder: &Path, bytes_max: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Gone already: somebody else compiles too.
        if let Ok(metadata) = entry.metadata() {
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
    }
    files.sort_unstable_by(|a, b| b.cmp(a));
    let mut bytes = 0;
    for (_, length, path) in files {
        bytes += length;
        if bytes > bytes_max
            && let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Writes a private file so that it is there whole or not at all.
fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    // Components with the same code are compiled side by side.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    // Left by an earlier process of this number, or put there by somebody else: never written into.
    if let Err(error) = fs::remove_file(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string does not fail");
            text
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = |name: &str| folder.path().join(name);
        let used = SystemTime::now();
        for (name, seconds) in [("old", 30), ("older", 60), ("new", 0)] {
            fs::write(path(name), [0; 10]).expect("it is written");
            let file = fs::File::open(path(name)).expect("it is there");
            file.set_modified(used - Duration::from_secs(seconds))
                .expect("its time is set");
        }
        prune(folder.path(), 30).expect("there is room");
        assert!(path("older").exists());
        prune(folder.path(), 29).expect("it is removed");
        assert!(!path("older").exists());
        assert!(path("old").exists() && path("new").exists());
        prune(folder.path(), 10).expect("it is removed");
        assert!(!path("old").exists() && path("new").exists());
    }
}
