//! An application that was pulled, written into a folder. Its paths were written by somebody else: none of them leads
//! out of the folder, and no file is written twice.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::Context;

use super::Image;
use crate::client::show;
use crate::commands::Invalid;

/// What the manifest is called.
const MANIFEST: &str = "spin.toml";
/// Folders whose files other programs obey: git's, and the state of a host, which names addresses and tokens.
const OBEYED: [&str; 2] = [".git", ".stoa"];

/// Writes manifest and files into a folder that is empty or not there yet.
pub(crate) fn write(image: &Image, folder: &Path) -> anyhow::Result<()> {
    let written = image.files.iter().map(|(path, _)| path);
    let paths = places(written).map_err(Invalid)?;
    prepare(folder)?;
    file(&folder.join(MANIFEST), image.bundle.manifest.as_bytes())?;
    for (path, (_, bytes)) in paths.iter().zip(image.files.iter()) {
        file(&folder.join(path), bytes)?;
    }
    Ok(())
}

/// Where files with these paths lie in a folder, in the same order.
fn places<'p>(paths: impl Iterator<Item = &'p str>) -> Result<Vec<PathBuf>, String> {
    let mut taken = BTreeSet::from([PathBuf::from(MANIFEST)]);
    let mut placed = Vec::new();
    for path in paths {
        let shown = show::plain(path);
        let place = inside(path).ok_or_else(|| {
            format!("the path `{shown}` does not stay in a folder: it is not written")
        })?;
        if is_obeyed(&place) {
            return Err(format!(
                "the path `{shown}` is one that other programs obey: it is not written"
            ));
        }
        if !taken.insert(place.clone()) {
            return Err(format!("two files would be written to `{shown}`"));
        }
        placed.push(place);
    }
    let below = |place: &&PathBuf| {
        place
            .ancestors()
            .skip(1)
            .any(|folder| taken.contains(folder))
    };
    match placed.iter().find(below) {
        Some(place) => {
            let shown = show::plain(&place.display().to_string());
            Err(format!("`{shown}` would lie in a folder that is a file"))
        }
        None => Ok(placed),
    }
}

/// A path without detours, if it leads down only.
fn inside(path: &str) -> Option<PathBuf> {
    let mut place = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => place.push(name),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    let names_a_file = !path.ends_with('/') && !path.contains('\0');
    (names_a_file && place.file_name().is_some()).then_some(place)
}

/// Whether any part of a path is one of [`OBEYED`], on systems that take two names for one as well.
fn is_obeyed(place: &Path) -> bool {
    place.components().any(|part| {
        let part = part.as_os_str();
        OBEYED.iter().any(|name| part.eq_ignore_ascii_case(name))
    })
}

fn prepare(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Invalid(format!("the folder `{shown}` is not empty")).into()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{shown}`"))
        }
        Err(error) => Err(Invalid(format!("cannot use `{shown}`: {error}")).into()),
    }
}

/// A new file: on systems that take two names for one, the second is refused.
fn file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let mut opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .with_context(failed)?;
    opened.write_all(bytes).with_context(failed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bytes::Bytes;
    use stoa_capabilities::releases::Digest;

    use super::*;
    use crate::admin::messages::Bundle;
    use crate::bundle::Files;

    fn image(paths: &[&str]) -> Image {
        let mut files = Files::default();
        for path in paths {
            files.insert(*path, Bytes::copy_from_slice(path.as_bytes()));
        }
        Image {
            bundle: Bundle::new("manifest", None, &files),
            files,
            digest: Digest::of(b""),
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for path in [
            "",
            ".",
            "/",
            "..",
            "../a",
            "a/../../b",
            "a/..",
            "a/../b",
            "/etc/passwd",
            "//a",
            "a/",
            "a\0b",
            ".git/config",
            "./.stoa/admin.url",
            "a/.GIT/hooks/post-checkout",
        ] {
            assert!(places([path].into_iter()).is_err(), "{path:?}");
        }
    }

    #[test]
    fn what_would_be_written_over_is_refused() {
        for paths in [
            ["spin.toml", "a"],
            ["./spin.toml", "a"],
            ["spin.toml/a", "a"],
            ["a", "./a"],
            ["a/b", "a//b"],
            ["a", "a/b"],
            ["a/b/c", "a"],
        ] {
            assert!(places(paths.into_iter()).is_err(), "{paths:?}");
        }
    }

    #[test]
    fn nothing_is_written_where_something_is_or_may_not_be() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let inside = folder.path().join("inside");
        let error = write(&image(&["a.wasm", "../b.wasm"]), &inside).expect_err("it is refused");
        assert!(error.is::<Invalid>(), "{error}");
        assert!(!inside.exists() && !folder.path().join("b.wasm").exists());
        fs::write(folder.path().join("mine"), "").expect("it can be written");
        let error = write(&image(&["a.wasm"]), folder.path()).expect_err("it is refused");
        assert!(error.to_string().ends_with("is not empty"), "{error}");
        let error = write(&image(&["a.wasm"]), &folder.path().join("mine"));
        assert!(error.expect_err("it is a file").is::<Invalid>());
    }

    #[test]
    fn files_lie_where_the_manifest_looks_for_them() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let root = folder.path().join("new/folder");
        write(&image(&["./a.wasm", "db//1.sql", "target/x/b.wasm"]), &root)
            .unwrap_or_else(|error| panic!("{error:#}"));
        let read = |path: &str| fs::read_to_string(root.join(path)).expect("it is there");
        assert_eq!(read("spin.toml"), "manifest");
        assert_eq!(read("./a.wasm"), "./a.wasm");
        assert_eq!(read("db//1.sql"), "db//1.sql");
        assert_eq!(read("target/x/b.wasm"), "target/x/b.wasm");
    }
}
