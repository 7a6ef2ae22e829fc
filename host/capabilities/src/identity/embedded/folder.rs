//! The folder of keys: one PKCS#8 file each, named by when it was made and what it signs with.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Key;
use crate::identity::Algorithm;
use crate::identity::keys::PrivateKey;

/// More keys than rotation ever leaves: 400 days of one a day.
const KEYS_MAX: usize = 1024;
/// A key file has at most so many bytes.
const FILE_BYTES_MAX: u64 = 4096;

/// Why keys cannot be used. Nothing of a key is in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody else may read a key.
    #[error("the key `{}` can be read by others than its owner; remove it, or `chmod 600` it if nobody did", path.display())]
    Open {
        /// Which.
        path: PathBuf,
    },
    /// A file is no key.
    #[error("`{}` is not a key that this host made; move it away", path.display())]
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// The system cannot make keys.
    #[error("no key can be made on this machine")]
    Unmade,
    /// The folder is not what it should be.
    #[error("there are more than {KEYS_MAX} keys in `{}`", path.display())]
    TooMany {
        /// Which folder.
        path: PathBuf,
    },
}

pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder, for its owner alone.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(path);
        made.map_err(|source| file(path, source))?;
        Ok(Self(path.to_owned()))
    }

    /// All keys in it, the oldest first. What a crash left half-written is removed.
    pub(super) fn read(&self) -> Result<Vec<Key>, OpenError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(|source| file(&self.0, source))? {
            let path = entry.map_err(|source| file(&self.0, source))?.path();
            match path.extension().and_then(|kind| kind.to_str()) {
                Some("new") => fs::remove_file(&path).map_err(|source| file(&path, source))?,
                Some("pk8") => names.push(path),
                _ => {}
            }
            if names.len() > KEYS_MAX {
                let path = self.0.clone();
                return Err(OpenError::TooMany { path });
            }
        }
        names.sort();
        names.iter().map(|path| read_key(path)).collect()
    }

    /// Makes a key and its file, which is on disk when this returns: tokens outlive power cuts.
    pub(super) fn make(&self, algorithm: Algorithm, made: u64) -> Result<Key, OpenError> {
        let pkcs8 = PrivateKey::generate(algorithm).map_err(|_| OpenError::Unmade)?;
        let private = PrivateKey::read(algorithm, pkcs8.as_ref()).map_err(|_| OpenError::Unmade)?;
        let path = self.path(algorithm, made);
        let new = path.with_extension("new");
        write(&new, pkcs8.as_ref()).map_err(|source| file(&new, source))?;
        let placed = fs::rename(&new, &path).and_then(|()| File::open(&self.0)?.sync_all());
        placed.map_err(|source| file(&path, source))?;
        let private = Arc::new(private);
        Ok(Key { made, private })
    }

    pub(super) fn remove(&self, key: &Key) -> Result<(), OpenError> {
        let path = self.path(key.private.public().algorithm(), key.made);
        fs::remove_file(&path).map_err(|source| file(&path, source))
    }

    fn path(&self, algorithm: Algorithm, made: u64) -> PathBuf {
        let algorithm = algorithm.name();
        // As wide as all seconds of the next millennia, so that names sort like numbers.
        self.0.join(format!("{made:012}-{algorithm}.pk8"))
    }
}

fn file(path: &Path, source: io::Error) -> OpenError {
    let path = path.to_owned();
    OpenError::File { path, source }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read_key(path: &Path) -> Result<Key, OpenError> {
    let no_key = || OpenError::NoKey {
        path: path.to_owned(),
    };
    let (made, algorithm) = named(path).ok_or_else(no_key)?;
    let opened = File::open(path).map_err(|source| file(path, source))?;
    let metadata = opened.metadata().map_err(|source| file(path, source))?;
    if metadata.mode() & 0o077 != 0 {
        let path = path.to_owned();
        return Err(OpenError::Open { path });
    }
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize));
    opened
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut pkcs8)
        .map_err(|source| file(path, source))?;
    let private = PrivateKey::read(algorithm, &pkcs8).map_err(|_| no_key())?;
    let private = Arc::new(private);
    Ok(Key { made, private })
}

/// When a key was made and what it signs with, as its name says.
fn named(path: &Path) -> Option<(u64, Algorithm)> {
    let (made, algorithm) = path.file_stem()?.to_str()?.split_once('-')?;
    let mut algorithms = Algorithm::NAMES.into_iter();
    let (_, algorithm) = algorithms.find(|(name, _)| *name == algorithm)?;
    Some((made.parse().ok()?, algorithm))
}
