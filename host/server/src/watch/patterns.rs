//! Which files matter to which component.
//!
//! As in Spin, `build.watch` is relative to `workdir`. `*` stays within a folder and `**` goes into those below it; a
//! folder that is named itself stands for all in it. A component that is not built here is made from its `source`. All of
//! them are made from the files of their dependencies, their migrations, the files they mount and their OpenAPI document,
//! too. What a build makes is nowhere taken for what it is made from, and neither is what the host keeps in its state
//! directory, wherever that lies.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Component as Part, Path, PathBuf};

use anyhow::bail;
use globset::{GlobBuilder, GlobMatcher};
use stoa_manifest::component::{Files, Source};
use stoa_manifest::dependency::Origin;
use stoa_manifest::{App, Component, ComponentId};

use crate::commands::Invalid;
use crate::compose;
use crate::fetched::Place;
use crate::output;

/// Folders that builds, packages and we ourselves fill. One that is named in a manifest is looked at even so.
const IGNORED: [&str; 4] = ["target", ".stoa", ".git", "node_modules"];
/// What editors keep beside a file that is open.
const SWAP: &str = "swp";
/// At most so many folders are watched: each takes some of what the system has for all programs.
const FOLDERS_MAX: usize = 8192;

/// The files of an application. All paths are absolute.
#[derive(Debug)]
pub(super) struct Targets {
    manifest: PathBuf,
    root: PathBuf,
    components: BTreeMap<ComponentId, Vec<Pattern>>,
    /// What builds make.
    made: BTreeSet<PathBuf>,
    /// The host's state directory, by each path that something in it may be told of.
    state_dir: BTreeSet<PathBuf>,
}

/// Files of a component.
#[derive(Debug)]
enum Pattern {
    /// One file, or all in a folder.
    Exact(PathBuf),
    /// Files below a folder.
    Below {
        folder: PathBuf,
        glob: GlobMatcher,
        /// Whether it may mean files of folders in it.
        is_deep: bool,
    },
}

// === impl Targets ===

impl Targets {
    /// `root` and `state_dir` are without links.
    pub(super) fn of(
        manifest: &Path,
        root: &Path,
        state_dir: &Path,
        app: &App,
    ) -> anyhow::Result<Self> {
        let mut components = BTreeMap::new();
        let mut made = BTreeSet::new();
        for (id, component) in &app.components {
            if let (Some(_), Source::Path(path)) = (&component.build, &component.source) {
                made.insert(normal(&root.join(path)));
            }
            let mut patterns = patterns(root, id, component)?;
            for place in compose::middleware::places(app, id) {
                if let Place::Path(path) = place {
                    patterns.push(Pattern::Exact(normal(&root.join(path))));
                }
            }
            components.insert(id.clone(), patterns);
        }
        let state_dir = state_dirs(state_dir, root, components.values().flatten());
        Ok(Self {
            manifest: manifest.to_owned(),
            root: root.to_owned(),
            components,
            made,
            state_dir,
        })
    }

    pub(super) fn components(&self) -> impl Iterator<Item = &ComponentId> {
        self.components.keys()
    }

    pub(super) fn is_manifest(&self, path: &Path) -> bool {
        path == self.manifest
    }

    /// The components that a file matters to: none where a build or the host wrote it. `went`: it was a folder, so any
    /// file below it may have gone.
    pub(super) fn concerned(&self, path: &Path, went: bool) -> impl Iterator<Item = &ComponentId> {
        let is_made = self.made.contains(path) || self.is_state(path);
        let concerned = move |pattern: &Pattern| {
            !is_made && (pattern.matches(path) || went && pattern.may_hold(path))
        };
        let components = self.components.iter();
        components
            .filter(move |(_, patterns)| patterns.iter().any(concerned))
            .map(|(id, _)| id)
    }

