//! What a host writes down.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;

/// The cleaner takes at most so long; a bound for broken runs, not a measure.
const CLEANED_MAX: Duration = Duration::from_secs(30);

fn release(files: &[(&str, &str)]) -> (Contents, BTreeMap<Digest, Bytes>) {
    let digests: BTreeMap<String, Digest> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), Digest::of(text.as_bytes())))
        .collect();
    let contents = contents(&component("files = [\"**/*\"]"), &digests);
    let bytes = files.iter().map(|(_, text)| {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        (Digest::of(&bytes), bytes)
    });
    (
        contents.unwrap_or_else(|told| panic!("{told:?}")),
        bytes.collect(),
    )
}

fn open(folder: &Path, writes: Writes) -> Mounts {
    let shelf = Mounts::open(folder.join("files"), writes);
    shelf.unwrap_or_else(|error| panic!("{error:#}"))
}

fn lend(mounts: &Mounts, files: &[(&str, &str)]) -> stoa_runtime::Mount {
    let (contents, bytes) = release(files);
    let mount = mounts.lend(&contents, |digest| bytes.get(digest).cloned());
    mount.unwrap_or_else(|error| panic!("{error}"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("files")).expect("it is there");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.expect("it can be listed").file_name();
        name.into_string().expect("our names are UTF-8")
    };
    entries.map(name).collect()
}

/// Waits until the cleaner is done.
#[track_caller]
fn assert_cleaned(folder: &Path, left: usize) {
    let begun = Instant::now();
    while names(folder).len() != left {
        assert!(begun.elapsed() < CLEANED_MAX, "{:?}", names(folder));
        std::thread::yield_now();
    }
}

#[test]
fn a_content_that_is_missing_leaves_nothing() {
    let folder = folder(&[]);
    let mounts = open(folder.path(), Writes::Refused);
    let (contents, _) = release(&[("a", "1"), ("b/c", "2")]);
    let refused = mounts.lend(&contents, |digest| {
        (*digest == Digest::of(b"1")).then(|| Bytes::from_static(b"1"))
    });
    assert!(refused.is_err());
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_file_that_is_placed_often_counts_as_often() {
    let folder = folder(&[]);
    let mounts = open(folder.path(), Writes::Refused);
    let entry = |it: usize| format!("{{ source = \"a\", destination = \"/{it}\" }}");
    let entries: Vec<String> = (0..9).map(entry).collect();
    let lines = format!("files = [{}]", entries.join(", "));
    let digests = BTreeMap::from([("a".to_owned(), Digest::of(b"a"))]);
    let contents = contents(&component(&lines), &digests);
    let contents = contents.unwrap_or_else(|told| panic!("{told:?}"));
    let large = Bytes::from(vec![0; FILES_BYTES_MAX / 8]);
    let refused = mounts.lend(&contents, |_| Some(large.clone()));
    let told = refused.expect_err("it is refused").to_string();
    assert!(told.contains("more than 512 MiB"), "{told}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn what_is_mounted_is_read_only_and_there_once() {
    let folder = folder(&[]);
    let mounts = open(folder.path(), Writes::Refused);
    let files = [("a", "1"), ("b/c", "2")];
    let (first, second) = (lend(&mounts, &files), lend(&mounts, &files));
    assert_eq!(first.host, second.host);
    assert!(!first.writable && first.guest == "/");
    let read = |path: &str| fs::read_to_string(first.host.join(path)).expect("it is there");
    assert_eq!((read("a"), read("b/c")), ("1".into(), "2".into()));
    for path in ["", "b", "a", "b/c"] {
        let metadata = fs::metadata(first.host.join(path)).expect("it is there");
        assert_eq!(metadata.permissions().mode() & 0o277, 0, "{path}");
    }
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn what_nothing_uses_any_more_is_removed() {
    let folder = folder(&[]);
    let mounts = open(folder.path(), Writes::Refused);
    let first = lend(&mounts, &[("a", "1")]);
    let again = lend(&mounts, &[("a", "1")]);
    let other = lend(&mounts, &[("b/c", "2")]);
    drop(first);
    assert_eq!(names(folder.path()).len(), 2);
    drop((again, other));
    assert_cleaned(folder.path(), 0);
    // It can be had anew.
    let anew = lend(&mounts, &[("a", "1")]);
    assert!(anew.host.join("a").exists());
}

#[test]
fn what_is_left_from_before_is_used_again_or_removed() {
    let folder = folder(&[]);
    let mounts = open(folder.path(), Writes::Refused);
    let kept = lend(&mounts, &[("a", "1")]);
    let left = lend(&mounts, &[("b/c", "2")]);
    drop(mounts);
    drop((kept, left));
    // A crash leaves halves.
    for half in ["new-7/x", "gone-1/x", "own-0/x", "odd"] {
        put(&folder.path().join("files"), half);
    }
    let read_only = folder.path().join("files/new-7");
    fs::set_permissions(read_only, Permissions::from_mode(0o500)).expect("it is ours");
    let mounts = open(folder.path(), Writes::Refused);
    assert_eq!(names(folder.path()).len(), 2);
    let (contents, _) = release(&[("a", "1")]);
    let again = mounts.lend(&contents, |_| panic!("it is there already"));
    let again = again.unwrap_or_else(|error| panic!("{error}"));
    mounts.settle();
    assert_cleaned(folder.path(), 1);
    assert!(again.host.join("a").exists());
}

#[test]
fn a_copy_that_may_be_written_is_nobody_elses_and_ends() {
    let folder = folder(&[]);
    let mounts = open(folder.path(), Writes::Transient);
    let files = [("a/b", "1")];
    let (first, second) = (lend(&mounts, &files), lend(&mounts, &files));
    assert!(first.writable);
    fs::write(first.host.join("a/b"), "changed").expect("it may be written");
    fs::write(first.host.join("new"), "").expect("it may be written");
    let read = fs::read_to_string(second.host.join("a/b")).expect("it is there");
    assert_eq!(read, "1");
    drop(first);
    assert_cleaned(folder.path(), 1);
}
