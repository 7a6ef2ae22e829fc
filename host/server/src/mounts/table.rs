//! What a component finds where: decided on paths alone.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use stoa_capabilities::releases::Digest;
use stoa_manifest::Component;
use stoa_manifest::component::Files;

use super::FILES_MAX;
use super::glob::{Glob, is_pattern};
use super::path::{inside, is_plain, normal};

/// Where the canonical text of a table begins, so that its digest is not one of something else.
const DOMAIN: &str = "stoa-mount-v1\n";
/// Bytes of all patterns of a component: each byte is held against each path, and whoever deploys writes both.
const PATTERNS_BYTES_MAX: usize = 16 * 1024;

/// What there is to place.
struct Keys<'k> {
    all: BTreeSet<&'k str>,
    /// Those that are not excluded.
    kept: BTreeSet<&'k str>,
}

/// The files of a component by their paths below `/`, as contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents(BTreeMap<String, Digest>);

impl Contents {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.0.iter().map(|(path, digest)| (path.as_str(), *digest))
    }

    pub(crate) fn get(&self, path: &str) -> Option<Digest> {
        self.0.get(path).copied()
    }

    /// By it two tables are the same.
    pub(super) fn digest(&self) -> Digest {
        let mut text = DOMAIN.to_owned();
        for (path, digest) in self.iter() {
            text.push_str(&format!("{digest} {}:{path}\n", path.len()));
        }
        Digest::of(text.as_bytes())
    }
}

/// What a component finds in a release with these files; nothing where it mounts none.
///
/// # Errors
/// See [`placed`].
pub(crate) fn contents(
    component: &Component,
    files: &BTreeMap<String, Digest>,
) -> Result<Contents, Vec<String>> {
    let placed = placed(component, files.keys().map(String::as_str))?;
    let entries = placed.into_iter().map(|(path, key)| (path, files[key]));
    Ok(Contents(entries.collect()))
}

/// Where a component finds which of the files with these keys: by its path below `/`. Of two entries that put something
/// in one place, the later one counts.
///
/// # Errors
/// What is wrong with its `files` and `exclude_files`, all of it, for people.
pub(crate) fn placed<'k>(
    component: &Component,
    keys: impl Iterator<Item = &'k str>,
) -> Result<BTreeMap<String, &'k str>, Vec<String>> {
    if component.files.is_empty() {
        return Ok(BTreeMap::new());
    }
    check_bounds(component)?;
    let mut placed = BTreeMap::new();
    let mut problems = Vec::new();
    let excluded = excluded(component).unwrap_or_else(|told| {
        problems.extend(told);
        Vec::new()
    });
    let is_kept = |key: &&str| !excluded.iter().any(|glob| glob.matches(key));
    let all: BTreeSet<&str> = keys.filter(|key| is_plain(key)).collect();
    let kept = all.iter().copied().filter(is_kept).collect();
    let keys = Keys { all, kept };
    for files in &component.files {
        match entry(files, &keys) {
            Ok(found) => placed.extend(found),
            Err(problem) => problems.push(problem),
        }
        // Every entry may place every file anew: what is refused anyway is not held first.
        if placed.len() > FILES_MAX {
            break;
        }
    }
    problems.extend(unplaceable(&placed));
    match problems.is_empty() {
        true => Ok(placed),
        false => Err(problems),
    }
}

/// Refuses what would take long to find out about.
pub(super) fn check_bounds(component: &Component) -> Result<(), Vec<String>> {
    let entries = component.files.len();
    if entries > FILES_MAX {
        let told = format!("it has {entries} entries in `files`, more than {FILES_MAX}");
        return Err(vec![told]);
    }
    let patterns = component.files.iter().filter_map(|files| match files {
        Files::Pattern(pattern) if is_pattern(pattern) => Some(pattern),
        Files::Pattern(_) | Files::Placement { .. } => None,
    });
    let patterns = patterns.chain(&component.exclude_files);
    match patterns.map(String::len).sum::<usize>() {
        0..=PATTERNS_BYTES_MAX => Ok(()),
        bytes => Err(vec![format!(
            "its patterns in `files` and `exclude_files` have {bytes} bytes, more than {PATTERNS_BYTES_MAX}\n  = hint: \
             write fewer and wider ones"
        )]),
    }
}

