mod written;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use stoa_capabilities::releases::Digest;
use stoa_manifest::text::Source;
use stoa_manifest::{App, Component};
use tempfile::TempDir;

use super::*;

/// A component with these lines.
fn component(lines: &str) -> Component {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"web\"\n\
         [component.web]\nsource = \"web.wasm\"\n{lines}\n"
    );
    let app: App = stoa_manifest::parse(&Source::new("spin.toml", text), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    app.components["web"].clone()
}

fn at<'k>(path: &str, key: &'k str) -> (String, &'k str) {
    (path.to_owned(), key)
}

fn table<'k>(lines: &str, keys: &[&'k str]) -> Vec<(String, &'k str)> {
    let placed = placed(&component(lines), keys.iter().copied());
    let placed = placed.unwrap_or_else(|told| panic!("{told:?}"));
    placed.into_iter().collect()
}

#[track_caller]
fn refused(lines: &str, keys: &[&str], part: &str) {
    match placed(&component(lines), keys.iter().copied()) {
        Ok(placed) => panic!("it is refused, not placed: {placed:?}"),
        Err(told) => assert!(
            told.iter().any(|told| told.contains(part)),
            "`{part}` is missing in {told:?}"
        ),
    }
}

fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for file in files {
        put(folder.path(), file);
    }
    folder
}

/// A file that holds its own path.
fn put(root: &Path, file: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("it can be made");
    fs::write(path, file).expect("it can be written");
}

fn found(root: &Path, lines: &str) -> Vec<String> {
    let found = find(root, &component(lines));
    let found = found.unwrap_or_else(|told| panic!("{told:?}"));
    found.into_iter().collect()
}

#[track_caller]
fn not_found(root: &Path, lines: &str, part: &str) {
    match find(root, &component(lines)) {
        Ok(found) => panic!("it is refused, not found: {found:?}"),
        Err(told) => assert!(
            told.iter().any(|told| told.contains(part)),
            "`{part}` is missing in {told:?}"
        ),
    }
}

// What is decided on paths alone.

#[test]
fn paths_that_lead_out_are_refused() {
    let keys = ["a", "../b", "/etc/passwd"];
    for written in ["..", "../*", "a/../../b", "/etc/*", "/"] {
        let told = "does not stay in the application's folder";
        refused(&format!("files = [\"{written}\"]"), &keys, told);
        let placement = format!("files = [{{ source = \"{written}\", destination = \"/x\" }}]");
        refused(&placement, &keys, told);
    }
    for destination in ["..", "/../a", "/a/../../b"] {
        let files = format!("files = [{{ source = \"a\", destination = \"{destination}\" }}]");
        refused(&files, &keys, "does not stay below `/`");
    }
}

#[test]
fn a_hosts_state_is_refused_and_never_matched() {
    let keys = [".stoa/host.key", "a/.STOA/x", "a/b"];
    for written in [".stoa/*", "a/.Stoa"] {
        refused(&format!("files = [\"{written}\"]"), &keys, "a host's state");
    }
    assert_eq!(table("files = [\"**/*\"]", &keys), [at("a/b", "a/b")]);
}

#[test]
fn what_is_no_pattern_is_refused() {
    refused("files = [\"a**\"]", &["a"], "`**` must stand alone");
    refused("files = [\".\"]", &["a"], "the application's folder itself");
    refused(
        "files = [\"*\"]\nexclude_files = [\"[\"]",
        &["a"],
        "`[` in `exclude_files`",
    );
}

#[test]
fn what_cannot_lie_side_by_side_is_refused() {
    refused(
        "files = [\"a\", { source = \"b\", destination = \"/a/b\" }]",
        &["a", "b"],
        "`/a/b` would lie in a folder that is a file",
    );
    for destination in ["/", "", "/x/"] {
        let files = format!("files = [{{ source = \"a\", destination = \"{destination}\" }}]");
        refused(&files, &["a"], "is no name for the file `a`");
    }
}

