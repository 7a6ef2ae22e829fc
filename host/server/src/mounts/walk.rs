//! Which files of a folder a component mounts.
//!
//! Links are followed as long as they stay in the application's folder; one that leads out of it is refused if what is
//! behind it is wanted. What is looked at is bounded, and so is the time that takes.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use stoa_manifest::Component;
use stoa_manifest::component::Files;

use super::glob::{Glob, is_pattern};
use super::path::{inside, is_state};
use super::table::{check_bounds, excluded, placed, source};
use crate::state::MARKS;

/// Files and folders that are looked at for one component.
const ENTRIES_MAX: usize = 100_000;
/// Folders in folders: deeper ones are a circle, or nothing to mount.
const DEPTH_MAX: usize = 64;

/// The keys of the files that a component mounts, in order.
///
/// # Errors
/// What is wrong with its `files`, all of it, for people.
pub(crate) fn find(root: &Path, component: &Component) -> Result<BTreeSet<String>, Vec<String>> {
    if component.files.is_empty() {
        return Ok(BTreeSet::new());
    }
    check_bounds(component)?;
    let real = fs::canonicalize(root)
        .map_err(|error| vec![format!("cannot use `{}`: {error}", root.display())])?;
    if holds_state(&real) {
        let told = "the application's folder is a host's state directory, too, and nothing in it is mounted\n  = hint: \
                    choose another with `--state-dir`";
        return Err(vec![told.to_owned()]);
    }
    let mut walk = Walk {
        root,
        real,
        excluded: excluded(component)?,
        found: BTreeSet::new(),
        outside: BTreeSet::new(),
        looked_at: 0,
        problems: Vec::new(),
    };
    for files in &component.files {
        if let Err(problem) = walk.entry(files) {
            walk.problems.push(problem);
        }
    }
    walk.wanted(component)
}

struct Walk<'a> {
    root: &'a Path,
    /// The same without links.
    real: PathBuf,
    excluded: Vec<Glob>,
    found: BTreeSet<String>,
    /// Those that are somewhere else.
    outside: BTreeSet<String>,
    looked_at: usize,
    problems: Vec<String>,
}

