//! Every manifest in `valid/` reads as its `.txt` says, every one in `invalid/` is refused as its `.err` says.
//!
//! `STOA_BLESS=1 cargo test -p stoa-manifest` writes the expectations anew; read what changed before committing it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use stoa_manifest::parse;
use stoa_manifest::text::Source;

/// The manifests of a folder, sorted; there must be some.
fn manifests(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let entries = fs::read_dir(&folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "toml"))
        .collect();
    paths.sort();
    assert!(
        !paths.is_empty(),
        "there is no manifest in {}",
        folder.display()
    );
    paths
}

/// A manifest under the name that users know it by, so that the expectations read like their screens.
fn source(path: &Path) -> Source {
    Source::new(
        "spin.toml",
        fs::read_to_string(path).expect("the manifest can be read"),
    )
}

/// The profile to read a manifest with: what follows `@` in its name.
fn profile(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    stem.split_once('@').map(|(_, profile)| profile.to_owned())
}

/// What reading a manifest answers, and whether it was good.
fn outcome(path: &Path) -> (bool, String) {
    match parse(&source(path), profile(path).as_deref()) {
        Ok(app) => {
            let mut text = format!("{app:#?}\n");
            for warning in &app.warnings {
                write!(text, "\n{warning}\n").expect("a string takes any text");
            }
            (true, text)
        }
        Err(mistakes) => (false, format!("{mistakes}\n")),
    }
}

/// Compares one outcome with its expectation, or writes that; answers what is wrong.
fn compare(path: &Path, kind: &str, good: bool) -> Option<String> {
    let (is_good, found) = outcome(path);
    let name = path.display();
    if is_good != good {
        return Some(format!(
            "{name}: should {}be good, but:\n{found}",
            if good { "" } else { "not " }
        ));
    }
    let expected_path = path.with_extension(kind);
    if std::env::var_os("STOA_BLESS").is_some() {
        fs::write(&expected_path, &found).expect("the expectation can be written");
        return None;
    }
    match fs::read_to_string(&expected_path) {
        Err(error) => Some(format!("{}: {error}", expected_path.display())),
        Ok(expected) if expected == found => None,
        Ok(expected) => Some(format!("{name}: expected:\n{expected}\nfound:\n{found}")),
    }
}

fn compare_all(folder: &str, kind: &str, good: bool) {
    let wrong: Vec<String> = manifests(folder)
        .iter()
        .filter_map(|path| compare(path, kind, good))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} files differ:\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn valid_manifests_read_as_expected() {
    compare_all("valid", "txt", true);
}

#[test]
fn invalid_manifests_are_refused_as_expected() {
    compare_all("invalid", "err", false);
}

#[test]
fn expectations_belong_to_manifests() {
    for (folder, kind) in [("valid", "txt"), ("invalid", "err")] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(folder);
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be listed").path();
            if path.extension().is_some_and(|found| found == kind) {
                assert!(
                    path.with_extension("toml").exists(),
                    "{} has no manifest",
                    path.display()
                );
            }
        }
    }
}

/// Cutting a manifest anywhere gives most of the half-written texts that an editor ever shows us.
#[test]
fn no_prefix_of_a_manifest_panics() {
    for path in manifests("valid") {
        let text = source(&path).text;
        for (end, _) in text.char_indices() {
            if let Err(mistakes) = parse(&Source::new("spin.toml", &text[..end]), Some("release")) {
                assert!(mistakes.to_string().ends_with("in spin.toml"));
            }
        }
    }
}

/// And leaving a line out gives most of the incomplete ones.
#[test]
fn no_missing_line_panics() {
    for path in manifests("valid") {
        let text = source(&path).text;
        let lines: Vec<&str> = text.lines().collect();
        for missing in 0..lines.len() {
            let rest = [&lines[..missing], &lines[missing + 1..]]
                .concat()
                .join("\n");
            if let Err(mistakes) = parse(&Source::new("spin.toml", rest), None) {
                assert!(mistakes.count() > 0);
            }
        }
    }
}
