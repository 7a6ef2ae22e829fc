//! An application that was pulled, written into a folder. Its paths were written by somebody else: none of them leads
//! out of the folder, and no file is written over. What the manifest has fetched is not written: it is fetched again.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::Context;

use super::Image;
use crate::client::show;
use crate::commands::Invalid;
use crate::fetched;

/// What the manifest is called.
const MANIFEST: &str = "spin.toml";
/// Folders whose files programs obey: git's; the state of a host, which names addresses and tokens; and the runtime
/// configuration beside a manifest, which says what the application may reach of a machine.
const OBEYED: [&str; 3] = [".git", ".stoa", "runtime-config"];

/// Writes manifest and files into a folder that is empty or not there yet.
pub(crate) fn write(image: &Image, folder: &Path) -> anyhow::Result<()> {
    let files = image.files.iter().map(|(path, bytes)| (path, &bytes[..]));
    let places = places(image.bundle.manifest.as_bytes(), files).map_err(Invalid)?;
    prepare(folder)?;
    for (path, bytes) in places {
        file(&folder.join(path), bytes)?;
    }
    Ok(())
}

/// What lies where in a folder: the manifest, and files with these paths. Two paths may mean one place, if what they put
/// there is the same; a pattern of `files` may mean the manifest itself.
fn places<'i>(
    manifest: &'i [u8],
    files: impl Iterator<Item = (&'i str, &'i [u8])>,
) -> Result<BTreeMap<PathBuf, &'i [u8]>, String> {
    let mut placed = BTreeMap::from([(PathBuf::from(MANIFEST), manifest)]);
    for (path, bytes) in files.filter(|(path, _)| !fetched::is_key(path)) {
        let shown = show::plain(path);
        let place = inside(path).ok_or_else(|| {
            format!("the path `{shown}` does not stay in a folder: it is not written")
        })?;
        if is_obeyed(&place) {
            return Err(format!(
                "the path `{shown}` is one that other programs obey: it is not written"
            ));
        }
        if *placed.entry(place).or_insert(bytes) != bytes {
            return Err(format!("two files would be written to `{shown}`"));
        }
    }
    let below = |place: &&PathBuf| {
        let mut folders = place.ancestors().skip(1);
        folders.any(|folder| placed.contains_key(folder))
    };
    match placed.keys().find(below) {
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

    /// The places of files that hold their own paths.
    fn placed(paths: &[&str]) -> Result<usize, String> {
        let files = paths.iter().map(|path| (*path, path.as_bytes()));
        places(b"manifest", files).map(|places| places.len())
    }

    #[test]
    fn what_is_the_same_may_be_written_to_one_place() {
        let files = [
            ("a", &b"x"[..]),
            ("./a", &b"x"[..]),
            ("spin.toml", &b"manifest"[..]),
        ];
        let places = places(b"manifest", files.into_iter());
        assert_eq!(places.map(|places| places.len()), Ok(2));
        let fetched = placed(&["url:sha256:00/", "package:ghcr.io/a:b@1/", "a"]);
        assert_eq!(fetched, Ok(2));
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
            "runtime-config/embedded.toml",
        ] {
            assert!(placed(&[path]).is_err(), "{path:?}");
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
            assert!(placed(&paths).is_err(), "{paths:?}");
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