    /// Whether a folder may hold a file that matters, or a folder with one.
    pub(super) fn may_hold(&self, folder: &Path) -> bool {
        let mut patterns = self.components.values().flatten();
        !self.is_state(folder) && patterns.any(|pattern| pattern.may_hold(folder))
    }

    /// The folders that are to be watched, as they are now.
    pub(super) fn folders(&self) -> anyhow::Result<BTreeSet<PathBuf>> {
        let mut folders = BTreeSet::new();
        folders.extend(self.manifest.parent().map(Path::to_owned));
        for pattern in self.components.values().flatten() {
            pattern.add_folders(self, &mut folders)?;
        }
        folders.retain(|folder| !self.is_state(folder));
        Ok(folders)
    }

    /// Whether a path is the host's state directory, or in it.
    fn is_state(&self, path: &Path) -> bool {
        self.state_dir.iter().any(|folder| path.starts_with(folder))
    }
}

/// A state directory as it is called, and as it is reached from the folders of patterns, which may be behind links.
fn state_dirs<'p>(
    state_dir: &Path,
    root: &Path,
    patterns: impl Iterator<Item = &'p Pattern>,
) -> BTreeSet<PathBuf> {
    // An application that lies in it is watched all the same: nothing would be left of it.
    if root.starts_with(state_dir) {
        return BTreeSet::new();
    }
    let reached = patterns.filter_map(|pattern| {
        let (start, _) = pattern.reach();
        let real = start.canonicalize().ok()?;
        match state_dir.strip_prefix(&real) {
            Ok(inside) => Some(start.join(inside)),
            Err(_) => real.starts_with(state_dir).then(|| start.to_owned()),
        }
    });
    let own = std::iter::once(state_dir.to_owned());
    own.chain(reached).collect()
}

fn patterns(root: &Path, id: &ComponentId, component: &Component) -> anyhow::Result<Vec<Pattern>> {
    let exact = |path: &String| Pattern::Exact(normal(&root.join(path)));
    let mut patterns = Vec::new();
    match (&component.build, &component.source) {
        (Some(build), _) => {
            if build.watch.is_empty() {
                output::note(format_args!(
                    "warning: nothing says which files `{id}` is built from: name them in its `build.watch`"
                ));
            }
            let workdir = build.workdir.as_deref().unwrap_or(".");
            for text in &build.watch {
                let pattern = Pattern::parse(&root.join(workdir), text).map_err(|error| {
                    Invalid(format!(
                        "component `{id}`: `{text}` in `build.watch`: {error}"
                    ))
                })?;
                patterns.push(pattern);
            }
        }
        (None, Source::Path(path)) => patterns.push(exact(path)),
        (None, Source::Url { .. } | Source::Registry { .. }) => {}
    }
    for dependency in component.dependencies.values() {
        if let Origin::Path(path) = &dependency.origin {
            patterns.push(exact(path));
        }
    }
    for migrations in component.migrations.values() {
        let folder = root.join(&migrations.folder);
        patterns.push(Pattern::parse(&folder, "*.sql")?);
    }
    // What it mounts matters to it. A pattern without wildcards stands for all in that folder, as it does there.
    for files in &component.files {
        patterns.push(match files {
            Files::Pattern(pattern) => Pattern::of_files(root, pattern)?,
            Files::Placement { source, .. } => exact(source),
        });
    }
    patterns.extend(component.openapi.as_ref().map(exact));
    Ok(patterns)
}

// === impl Pattern ===

impl Pattern {
    /// A pattern as it is written, relative to `folder`.
    fn parse(folder: &Path, text: &str) -> Result<Self, globset::Error> {
        let start = match text.starts_with('/') {
            true => Path::new("/"),
            false => folder,
        };
        let parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
        let parts: Vec<_> = parts.collect();
        let is_plain = |part: &&&str| !part.contains(['*', '?', '[', '{']);
        let (plain, rest) = parts.split_at(parts.iter().take_while(is_plain).count());
        let folder = normal(&start.join(plain.join("/")));
        if rest.is_empty() {
            return Ok(Self::Exact(folder));
        }
        let rest = rest.join("/");
        let glob = GlobBuilder::new(&rest).literal_separator(true).build()?;
        Ok(Self::Below {
            folder,
            glob: glob.compile_matcher(),
            is_deep: rest.contains(['/', '{']) || rest.contains("**"),
        })
    }

