//! The files of core dumps: a few, readable by their owner alone, and the oldest goes first.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Dumps that are kept.
const DUMPS_MAX: usize = 8;
const SUFFIX: &str = "core";

pub(super) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Writes a dump under a name of its own, and tells where it is. Not synced: after a power cut, nobody looks for it.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        // First, so that there are never more.
        self.make_room()?;
        let path = self.folder.join(format!("{name}.{SUFFIX}"));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let written = file.write_all(bytes);
        if written.is_err() {
            // Half a dump is none. If it cannot be removed either, it goes with the others.
            fs::remove_file(&path).ok();
        }
        written.map(|()| path)
    }

    fn make_room(&self) -> io::Result<()> {
        let mut dumps = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            // What somebody else put there stays.
            if path.extension().is_some_and(|suffix| suffix == SUFFIX) {
                dumps.push((fs::symlink_metadata(&path)?.modified()?, path));
            }
        }
        dumps.sort_unstable();
        let spare = dumps.len().saturating_sub(DUMPS_MAX - 1);
        dumps[..spare]
            .iter()
            .try_for_each(|(_, path)| fs::remove_file(path))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn only_its_owner_can_read_a_dump() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let dumps = folder.path().join("dumps");
        let path = Shelf::new(&dumps).put("guest-1", b"core");
        let path = path.expect("it is written");
        let mode = |path: &Path| {
            fs::metadata(path)
                .expect("it is there")
                .permissions()
                .mode()
        };
        assert_eq!((mode(&dumps) & 0o777, mode(&path) & 0o777), (0o700, 0o600));
    }

    #[test]
    fn the_oldest_dump_goes_first_and_other_files_stay() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let shelf = Shelf::new(folder.path());
        fs::write(folder.path().join("notes.txt"), "kept").expect("it is written");
        for number in 0..DUMPS_MAX + 2 {
            let path = shelf.put(&format!("guest-{number}"), b"core");
            let file = fs::File::open(path.expect("it is written")).expect("it is there");
            // Later than the one before, whatever the clock of the disk can tell.
            let age = Duration::from_secs(1_000 - number as u64);
            file.set_modified(SystemTime::now() - age)
                .expect("its time is set");
        }
        let is_there = |name: &str| folder.path().join(name).exists();
        assert!(!is_there("guest-0.core") && !is_there("guest-1.core"));
        assert!(is_there("guest-2.core") && is_there("guest-9.core"));
        assert!(is_there("notes.txt"));
    }

    #[test]
    fn a_dump_never_takes_the_place_of_a_file() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let shelf = Shelf::new(folder.path());
        shelf.put("guest-1", b"one").expect("it is written");
        let refused = shelf.put("guest-1", b"two").expect_err("it is there");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        let kept = fs::read(folder.path().join("guest-1.core"));
        assert_eq!(kept.expect("it is there"), b"one");
    }
}