/// The patterns of what is left out.
pub(super) fn excluded(component: &Component) -> Result<Vec<Glob>, Vec<String>> {
    let parsed = component.exclude_files.iter().map(|text| {
        Glob::of_excluded(text).map_err(|told| format!("`{text}` in `exclude_files`: {told}"))
    });
    let (globs, problems): (Vec<_>, Vec<_>) = parsed.partition(Result::is_ok);
    match problems.is_empty() {
        true => Ok(globs.into_iter().filter_map(Result::ok).collect()),
        false => Err(problems.into_iter().filter_map(Result::err).collect()),
    }
}

/// Where an entry begins: the path that it means, without detours, or the pattern.
pub(super) fn source(files: &Files) -> Result<String, String> {
    let (written, is_placement) = match files {
        Files::Pattern(pattern) => (pattern, false),
        Files::Placement { source, .. } => (source, true),
    };
    match normal(written) {
        Some(source) if source.is_empty() && !is_placement => Err(format!(
            "`{written}` in `files` is the application's folder itself\n  = hint: write `**/*`, or a source and a \
             destination"
        )),
        Some(source) => Ok(source),
        None => Err(format!(
            "`{written}` in `files` does not stay in the application's folder, or leads to a host's state\n  = hint: \
             write a path relative to the manifest"
        )),
    }
}

fn entry<'k>(files: &Files, keys: &Keys<'k>) -> Result<Vec<(String, &'k str)>, String> {
    let source = source(files)?;
    match files {
        Files::Pattern(_) => pattern(&source, keys),
        Files::Placement { destination, .. } => placement(&source, destination, keys),
    }
}

/// A file that is named is meant, whatever is excluded. A folder that is named is found below its own name once more:
/// that is how Spin places it.
fn pattern<'k>(source: &str, keys: &Keys<'k>) -> Result<Vec<(String, &'k str)>, String> {
    if let Some(key) = keys.all.get(source) {
        return Ok(vec![(source.to_owned(), *key)]);
    }
    let folder = inside(source);
    let named: Vec<_> = below(&keys.kept, &folder)
        .map(|key| (format!("{folder}{key}"), key))
        .collect();
    if !named.is_empty() || !is_pattern(source) {
        return Ok(named);
    }
    let glob = Glob::of_files(source).map_err(|told| format!("`{source}` in `files`: {told}"))?;
    let matching = keys.kept.iter().filter(|key| glob.matches(key));
    Ok(matching.map(|key| ((*key).to_owned(), *key)).collect())
}

fn placement<'k>(
    source: &str,
    destination: &str,
    keys: &Keys<'k>,
) -> Result<Vec<(String, &'k str)>, String> {
    let place = normal(destination.trim_start_matches('/')).ok_or_else(|| {
        format!("the destination `{destination}` in `files` does not stay below `/`")
    })?;
    if let Some(key) = keys.all.get(source) {
        return match place.is_empty() || destination.ends_with('/') {
            true => Err(format!(
                "the destination `{destination}` in `files` is no name for the file `{source}`\n  = hint: write the whole \
                 path, with the name of the file"
            )),
            false => Ok(vec![(place, *key)]),
        };
    }
    let (folder, place) = (inside(source), inside(&place));
    let files = below(&keys.kept, &folder);
    let placed = files.map(|key| (format!("{place}{}", &key[folder.len()..]), key));
    Ok(placed.collect())
}

/// The files in a folder, whose paths begin with this.
fn below<'a, 'k>(
    keys: &'a BTreeSet<&'k str>,
    folder: &'a str,
) -> impl Iterator<Item = &'k str> + 'a {
    let from: (Bound<&str>, Bound<&str>) = (Bound::Included(folder), Bound::Unbounded);
    let keys = keys.range::<str, _>(from).copied();
    keys.take_while(move |key| key.starts_with(folder))
}

fn unplaceable(placed: &BTreeMap<String, &str>) -> Vec<String> {
    let mut problems = Vec::new();
    if placed.len() > FILES_MAX {
        problems.push(format!(
            "it mounts more than {FILES_MAX} files\n  = hint: keep them in a blob store, or write a narrower pattern"
        ));
    }
    let in_a_file = placed.keys().find(|path| {
        let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        folders.any(|folder| placed.contains_key(folder))
    });
    if let Some(path) = in_a_file {
        problems.push(format!("`/{path}` would lie in a folder that is a file"));
    }
    problems
}