    /// A pattern of `files`, or the very name of a file, as it is meant there first. Braces and backslashes stand for
    /// themselves there: with them it stands for all in its folder.
    fn of_files(root: &Path, text: &str) -> Result<Self, globset::Error> {
        let named = root.join(text);
        if named.exists() {
            return Ok(Self::Exact(normal(&named)));
        }
        if !text.contains(['{', '}', '\\']) {
            return Self::parse(root, text);
        }
        let is_plain = |part: &&str| !part.contains(['*', '?', '[', '{', '}', '\\']);
        let plain: Vec<&str> = text.split('/').take_while(is_plain).collect();
        Ok(Self::Exact(normal(&root.join(plain.join("/")))))
    }

    fn matches(&self, path: &Path) -> bool {
        match self {
            Self::Exact(exact) => path.strip_prefix(exact).is_ok_and(|rest| !is_ignored(rest)),
            Self::Below { folder, glob, .. } => path
                .strip_prefix(folder)
                .is_ok_and(|rest| !is_ignored(rest) && glob.is_match(rest)),
        }
    }

    /// Where it begins, and whether it goes into folders there.
    fn reach(&self) -> (&Path, bool) {
        match self {
            Self::Exact(exact) => (exact.as_path(), true),
            Self::Below {
                folder, is_deep, ..
            } => (folder.as_path(), *is_deep),
        }
    }

    /// Whether a folder is on the way to what this means, or among it.
    fn may_hold(&self, path: &Path) -> bool {
        let (folder, is_deep) = self.reach();
        let below = path.strip_prefix(folder);
        folder.starts_with(path) || is_deep && below.is_ok_and(|rest| !is_ignored(rest))
    }

    /// The folder it begins at and all that it goes into, as far as they are there; and within the application the one
    /// around, which tells when that comes or is replaced.
    fn add_folders(
        &self,
        targets: &Targets,
        folders: &mut BTreeSet<PathBuf>,
    ) -> anyhow::Result<()> {
        let (start, is_deep) = self.reach();
        let around = start.parent();
        let around = around.filter(|around| around.starts_with(&targets.root));
        for folder in [Some(start), around].into_iter().flatten() {
            let nearest = folder.ancestors().find(|folder| folder.is_dir());
            folders.extend(nearest.map(Path::to_owned));
        }
        match is_deep && start.is_dir() {
            true => add_below(start, targets, folders),
            false => Ok(()),
        }
    }
}

/// Adds the folders below one. Links are not followed: they may lead around in a circle.
fn add_below(
    folder: &Path,
    targets: &Targets,
    folders: &mut BTreeSet<PathBuf>,
) -> anyhow::Result<()> {
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        // One that cannot be read has gone, or has nothing for us.
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && !is_ignored(Path::new(&name)) && !targets.is_state(&path) {
                left.push(path);
            }
        }
        folders.insert(next);
        if folders.len() > FOLDERS_MAX {
            let shown = folder.display();
            bail!(
                "more than {FOLDERS_MAX} folders to watch, in `{shown}` among others: say less in `build.watch`"
            );
        }
    }
    Ok(())
}

/// Whether a path below a folder that was named is of no interest.
fn is_ignored(rest: &Path) -> bool {
    let is_swap = rest.extension() == Some(OsStr::new(SWAP));
    let mut parts = rest.components();
    is_swap || parts.any(|part| IGNORED.iter().any(|name| part.as_os_str() == *name))
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Part::CurDir => {}
            Part::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}