impl Walk<'_> {
    fn wanted(mut self, component: &Component) -> Result<BTreeSet<String>, Vec<String>> {
        let keys = self.found.iter().map(String::as_str);
        match placed(component, keys) {
            Ok(placed) => {
                let keys: BTreeSet<String> = placed.into_values().map(str::to_owned).collect();
                let outside = keys.intersection(&self.outside);
                self.problems.extend(outside.map(|key| leads_out(key)));
                match self.problems.is_empty() {
                    true => Ok(keys),
                    false => Err(self.problems),
                }
            }
            Err(told) => {
                self.problems.extend(told);
                // A pattern that is no pattern is found twice.
                self.problems.sort();
                self.problems.dedup();
                Err(self.problems)
            }
        }
    }

    fn entry(&mut self, files: &Files) -> Result<(), String> {
        let source = source(files)?;
        match fs::metadata(self.root.join(&source)) {
            Ok(metadata) if metadata.is_dir() => self.folder(&source, None),
            Ok(metadata) if metadata.is_file() => {
                let real = self.real_path(&source)?;
                self.file(source, self.has(&real));
                Ok(())
            }
            Ok(_) => Err(format!(
                "`{source}` in `files` is neither a file nor a folder"
            )),
            Err(error) if is_gone(&error) && is_glob(files) => self.pattern(&source),
            Err(error) if is_gone(&error) => Err(format!(
                "there is no `{source}`, which `files` names\n  = hint: is it made by a build command that did not run?"
            )),
            Err(error) => Err(format!("cannot look at `{source}`: {error}")),
        }
    }

    /// Looks only where a pattern can match: below the folders that it names, and as deep as it goes.
    fn pattern(&mut self, source: &str) -> Result<(), String> {
        Glob::of_files(source).map_err(|told| format!("`{source}` in `files`: {told}"))?;
        let parts: Vec<&str> = source.split('/').collect();
        let plain = parts.iter().take_while(|part| !is_pattern(part)).count();
        let (folder, rest) = parts.split_at(plain);
        let folder = folder.join("/");
        let deep = (!rest.contains(&"**")).then_some(rest.len());
        match fs::metadata(self.root.join(&folder)) {
            Ok(metadata) if metadata.is_dir() => self.folder(&folder, deep),
            // Nothing is there, so nothing matches.
            _ => Ok(()),
        }
    }

    /// A folder that an entry names, and what is in it, so many levels deep.
    fn folder(&mut self, key: &str, deep: Option<usize>) -> Result<(), String> {
        let real = self.real_path(key)?;
        if !self.has(&real) {
            return Err(leads_out(key));
        }
        self.below(key, deep.unwrap_or(DEPTH_MAX + 1), &mut vec![real])
    }

    /// `trail`: the folder and those around it that were walked through, without links.
    fn below(&mut self, key: &str, deep: usize, trail: &mut Vec<PathBuf>) -> Result<(), String> {
        if trail.len() > DEPTH_MAX {
            return Err(format!("`{key}` lies in more than {DEPTH_MAX} folders"));
        }
        let path = self.root.join(key);
        if holds_state(&path) {
            return Ok(());
        }
        let unreadable = |error| format!("cannot look into `{}`: {error}", path.display());
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            self.looked_at += 1;
            if self.looked_at > ENTRIES_MAX {
                return Err(format!(
                    "more than {ENTRIES_MAX} files and folders would be looked at, in `{}` among others\n  = hint: write \
                     narrower patterns in `files`",
                    path.display()
                ));
            }
            self.member(key, &entry, deep, trail)?;
        }
        Ok(())
    }

    fn member(
        &mut self,
        folder: &str,
        entry: &DirEntry,
        deep: usize,
        trail: &mut Vec<PathBuf>,
    ) -> Result<(), String> {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let shown = entry.path();
            return Err(format!("the name of `{}` is not UTF-8", shown.display()));
        };
        if is_state(name) {
            return Ok(());
        }
        let key = format!("{}{name}", inside(folder));
        // What went meanwhile is not there.
        let Ok(kind) = entry.file_type() else {
            return Ok(());
        };
        if kind.is_symlink() {
            return self.link(key, deep, trail);
        }
        if kind.is_file() {
            self.file(key, true);
        } else if kind.is_dir() && deep > 1 {
            let around = trail.last().expect("it begins with a folder");
            let inside = around.join(name);
            trail.push(inside);
            self.below(&key, deep - 1, trail)?;
            trail.pop();
        }
        Ok(())
    }

    fn link(&mut self, key: String, deep: usize, trail: &mut Vec<PathBuf>) -> Result<(), String> {
        // One that leads nowhere is not there.
        let Ok(metadata) = fs::metadata(self.root.join(&key)) else {
            return Ok(());
        };
        let real = self.real_path(&key)?;
        let stays = self.has(&real);
        if metadata.is_file() {
            self.file(key, stays);
        } else if metadata.is_dir() && deep > 1 {
            if self.excluded.iter().any(|glob| glob.matches(&key)) {
                return Ok(());
            }
            if !stays {
                return Err(leads_out(&key));
            }
            // Around in a circle there is nothing new.
            if !trail.contains(&real) {
                trail.push(real);
                self.below(&key, deep - 1, trail)?;
                trail.pop();
            }
        }
        Ok(())
    }

    fn file(&mut self, key: String, stays: bool) {
        if !stays {
            self.outside.insert(key.clone());
        }
        self.found.insert(key);
    }

    /// Whether a path without links is one in the application's folder, and not in a host's state.
    fn has(&self, real: &Path) -> bool {
        real.strip_prefix(&self.real).is_ok_and(|inside| {
            let mut parts = inside.iter();
            let mut around = real.ancestors().take_while(|around| *around != self.real);
            !parts.any(|part| part.to_str().is_some_and(is_state)) && !around.any(holds_state)
        })
    }

    fn real_path(&self, key: &str) -> Result<PathBuf, String> {
        let path = self.root.join(key);
        fs::canonicalize(&path)
            .map_err(|error| format!("cannot look at `{}`: {error}", path.display()))
    }
}

/// Whether a folder is a host's state, whatever it is called.
fn holds_state(folder: &Path) -> bool {
    MARKS.iter().all(|name| folder.join(name).is_file())
}

fn is_glob(files: &Files) -> bool {
    matches!(files, Files::Pattern(pattern) if is_pattern(pattern))
}

/// No file of this name, or one where a folder would have to be.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn leads_out(key: &str) -> String {
    format!(
        "`{key}` is a link that leads out of the application's folder, or into a host's state, and is not mounted\n  = \
         hint: put the files themselves there, or name it in `exclude_files`"
    )
}
