//! An application as it travels: its manifest, and every file that the manifest names, by content. Paths are keys here,
//! written as the manifest writes them; what they stand for on a disk matters only where they are read. Files that are
//! mounted have the path that they have in the manifest's folder, and what is fetched has a key of its own
//! (`fetched.rs`).

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use stoa_capabilities::releases::{Digest, FILE_BYTES_MAX};
use stoa_manifest::dependency::Origin;
use stoa_manifest::text::{Mistakes, Source};
use stoa_manifest::{App, Component, ComponentId};

use crate::admin::messages::Bundle;
use crate::compose::{self, middleware};
use crate::fetched::{self, Place, Remote};
use crate::mounts;

/// Where the canonical text of a bundle begins, so that no signature over it is one over something else.
const DOMAIN: &str = "stoa-bundle-v1\n";
/// What migrations end with; other files of their folder are left alone.
const MIGRATION: &str = ".sql";

/// The files of an application, by the path that its manifest writes.
#[derive(Clone, Default)]
pub(crate) struct Files(BTreeMap<String, Bytes>);

/// What a path stands for.
#[derive(Clone, Copy)]
enum Role<'c> {
    Source,
    /// The code of the dependency of this name.
    Dependency(&'c str),
    Openapi,
}

/// Reads files, and remembers what could not be read.
struct Reading<'a> {
    root: &'a Path,
    files: Files,
    /// Bytes of those that are mounted.
    mounted: usize,
    problems: Vec<String>,
}

// === impl Files ===

impl Files {
    pub(crate) fn insert(&mut self, path: impl Into<String>, bytes: Bytes) {
        self.0.insert(path.into(), bytes);
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Bytes> {
        self.0.get(path)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(path, bytes)| (path.as_str(), bytes))
    }

    /// The migrations in a folder, by file name and in its order. Not those of folders in it.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &Bytes)> {
        let prefix = prefix(folder);
        self.iter()
            .filter_map(move |(path, bytes)| Some((migration(&prefix, path)?, bytes)))
    }

    pub(crate) fn digests(&self) -> BTreeMap<String, Digest> {
        let digest = |(path, bytes): (&str, &Bytes)| (path.to_owned(), Digest::of(bytes));
        self.iter().map(digest).collect()
    }
}

// === impl Bundle ===

impl Bundle {
    /// A bundle that nobody signed.
    pub(crate) fn new(manifest: &str, profile: Option<&str>, files: &Files) -> Self {
        Self {
            manifest: manifest.to_owned(),
            profile: profile.map(str::to_owned),
            files: files.digests(),
            signature: None,
        }
    }

    /// What its manifest says, or every mistake in it. Mistakes call it as a folder does.
    pub(crate) fn parse(&self) -> Result<App, Mistakes> {
        let source = Source::new("spin.toml", &*self.manifest);
        stoa_manifest::parse(&source, self.profile.as_deref())
    }

    /// What a signature covers: a line for the manifest, one for the profile, one per file. Whatever can be any text
    /// has its length in front, so that different bundles have different texts.
    pub(crate) fn signed(&self) -> Vec<u8> {
        let mut text = format!(
            "{DOMAIN}manifest {}\n",
            Digest::of(self.manifest.as_bytes())
        );
        match &self.profile {
            Some(profile) => text.push_str(&format!("profile {}:{profile}\n", profile.len())),
            None => text.push_str("profile none\n"),
        }
        for (path, digest) in &self.files {
            text.push_str(&format!("file {digest} {}:{path}\n", path.len()));
        }
        text.into_bytes()
    }

    /// SHA-256 of what a signature covers: by it two bundles are the same.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.signed())
    }
}

// === functions ===

/// Reads every file that these components are made of, or all of them if `only` is empty: code, dependencies, OpenAPI
/// documents, migrations, files that they mount. What comes from the network is fetched, which blocks.
///
/// # Errors
/// Whatever cannot be read or fetched, all of it, for people.
pub(crate) fn read(app: &App, root: &Path, only: &[ComponentId]) -> Result<Files, Vec<String>> {
    let mut reading = Reading {
        root,
        files: Files::default(),
        mounted: 0,
        problems: Vec::new(),
    };
    for (id, component) in &app.components {
        // What is only a part of others is read with them: it may serve interfaces that this host serves itself.
        let wanted = match only.is_empty() {
            true => !compose::is_part(app, id),
            false => only.contains(id),
        };
        if wanted {
            reading.component(app, id, component);
        }
    }
    match reading.problems.is_empty() {
        true => Ok(reading.files),
        false => Err(reading.problems),
    }
}

