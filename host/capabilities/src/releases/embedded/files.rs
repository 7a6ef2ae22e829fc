//! The files of a history, by their digests.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::releases::{Digest, Error, FILE_BYTES_MAX, UPLOAD_KEPT_SECONDS, absent, verify};

/// Where the files lie.
#[derive(Clone)]
pub(super) struct Files {
    placed: PathBuf,
    incoming: PathBuf,
    /// Tells apart the files that are on their way in.
    arrivals: Arc<AtomicU64>,
}

/// A file that is whole and synced, but not in its place. Dropped there, it is removed.
pub(super) struct Staged {
    digest: Digest,
    path: PathBuf,
}

impl Files {
    /// Makes the folders and removes what a crash left half-way.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let files = Self {
            placed: folder.join("files"),
            incoming: folder.join("incoming"),
            arrivals: Arc::default(),
        };
        files.create(folder)?;
        for left in fs::read_dir(&files.incoming)? {
            fs::remove_file(left?.path())?;
        }
        // A name that a crash kept from being made to last is there, and releases will rely on it.
        sync(&files.placed)?;
        Ok(files)
    }

    /// Makes the folders that are missing, and makes their names last: those in the root, and above it up to the first
    /// folder that was there.
    fn create(&self, root: &Path) -> io::Result<()> {
        let missing = root.ancestors().take_while(|it| !it.exists()).count();
        fs::create_dir_all(&self.placed)?;
        fs::create_dir_all(&self.incoming)?;
        let changed = root.ancestors().take(missing + 1);
        changed
            .filter(|folder| !folder.as_os_str().is_empty())
            .try_for_each(sync)
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.placed.join(digest.hex())
    }

    pub(super) fn has(&self, digest: Digest) -> io::Result<bool> {
        self.path(digest).try_exists()
    }

    /// Those that are not there. A file that cannot be looked for counts as missing: it is uploaded again, and that
    /// tells what is wrong.
    pub(super) fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, Error> {
        Ok(absent(digests, |digest| self.has(*digest).unwrap_or(false)))
    }

    /// Writes a file aside, if the bytes are what they are said to be, and makes them last.
    pub(super) fn stage(&self, digest: Digest, bytes: &[u8]) -> Result<Staged, Error> {
        verify(digest, bytes)?;
        let number = self.arrivals.fetch_add(1, Ordering::Relaxed);
        let path = self.incoming.join(format!("{}.{number}", digest.hex()));
        let mut file = File::options().write(true).create_new(true).open(&path)?;
        // From here on it is removed if it is not placed.
        let staged = Staged { digest, path };
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(staged)
    }

    /// Gives a file its name, and makes the name last. One that is there already is replaced: it may be damaged, and
    /// its age begins anew.
    pub(super) fn place(&self, staged: Staged) -> Result<(), Error> {
        fs::rename(&staged.path, self.path(staged.digest))?;
        Ok(sync(&self.placed)?)
    }

    pub(super) fn read(&self, digest: Digest) -> Result<Bytes, Error> {
        let path = self.path(digest);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) => return Err(unread(digest, error)),
        };
        if length > FILE_BYTES_MAX as u64 {
            return Err(Error::Damaged(digest));
        }
        let bytes = fs::read(&path).map_err(|error| unread(digest, error))?;
        match verify(digest, &bytes) {
            Ok(()) => Ok(bytes.into()),
            Err(_) => Err(Error::Damaged(digest)),
        }
    }

    /// Removes all that nobody needs and that is old enough. What is not named by a digest is not ours and stays.
    pub(super) fn prune(&self, needed: impl Fn(&Digest) -> bool) -> io::Result<u64> {
        let mut gone = 0;
        for entry in fs::read_dir(&self.placed)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(Ok(digest)) = name.to_str().map(Digest::from_hex) else {
                continue;
            };
            if !needed(&digest) && is_old(entry.metadata()?.modified()?) {
                fs::remove_file(entry.path())?;
                gone += 1;
            }
        }
        Ok(gone)
    }
}

fn unread(digest: Digest, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::Missing(vec![digest]),
        _ => error.into(),
    }
}

/// A file of the future, after the clock was set back, is not old.
fn is_old(modified: SystemTime) -> bool {
    let age = modified.elapsed().unwrap_or_default();
    age > Duration::from_secs(UPLOAD_KEPT_SECONDS)
}

/// Makes the names in a folder last.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

impl Drop for Staged {
    fn drop(&mut self) {
        // One that was placed is no longer there.
        drop(fs::remove_file(&self.path));
    }
}
