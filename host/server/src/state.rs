//! The state directory: stores, keys, compiled code. One host at a time.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use stoa_runtime::HostKey;

use crate::commands::Invalid;

/// What a state directory holds from its first start on, by which others know it.
pub(crate) const MARKS: [&str; 2] = ["lock", "host.key"];

/// A locked state directory. The lock ends with the process, however it ends.
pub(crate) struct State {
    folder: PathBuf,
    _lock: File,
}

impl State {
    /// Makes the folder and locks it.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        // What is in it is nobody else's business: stores, keys, the token of the admin API.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make the state directory `{}`", folder.display()))?;
        let path = folder.join(MARKS[0]);
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("cannot open `{}`", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(folder, &mut lock).into()),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock `{}`", path.display()));
            }
        }
        lock.set_len(0)?;
        write!(lock, "{}", std::process::id())?;
        Ok(Self {
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn key(&self) -> anyhow::Result<HostKey> {
        let path = self.folder.join(MARKS[1]);
        HostKey::load(&path)
            .with_context(|| format!("cannot use the host's key `{}`", path.display()))
    }

    pub(crate) fn artifacts(&self) -> PathBuf {
        self.folder.join("compiled")
    }
}

fn taken(folder: &Path, lock: &mut File) -> Invalid {
    let mut owner = String::new();
    let known = lock.read_to_string(&mut owner).is_ok() && !owner.is_empty();
    let owner = if known {
        format!(" (process {owner})")
    } else {
        String::new()
    };
    Invalid(format!(
        "another `stoa up`{owner} uses the state directory `{}`: stop it, or choose another with `--state-dir`",
        folder.display()
    ))
}