#[test]
fn more_files_than_the_bound_are_refused() {
    let keys: Vec<String> = (0..=FILES_MAX).map(|it| format!("a/{it}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let told = "more than 10000 files";
    refused("files = [\"a/*\"]", &keys, told);
    // The same ones in several places count as often.
    let entry = |it: usize| format!("{{ source = \"a\", destination = \"/{it}\" }}");
    let entries: Vec<String> = (0..100).map(entry).collect();
    let lines = format!("files = [{}]", entries.join(", "));
    refused(&lines, &keys[..101], told);
}

#[test]
fn patterns_that_take_long_to_compare_are_refused() {
    let long = "*a".repeat(10_000);
    for lines in [
        format!("files = [\"{long}\"]"),
        format!("files = [\"a\"]\nexclude_files = [\"{long}\"]"),
    ] {
        refused(&lines, &["a"], "20000 bytes, more than 16384");
    }
    let many = "\"a\", ".repeat(FILES_MAX + 1);
    refused(&format!("files = [{many}]"), &["a"], "10001 entries");
}

#[test]
fn what_is_excluded_is_left_out_unless_it_is_named() {
    let keys = ["a/x.css", "a/secret", "a/b/secret", "secret"];
    for (files, left) in [
        ("\"**/*\"", &["a/x.css"][..]),
        ("\"a/*\"", &["a/x.css"][..]),
        ("{ source = \"a\", destination = \"/a\" }", &["a/x.css"][..]),
        // As in Spin.
        ("\"secret\"", &["secret"][..]),
    ] {
        let lines = format!("files = [{files}]\nexclude_files = [\"**/secret\"]");
        let paths: Vec<String> = table(&lines, &keys)
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(paths, left, "{files}");
    }
    // A star of an exclusion goes into folders.
    let lines = "files = [\"**/*\"]\nexclude_files = [\"a/*\"]";
    assert_eq!(table(lines, &keys), [at("secret", "secret")]);
}

#[test]
fn patterns_keep_paths_and_placements_give_others() {
    let keys = [
        "a/b/c.css",
        "a/x.css",
        "a.wasm",
        "url:sha256:00/",
        "./a/y.css",
    ];
    assert_eq!(
        table("files = [\"./a/*.css\"]", &keys),
        [at("a/x.css", "a/x.css")]
    );
    assert_eq!(
        table("files = [{ source = \"a/\", destination = \"/\" }]", &keys),
        [at("b/c.css", "a/b/c.css"), at("x.css", "a/x.css")]
    );
    assert_eq!(
        table(
            "files = [{ source = \"a/b\", destination = \"s/./t\" }]",
            &keys
        ),
        [at("s/t/c.css", "a/b/c.css")]
    );
    assert_eq!(
        table(
            "files = [{ source = \"a/x.css\", destination = \"/y\" }]",
            &keys
        ),
        [at("y", "a/x.css")]
    );
    // As Spin does it.
    assert_eq!(
        table("files = [\"a/b\"]", &keys),
        [at("a/b/a/b/c.css", "a/b/c.css")]
    );
    assert!(table("files = [\"none/*\"]", &keys).is_empty());
    assert!(table("", &keys).is_empty());
}

#[test]
fn the_later_of_two_entries_counts() {
    let lines = "files = [{ source = \"a\", destination = \"/\" }, { source = \"b\", destination = \"/\" }]";
    assert_eq!(
        table(lines, &["a/x", "a/y", "b/x"]),
        [at("x", "b/x"), at("y", "a/y")]
    );
}

#[test]
fn a_table_is_known_by_its_paths_and_contents() {
    let digest = |lines: &str, files: &[(&str, &str)]| {
        let files: BTreeMap<String, Digest> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Digest::of(text.as_bytes())))
            .collect();
        let contents = contents(&component(lines), &files);
        contents.unwrap_or_else(|told| panic!("{told:?}")).digest()
    };
    let all = "files = [\"*\"]";
    let first = digest(all, &[("a", "1"), ("b", "2")]);
    let named = "files = [\"b\", \"a\"]";
    assert_eq!(first, digest(named, &[("a", "1"), ("b", "2"), ("c", "3")]));
    for files in [
        &[("a", "1")][..],
        &[("a", "2"), ("b", "1")],
        &[("a", "1"), ("c", "2")],
        &[],
    ] {
        assert_ne!(first, digest(all, files), "{files:?}");
    }
}

// What a folder holds.