/// The components and those whose code is joined with theirs: what has to be built for them. None stands for all.
pub(crate) fn with_parts(app: &App, only: &[ComponentId]) -> Vec<ComponentId> {
    let components = only.iter().filter_map(|id| app.components.get(id));
    let dependencies = components.flat_map(|component| component.dependencies.values());
    let in_front = only.iter().flat_map(|id| middleware::in_front_of(app, id));
    let parts = dependencies
        .chain(in_front)
        .filter_map(|dependency| match &dependency.origin {
            Origin::Component(id) => Some(id),
            Origin::Path(_) | Origin::Url { .. } | Origin::Registry { .. } => None,
        });
    only.iter().chain(parts).cloned().collect()
}

/// Which of `files` a component is made of, the code of other components that it depends on and what it mounts included.
pub(crate) fn of_component<'f>(
    app: &App,
    id: &ComponentId,
    component: &Component,
    files: &'f BTreeMap<String, Digest>,
) -> BTreeMap<&'f str, Digest> {
    let single: BTreeSet<Cow<'_, str>> = named(app, id, component)
        .map(|(place, _)| place.key())
        .collect();
    // What is wrong with its entries is told where it is linked.
    let mounted = mounts::placed(component, files.keys().map(String::as_str));
    let mounted: BTreeSet<&str> = mounted.unwrap_or_default().into_values().collect();
    let folders = component.migrations.values();
    let folders: Vec<String> = folders.map(|it| prefix(&it.folder)).collect();
    let migrates = |path: &str| {
        folders
            .iter()
            .any(|folder| migration(folder, path).is_some())
    };
    files
        .iter()
        .map(|(path, digest)| (path.as_str(), *digest))
        .filter(|(path, _)| single.contains(*path) || mounted.contains(path) || migrates(path))
        .collect()
}

/// The single files that a component is made of.
fn named<'a>(
    app: &'a App,
    id: &'a ComponentId,
    component: &'a Component,
) -> impl Iterator<Item = (Place<'a>, Role<'a>)> {
    let source = (fetched::of_source(&component.source), Role::Source);
    let dependencies = component.dependencies.iter();
    let dependencies = dependencies.filter_map(move |(name, dependency)| {
        let place = fetched::of_dependency(app, name, dependency)?;
        Some((place, Role::Dependency(name)))
    });
    let middleware = middleware::places(app, id);
    let middleware = middleware.map(|place| (place, Role::Dependency(middleware::ROLE)));
    let openapi = component.openapi.as_deref();
    std::iter::once(source)
        .chain(dependencies)
        .chain(middleware)
        .chain(openapi.map(|path| (Place::Path(path), Role::Openapi)))
}

/// What the paths of a folder's files begin with.
fn prefix(folder: &str) -> String {
    format!("{}/", folder.trim_end_matches('/'))
}

/// The file name of a path, if it is a migration in the folder with this prefix.
fn migration<'p>(prefix: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(prefix)
        .filter(|name| name.ends_with(MIGRATION) && !name.contains('/'))
}

fn file(path: &Path) -> io::Result<Bytes> {
    // Before it is opened: a pipe would be waited for.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    if metadata.len() <= FILE_BYTES_MAX as u64 {
        File::open(path)?
            .take(FILE_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)?;
        // It may have grown meanwhile.
        if bytes.len() <= FILE_BYTES_MAX {
            return Ok(bytes.into());
        }
    }
    let most = FILE_BYTES_MAX / 1024 / 1024;
    Err(io::Error::other(format!("it is larger than {most} MiB")))
}

/// The names of a folder's migrations, in order, and their paths.
fn migrations(folder: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = name.filter(|name| name.ends_with(MIGRATION)) {
            found.insert(name.to_owned(), path);
        }
    }
    Ok(found)
}

