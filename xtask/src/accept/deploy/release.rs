//! A release as it is deployed: a manifest and the files it names, in memory or in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::guests::{self, Guests, Word};
use crate::manifest::{self, Mounted};

/// A manifest and its files.
#[derive(Debug, Clone)]
pub(super) struct Release {
    pub(super) manifest: String,
    /// By their paths, as the manifest writes them.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

/// What a release's component has beside the others'.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extra<'a> {
    /// Lines of its `tool.stoa`.
    pub(super) policy: &'a str,
    pub(super) stores: &'a [&'a str],
    pub(super) databases: &'a [&'a str],
    /// Tables of its grants.
    pub(super) grants: &'a str,
}

impl Release {
    /// Both probes with a word, in a release with a number.
    pub(super) fn of(guests: &Guests, word: Word, number: u64) -> anyhow::Result<Self> {
        Self::with(guests, word, number, &Extra::default())
    }

    /// The same, where the component `p3` has something more.
    pub(super) fn with(
        guests: &Guests,
        word: Word,
        number: u64,
        extra: &Extra<'_>,
    ) -> anyhow::Result<Self> {
        let files = guests.saying(word)?;
        let tables: Vec<String> = files
            .iter()
            .map(|(id, _)| format!("[component.{id}.environment]\n{}\n", numbered(number)))
            .collect();
        let (p2, p3) = (
            format!("{}\n", tables[0]),
            format!("{}\n{}", tables[1], extra.grants),
        );
        let manifest = manifest::text(&[
            Mounted {
                grants: &p2,
                ..Mounted::new("p2", "/p2/...", Path::new(""))
            },
            Mounted {
                policy: extra.policy,
                stores: extra.stores,
                databases: extra.databases,
                grants: &p3,
                ..Mounted::new("p3", "/p3/...", Path::new(""))
            },
        ])?;
        let files = files
            .into_iter()
            .map(|(id, bytes)| (format!("{id}.wasm"), bytes));
        Ok(Self {
            manifest,
            files: files.collect(),
        })
    }

    /// As the admin API takes it.
    pub(super) fn bundle(&self) -> Value {
        let files: Map<String, Value> = self
            .files
            .iter()
            .map(|(path, bytes)| (path.clone(), guests::digest_of(bytes).into()))
            .collect();
        json!({ "manifest": self.manifest, "files": files })
    }

    /// As files of a folder. Tells where the manifest is.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        for (path, bytes) in &self.files {
            write(&folder.join(path), bytes)?;
        }
        let manifest = folder.join("spin.toml");
        write(&manifest, self.manifest.as_bytes())?;
        Ok(manifest)
    }
}

/// The line by which a release has its number.
pub(super) fn numbered(number: u64) -> String {
    format!("RELEASE = \"{number}\"")
}

/// Writes a file and the folders above it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, bytes))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
