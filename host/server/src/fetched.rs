//! Code that a manifest names by an address or as a package, and not as a file.
//!
//! It is fetched by whoever bundles the application, never by a host that it is deployed to, and travels in the bundle
//! like any file, under a key that says where it came from. Such a key ends with a slash, as no file's path does. What
//! came is kept beside the manifest by its digest, and looked at again before it is used.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use bytes::Bytes;
use stoa_capabilities::releases::{Digest, FILE_BYTES_MAX};
use stoa_manifest::App;
use stoa_manifest::component::Source as Code;
use stoa_manifest::dependency::{Dependency, Origin};

use crate::client::show;
use crate::progress::Step;
use crate::registry::{self, Package, Wanted};

/// Where it is kept, in the manifest's folder.
const FOLDER: &str = ".stoa/fetched";
/// What keys of downloads begin with; their digest follows.
const URL: &str = "url:";
/// What keys of packages begin with.
const PACKAGE: &str = "package:";
/// What keys end with, and paths of files do not.
const END: char = '/';

/// Where code is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// In a file, relative to the manifest's folder.
    Path(&'a str),
    Remote(Remote<'a>),
}

/// Something to fetch.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Remote<'a> {
    Url { url: &'a str, digest: &'a str },
    Package(Package<'a>),
}

/// Where a component's code is.
pub(crate) fn of_source(source: &Code) -> Place<'_> {
    match source {
        Code::Path(path) => Place::Path(path),
        Code::Url { url, digest } => Place::Remote(Remote::Url { url, digest }),
        Code::Registry {
            registry,
            package,
            version,
        } => Place::Remote(Remote::Package(Package {
            registry: registry.as_deref(),
            name: package,
            version: Wanted::Exactly(version),
        })),
    }
}

/// Where a dependency's code is; nowhere if it is a component that is not there.
pub(crate) fn of_dependency<'a>(
    app: &'a App,
    name: &'a str,
    dependency: &'a Dependency,
) -> Option<Place<'a>> {
    Some(match &dependency.origin {
        Origin::Path(path) => Place::Path(path),
        Origin::Component(id) => of_source(&app.components.get(id)?.source),
        Origin::Url { url, digest } => Place::Remote(Remote::Url { url, digest }),
        Origin::Registry {
            version,
            registry,
            package,
        } => Place::Remote(Remote::Package(Package {
            registry: registry.as_deref(),
            name: package.as_deref().unwrap_or_else(|| package_of(name)),
            version: Wanted::Matching(version),
        })),
    })
}

/// Whether a key stands for something fetched.
pub(crate) fn is_key(key: &str) -> bool {
    key.ends_with(END) && (key.starts_with(URL) || key.starts_with(PACKAGE))
}

/// Refuses what is not what the manifest says by its digest.
pub(crate) fn check(files: &BTreeMap<String, Digest>) -> Result<(), Vec<String>> {
    let problems: Vec<String> = files
        .iter()
        .filter_map(|(key, actual)| {
            let meant = key.strip_prefix(URL)?.strip_suffix(END)?;
            let differs = meant != actual.to_string();
            differs.then(|| format!("what was fetched as {meant} is {actual}"))
        })
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems),
    }
}

/// Fetches it, unless it is kept. Blocks, on a thread of its own: whoever asks may be in the middle of something.
///
/// # Errors
/// Why it cannot be had, for people, without what an address may hold that is secret.
pub(crate) fn fetch(root: &Path, remote: &Remote<'_>) -> Result<Bytes, String> {
    let kept = Kept(root.join(FOLDER));
    thread::scope(|scope| {
        let work = scope.spawn(|| {
            let fetched = registry::wait(kept.fetch(remote));
            fetched.map_err(|error| format!("{error:#}"))
        });
        let panicked = |_| Err("the download broke off; the log says how".to_owned());
        work.join().unwrap_or_else(panicked)
    })
}

/// The package of an import's name: `acme:thing` of `acme:thing/interface@1.0.0`.
fn package_of(import: &str) -> &str {
    import.split(['/', '@']).next().unwrap_or(import)
}

// === impl Place ===

impl<'a> Place<'a> {
    /// Its key among the files of an application.
    pub(crate) fn key(&self) -> Cow<'a, str> {
        match self {
            Self::Path(path) => Cow::Borrowed(path),
            Self::Remote(remote) => Cow::Owned(remote.key()),
        }
    }
}

// === impl Remote ===

impl Remote<'_> {
    fn key(&self) -> String {
        match self {
            Self::Url { digest, .. } => format!("{URL}{digest}{END}"),
            Self::Package(package) => {
                let registry = package.registry.unwrap_or_default();
                let (name, version) = (package.name, package.version());
                // A version is the range of itself alone; of the range that reads as it does, a newer one may be taken.
                let exactly = match package.version {
                    Wanted::Exactly(_) => "=",
                    Wanted::Matching(_) => "",
                };
                format!("{PACKAGE}{registry}/{name}@{exactly}{version}{END}")
            }
        }
    }

    /// As people are told of it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Url { url, .. } => registry::shown(url),
            Self::Package(package) => format!("{}@{}", package.name, package.version()),
        }
    }
}

// === impl Kept ===

/// What was fetched before.
struct Kept(PathBuf);

impl Kept {
    async fn fetch(&self, remote: &Remote<'_>) -> Result<Bytes, registry::Error> {
        let unusable = |reason: String| registry::Error::Unfetched {
            what: remote.shown(),
            reason,
        };
        let bytes = match remote {
            Remote::Url { url, digest } => {
                let digest = digest.parse::<Digest>();
                let digest = digest.map_err(|error| unusable(format!("its digest: {error}")))?;
                if let Some(bytes) = self.get(digest) {
                    return Ok(bytes);
                }
                let step = Step::announce(format!("Fetching {}", remote.shown()));
                let bytes = registry::download(url, digest).await?;
                step.done(&show::bytes(bytes.len() as u64));
                bytes
            }
            Remote::Package(package) => {
                let step = Step::announce(format!("Fetching {}", remote.shown()));
                let bytes = registry::package(*package, |digest| self.get(digest)).await?;
                step.done(&show::bytes(bytes.len() as u64));
                bytes
            }
        };
        // Without it, it is fetched again.
        if let Err(error) = self.put(&bytes) {
            tracing::warn!(%error, "what was fetched is not kept");
        }
        Ok(bytes)
    }

    /// What is kept under this digest, if it is that still.
    fn get(&self, digest: Digest) -> Option<Bytes> {
        let file = File::open(self.0.join(digest.hex())).ok()?;
        let mut bytes = Vec::new();
        let most = FILE_BYTES_MAX as u64 + 1;
        file.take(most).read_to_end(&mut bytes).ok()?;
        (Digest::of(&bytes) == digest).then(|| bytes.into())
    }

    /// Written aside and renamed, under a name that no other process has.
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let digest = Digest::of(bytes);
        if self.get(digest).is_some() {
            return Ok(());
        }
        // The folder around it may become a host's state.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        let name = digest.hex();
        let aside = self.0.join(format!("{name}.{}", std::process::id()));
        let written = write(&aside, bytes).and_then(|()| fs::rename(&aside, self.0.join(name)));
        if written.is_err() {
            // It may not even be there.
            drop(fs::remove_file(&aside));
        }
        written
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
