//! Whether the code of every component is there, and newer than what it is built from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use globset::{GlobBuilder, GlobMatcher};
use stoa_manifest::component::{BuildCommand, Source};
use stoa_manifest::text::nearest;

use super::{Finding as Any, Found, Patient};

#[derive(Debug)]
pub(super) enum Finding {
    /// There is no such file. `built`: a command would make it. `near`: a file that may be meant.
    Missing {
        path: String,
        built: bool,
        near: Option<String>,
    },
    /// Something that it is built from was saved later.
    Stale { path: String, newer: String },
    /// Nothing says what it is built from.
    Unwatched,
    /// A pattern of `build.watch` is none.
    Pattern { pattern: String, why: String },
    /// It comes from the network, and was not looked at.
    Remote,
}

/// Files and folders that are looked at for one component.
const ENTRIES_MAX: usize = 20_000;
/// Folders that builds and packages fill, as `stoa up --watch` has it.
const IGNORED: [&str; 4] = ["target", ".stoa", ".git", "node_modules"];

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let mut found = Vec::new();
    for (id, component) in &patient.app.components {
        let Source::Path(path) = &component.source else {
            found.push(patient.found(id, &["source"], Any::Sources(Finding::Remote)));
            continue;
        };
        let file = patient.root.join(path);
        let made = fs::metadata(&file).and_then(|metadata| metadata.modified());
        let (made, build) = match (made, &component.build) {
            (Ok(made), Some(build)) => (made, build),
            (Ok(_), None) => continue,
            (Err(_), build) => {
                let finding = Any::Sources(Finding::Missing {
                    path: path.clone(),
                    built: build.is_some(),
                    near: near(&patient.root, path),
                });
                found.push(patient.found(id, &["source"], finding));
                continue;
            }
        };
        let findings = of_build(&patient.root, &file, path, made, build).into_iter();
        found.extend(findings.map(|finding| {
            let field = match finding {
                Finding::Stale { .. } => ["source", ""],
                _ => ["build", "watch"],
            };
            patient.found(id, &field, Any::Sources(finding))
        }));
    }
    found
}

/// Code that may be meant by a path where there is none: another file of its folder with nearly that name, or what Rust
/// built for another target.
fn near(root: &Path, path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    let files = names(&root.join(folder));
    let code = files.iter().filter(|file| file.ends_with(".wasm"));
    if let Some(meant) = nearest(name, code.map(String::as_str)) {
        return Some(path.strip_suffix(name)?.to_owned() + meant);
    }
    let is_target = |name: &str| name.starts_with("wasm32-");
    let parts: Vec<&str> = path.split('/').collect();
    let at = parts.iter().position(|part| is_target(part))?;
    let mut targets = names(&root.join(parts[..at].join("/")));
    targets.retain(|target| is_target(target));
    targets.sort_unstable();
    let other = |target: &String| {
        let mut parts = parts.clone();
        parts[at] = target;
        parts.join("/")
    };
    let mut others = targets.iter().map(other);
    others.find(|path| root.join(path).is_file())
}

/// What is in a folder; nothing if it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.take(ENTRIES_MAX).collect()
}

/// Holds what a command made at this time against what it is made from.
fn of_build(
    root: &Path,
    file: &Path,
    path: &str,
    made: SystemTime,
    build: &BuildCommand,
) -> Vec<Finding> {
    if build.watch.is_empty() {
        return vec![Finding::Unwatched];
    }
    let folder = root.join(build.workdir.as_deref().unwrap_or("."));
    let mut findings = Vec::new();
    let mut search = Search {
        root: &folder,
        made: file,
        left: ENTRIES_MAX,
        newest: None,
    };
    for pattern in &build.watch {
        if let Err(error) = search.pattern(pattern) {
            findings.push(Finding::Pattern {
                pattern: pattern.clone(),
                why: error.kind().to_string(),
            });
        }
    }
    if let Some((newer, saved)) = search.newest
        && saved > made
    {
        let newer = newer.strip_prefix(root).unwrap_or(&newer);
        findings.push(Finding::Stale {
            path: path.to_owned(),
            newer: newer.display().to_string(),
        });
    }
    findings
}

/// Looks for the file that was saved last.
struct Search<'a> {
    root: &'a Path,
    /// What is built is not what it is built from.
    made: &'a Path,
    /// What may still be looked at.
    left: usize,
    newest: Option<(PathBuf, SystemTime)>,
}

impl Search<'_> {
    /// What a pattern means: a file, all in a folder, or what matches below the folders that it names.
    fn pattern(&mut self, pattern: &str) -> Result<(), globset::Error> {
        let parts: Vec<&str> = pattern
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .collect();
        let is_plain = |part: &&&str| !part.contains(['*', '?', '[', '{']);
        let plain = parts.iter().take_while(is_plain).count();
        let (folder, rest) = parts.split_at(plain);
        let start = self.root.join(folder.join("/"));
        if rest.is_empty() {
            self.look_at(&start, &start, None);
            return Ok(());
        }
        let glob = GlobBuilder::new(&rest.join("/"))
            .literal_separator(true)
            .build()?;
        self.look_at(&start, &start, Some(&glob.compile_matcher()));
        Ok(())
    }

    /// Links are not followed: they may lead around in a circle.
    fn look_at(&mut self, start: &Path, path: &Path, glob: Option<&GlobMatcher>) {
        let Some(left) = self.left.checked_sub(1) else {
            return;
        };
        self.left = left;
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return;
        };
        if metadata.is_dir() {
            // One that cannot be read has nothing for us.
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if !IGNORED.iter().any(|ignored| name == *ignored) {
                    self.look_at(start, &entry.path(), glob);
                }
            }
            return;
        }
        let below = path.strip_prefix(start).unwrap_or(path);
        let matches = glob.is_none_or(|glob| glob.is_match(below));
        let Some(saved) = metadata.modified().ok().filter(|_| matches) else {
            return;
        };
        let is_newer = self
            .newest
            .as_ref()
            .is_none_or(|(_, newest)| saved > *newest);
        if is_newer && path != self.made {
            self.newest = Some((path.to_owned(), saved));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_under_another_name_or_for_another_target_may_be_meant() {
        let root = tempfile::tempdir().expect("a folder can be made");
        let there = "target/wasm32-wasip1/release/my_app.wasm";
        let folder = root.path().join("target/wasm32-wasip1/release");
        fs::create_dir_all(folder).expect("a folder can be made");
        fs::write(root.path().join(there), "").expect("it can be written");
        fs::write(root.path().join("app.wasm"), "").expect("it can be written");
        for (path, meant) in [
            ("target/wasm32-wasip1/release/other.wasm", None),
            ("target/wasm32-wasi/debug/my_app.wasm", None),
            ("nowhere/at.all", None),
            ("target/wasm32-wasi/release/my_app.wasm", Some(there)),
            ("target/wasm32-wasip1/release/my-app.wasm", Some(there)),
            ("ap.wasm", Some("app.wasm")),
        ] {
            assert_eq!(near(root.path(), path).as_deref(), meant, "{path}");
        }
    }
}
