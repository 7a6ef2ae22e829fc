//! The files of a store. Their names are random, never a blob's: nothing that a guest says becomes part of a path.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::{digest, rand};

use super::cleaner::Guard;
use super::failure::Failure;
use crate::blobs::presign::hexadecimal;

/// Bytes of a file that may wait for its sync. Without a bound, the last call of a large blob would wait for gigabytes,
/// and no deadline would ever let it be done.
const UNSYNCED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Where the files of a store lie.
#[derive(Clone)]
pub(super) struct Layout(PathBuf);

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self(root.to_owned())
    }

    pub(super) fn index(&self) -> PathBuf {
        self.0.join("index.db")
    }

    /// The folder of blobs on their way in. It is of the same file system as the rest, so that a rename is atomic.
    pub(super) fn incoming(&self) -> PathBuf {
        self.0.join("incoming")
    }

    pub(super) fn arriving(&self, content: &str) -> PathBuf {
        self.incoming().join(content)
    }

    /// Fanned out twice by 256, so that no folder grows too long.
    pub(super) fn placed(&self, content: &str) -> PathBuf {
        let (first, second) = (&content[..2], &content[2..4]);
        self.content().join(first).join(second).join(content)
    }

    fn content(&self) -> PathBuf {
        self.0.join("content")
    }

    /// Makes what is missing. Answers the folders that have new names in them, to be synced: the root, and what is above
    /// it up to the first that was there.
    pub(super) fn create(&self) -> io::Result<Vec<&Path>> {
        let above = self.0.ancestors();
        let missing = above.take_while(|folder| !folder.exists()).count();
        fs::create_dir_all(self.incoming())?;
        fs::create_dir_all(self.content())?;
        let changed = above.take(missing + 1);
        Ok(changed
            .filter(|folder| !folder.as_os_str().is_empty())
            .collect())
    }
}

/// A name for a file that nobody has: 128 random bits.
pub(super) fn new_content() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness for the name of a file"))?;
    Ok(hexadecimal(&bytes))
}

/// Removes what may be left of a file, wherever it was.
pub(super) fn remove(layout: &Layout, content: &str) -> io::Result<()> {
    for path in [layout.arriving(content), layout.placed(content)] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// How files reach the disk; tests watch it.
pub(super) trait Syncs: Send + Sync + 'static {
    fn file(&self, file: &File) -> io::Result<()>;

    /// Makes the names in a folder last.
    fn folder(&self, folder: &Path) -> io::Result<()>;
}

/// For class `power`.
pub(super) struct Synced;

impl Syncs for Synced {
    fn file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

/// For class `process`: what was written is in the system's hands, which outlives this process.
pub(super) struct Unsynced;

impl Syncs for Unsynced {
    fn file(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is being written. Dropped before it is placed and kept, it is removed.
pub(super) struct Staged {
    guard: Guard,
    file: File,
    hash: digest::Context,
    written: u64,
    unsynced: u64,
}

/// A file in its place, whole: all that is missing is the row that makes it a blob.
pub(super) struct Placed {
    pub(super) guard: Guard,
    pub(super) etag: String,
    pub(super) size: u64,
}

impl Staged {
    pub(super) fn create(layout: &Layout, guard: Guard) -> Result<Self, Failure> {
        let path = layout.arriving(guard.content());
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok(Self {
            guard,
            file,
            hash: digest::Context::new(&digest::SHA256),
            written: 0,
            unsynced: 0,
        })
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn append(mut self, bytes: &[u8], syncs: &dyn Syncs) -> Result<Self, Failure> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= UNSYNCED_BYTES_MAX {
            syncs.file(&self.file)?;
            self.unsynced = 0;
        }
        Ok(self)
    }

    /// Bytes first, then the name, then the folders that lead to it: each lasts before the next may be seen.
    pub(super) fn place(self, layout: &Layout, syncs: &dyn Syncs) -> Result<Placed, Failure> {
        syncs.file(&self.file)?;
        let content = self.guard.content();
        let path = layout.placed(content);
        let folders: Vec<&Path> = path.ancestors().skip(1).take(3).collect();
        fs::create_dir_all(folders[0])?;
        fs::rename(layout.arriving(content), &path)?;
        for folder in folders {
            syncs.folder(folder)?;
        }
        Ok(Placed {
            guard: self.guard,
            etag: hexadecimal(self.hash.finish().as_ref()),
            size: self.written,
        })
    }
}

/// Opens a file of `size` bytes; `None` if it is not there.
pub(super) fn open(layout: &Layout, content: &str, size: u64) -> Result<Option<File>, Failure> {
    let file = match File::open(layout.placed(content)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match file.metadata()?.len() == size {
        true => Ok(Some(file)),
        false => Err(io::Error::other(format!("the file {content} has lost its bytes")).into()),
    }
}

/// Exactly `length` bytes from `offset` on.
pub(super) fn read(mut file: &File, offset: u64, length: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