fn whose(id: &ComponentId, role: Role<'_>) -> String {
    match role {
        Role::Dependency(name) => format!("component `{id}`: dependency `{name}`"),
        Role::Source | Role::Openapi => format!("component `{id}`"),
    }
}

fn hint(component: &Component, role: Role<'_>) -> &'static str {
    match (role, &component.build) {
        (Role::Source, Some(_)) => {
            "its build command did not write it there; check `source` and `build` in the manifest"
        }
        (Role::Source, None) => "it has no build command; check `source` in the manifest",
        (Role::Dependency(_), _) => {
            "build the dependency first, for instance in the same `build.command`"
        }
        (Role::Openapi, _) => "check `openapi` in the manifest",
    }
}

// === impl Reading ===

impl Reading<'_> {
    /// Reads all that a component is made of; of what serves Stoa's own interfaces, only what is there.
    fn component(&mut self, app: &App, id: &ComponentId, component: &Component) {
        for (place, role) in named(app, id, component) {
            if self.files.get(&place.key()).is_some() {
                continue;
            }
            match place {
                Place::Path(path) => self.file(id, component, path, role),
                Place::Remote(remote) => self.fetch(id, &remote, role),
            }
        }
        for wanted in component.migrations.values() {
            self.folder(id, &wanted.folder);
        }
        self.mount(id, component);
    }

    fn file(&mut self, id: &ComponentId, component: &Component, written: &str, role: Role<'_>) {
        // Those for Stoa's own interfaces are used where the host says so, and need not be there elsewhere.
        let optional = matches!(role, Role::Dependency(name) if name.starts_with(compose::OURS));
        let path = self.root.join(written);
        match file(&path) {
            Ok(bytes) => self.files.insert(written, bytes),
            Err(error) if optional && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.refuse(id, role, &path, &error, hint(component, role)),
        }
    }

    fn fetch(&mut self, id: &ComponentId, remote: &Remote<'_>, role: Role<'_>) {
        match fetched::fetch(self.root, remote) {
            Ok(bytes) => self.files.insert(Place::Remote(*remote).key(), bytes),
            Err(told) => self.problems.push(format!("{}: {told}", whose(id, role))),
        }
    }

    /// Reads the files that a component mounts.
    fn mount(&mut self, id: &ComponentId, component: &Component) {
        let keys = match mounts::find(self.root, component) {
            Ok(keys) => keys,
            Err(told) => {
                let told = told.into_iter().map(|it| format!("component `{id}`: {it}"));
                return self.problems.extend(told);
            }
        };
        for key in keys {
            let path = self.root.join(&key);
            if self.files.get(&key).is_some() {
                continue;
            }
            match file(&path) {
                Ok(bytes) => {
                    self.mounted += bytes.len();
                    self.files.insert(key, bytes);
                }
                Err(error) => self.unreadable(id, &path, &error),
            }
            if self.mounted > mounts::FILES_BYTES_MAX {
                let most = mounts::FILES_BYTES_MAX / 1024 / 1024;
                return self.problems.push(format!(
                    "component `{id}`: with `{}` more than {most} MiB would be mounted\n  = hint: keep large files in a \
                     blob store",
                    path.display()
                ));
            }
        }
    }

    fn folder(&mut self, id: &ComponentId, written: &str) {
        let folder = self.root.join(written);
        let found = match migrations(&folder) {
            Ok(found) => found,
            Err(error) => return self.unreadable(id, &folder, &error),
        };
        for (name, path) in found {
            match file(&path) {
                Ok(bytes) => self.files.insert(prefix(written) + &name, bytes),
                Err(error) => self.unreadable(id, &path, &error),
            }
        }
    }

    fn refuse(
        &mut self,
        id: &ComponentId,
        role: Role<'_>,
        path: &Path,
        error: &io::Error,
        hint: &str,
    ) {
        let (whose, shown) = (whose(id, role), path.display());
        self.problems.push(format!(
            "{whose}: cannot read `{shown}`: {error}\n  = hint: {hint}"
        ));
    }

    fn unreadable(&mut self, id: &ComponentId, path: &Path, error: &io::Error) {
        let shown = path.display();
        self.problems
            .push(format!("component `{id}`: cannot read `{shown}`: {error}"));
    }
}