#[test]
fn links_that_lead_out_are_refused() {
    let elsewhere = folder(&["secret", "in/secret"]);
    let root = folder(&["a/x", ".stoa/host.key"]);
    symlink(elsewhere.path().join("secret"), root.path().join("a/file")).expect("it can be made");
    symlink(elsewhere.path(), root.path().join("out")).expect("it can be made");
    let told = "a link that leads out of the application's folder";
    for files in [
        "\"a/*\"",
        "\"a/file\"",
        "\"out\"",
        "\"out/secret\"",
        "\"out/*\"",
        "\"**/*\"",
        "\"out/../out/in/*\"",
        "{ source = \"out/in\", destination = \"/\" }",
        "{ source = \"a\", destination = \"/\" }",
    ] {
        not_found(root.path(), &format!("files = [{files}]"), told);
    }
    symlink(root.path().join(".stoa"), root.path().join("state")).expect("it can be made");
    not_found(root.path(), "files = [\"state/*\"]", told);
    not_found(root.path(), "files = [\"state/host.key\"]", told);
    // What is not wanted may lead anywhere.
    assert_eq!(found(root.path(), "files = [\"a/x*\"]"), ["a/x"]);
    let lines = "files = [\"**/*\"]\nexclude_files = [\"out\", \"state\", \"a/file\"]";
    assert_eq!(found(root.path(), lines), ["a/x"]);
}

#[test]
fn a_hosts_state_is_not_mounted_whatever_it_is_called() {
    let root = folder(&["a/x", "state/lock", "state/host.key", "state/in/db", "lock"]);
    symlink("../state/in", root.path().join("a/link")).expect("it can be made");
    symlink("../state/in/db", root.path().join("a/file")).expect("it can be made");
    let told = "into a host's state";
    for files in [
        "\"state\"",
        "\"state/*\"",
        "\"state/host.key\"",
        "\"state/in/*\"",
        "\"state/in/db\"",
        "\"a/*\"",
        "{ source = \"state/in\", destination = \"/\" }",
    ] {
        not_found(root.path(), &format!("files = [{files}]"), told);
    }
    let lines = "files = [\"**/*\"]\nexclude_files = [\"a/link\", \"a/file\"]";
    assert_eq!(found(root.path(), lines), ["a/x", "lock"]);
    let told = "is a host's state directory, too";
    not_found(&root.path().join("state"), "files = [\"in/*\"]", told);
}

#[test]
fn what_is_not_there_is_told_unless_it_is_a_pattern() {
    let root = folder(&["a/x"]);
    for files in [
        "\"b\"",
        "\"a/x/y\"",
        "{ source = \"b/*\", destination = \"/\" }",
    ] {
        not_found(root.path(), &format!("files = [{files}]"), "there is no `");
    }
    assert_eq!(found(root.path(), "files = [\"b/*\", \"*.css\"]"), [""; 0]);
    assert_eq!(found(root.path(), ""), [""; 0]);
    not_found(Path::new("/nowhere"), "files = [\"*\"]", "cannot use");
}

#[test]
fn too_many_folders_in_folders_are_refused() {
    let root = folder(&[&format!("{}x", "d/".repeat(70))]);
    not_found(root.path(), "files = [\"**/*\"]", "more than 64 folders");
}

#[test]
fn a_circle_of_links_ends() {
    let root = folder(&["a/x", "b/y"]);
    symlink("../b", root.path().join("a/to")).expect("it can be made");
    symlink("../a", root.path().join("b/to")).expect("it can be made");
    assert_eq!(
        found(root.path(), "files = [\"**/*\"]"),
        ["a/to/y", "a/x", "b/to/x", "b/y"]
    );
}

#[test]
fn what_a_folder_holds_is_found_and_hidden_files_too() {
    let files = [
        "a/.hidden",
        "a/b/c",
        "a/x",
        ".env",
        "odd[1]",
        ".stoa/host.key",
    ];
    let root = folder(&files);
    assert_eq!(
        found(root.path(), "files = [\"**/*\"]"),
        [".env", "a/.hidden", "a/b/c", "a/x", "odd[1]"]
    );
    assert_eq!(
        found(root.path(), "files = [\"a/*\"]"),
        ["a/.hidden", "a/x"]
    );
    assert_eq!(found(root.path(), "files = [\"odd[1]\"]"), ["odd[1]"]);
    let placed = "files = [{ source = \".\", destination = \"/\" }]\nexclude_files = [\"a/*\"]";
    assert_eq!(found(root.path(), placed), [".env", "odd[1]"]);
}
