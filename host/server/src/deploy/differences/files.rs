//! Files that a component can read.

use std::collections::BTreeSet;

use stoa_manifest::component::Files;

use super::found::{Scope, quoted};
use crate::mounts::Contents;

/// How many files are named where their number is what matters.
const SHOWN_MAX: usize = 3;

/// By what they are, not by their words: two may read alike.
pub(super) fn compare(scope: &mut Scope<'_>, old: &[Files], new: &[Files]) {
    for files in new.iter().filter(|files| !old.contains(files)) {
        scope.gained(format_args!("read {}", worded(files)));
    }
    for files in old.iter().filter(|files| !new.contains(files)) {
        scope.lost(format_args!("read {}", worded(files)));
    }
}

/// What is no longer excluded can be read, unless no pattern names it: what there is to read is told apart.
pub(super) fn compare_excluded(scope: &mut Scope<'_>, old: &[String], new: &[String]) {
    for pattern in old.iter().filter(|pattern| !new.contains(pattern)) {
        scope.gained(format_args!(
            "read files {}, which were excluded",
            quoted(pattern)
        ));
    }
    for pattern in new.iter().filter(|pattern| !old.contains(pattern)) {
        scope.lost(format_args!("read files {}", quoted(pattern)));
    }
}

/// What is in the files. They come with the release, as code does: under entries that were there before, other contents
/// are no power, but somebody may want to know of them.
pub(super) fn compare_contents(scope: &mut Scope<'_>, old: &Contents, new: &Contents) {
    let paths = |contents: &Contents| -> BTreeSet<String> {
        contents.iter().map(|(path, _)| path.to_owned()).collect()
    };
    let (before, after) = (paths(old), paths(new));
    let differs = |path: &&String| old.get(path) != new.get(path);
    let changed: Vec<&String> = before.intersection(&after).filter(differs).collect();
    let fresh: Vec<&String> = after.difference(&before).collect();
    let gone: Vec<&String> = before.difference(&after).collect();
    for (paths, what) in [
        (fresh, "finds more files"),
        (changed, "finds other contents in files"),
        (gone, "finds fewer files"),
    ] {
        if !paths.is_empty() {
            scope.other(format_args!("{what}: {}", counted(&paths)));
        }
    }
}

fn counted(paths: &[&String]) -> String {
    let shown = paths.iter().take(SHOWN_MAX);
    let shown: Vec<String> = shown.map(|path| quoted(&format!("/{path}"))).collect();
    let shown = shown.join(", ");
    match paths.len() {
        0..=SHOWN_MAX => shown,
        count => format!("{shown} and {} more", count - SHOWN_MAX),
    }
}

fn worded(files: &Files) -> String {
    match files {
        Files::Pattern(pattern) => format!("files {}", quoted(pattern)),
        Files::Placement {
            source,
            destination,
        } => format!("files {} at {}", quoted(source), quoted(destination)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stoa_capabilities::releases::Digest;
    use stoa_manifest::text::Source;

    use super::*;
    use crate::admin::messages::Difference;
    use crate::mounts;

    fn contents(files: &[(&str, &str)]) -> Contents {
        let manifest = "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
                        [[trigger.http]]\nroute = \"/...\"\ncomponent = \"web\"\n\
                        [component.web]\nsource = \"web.wasm\"\nfiles = [\"**/*\"]\n";
        let app = stoa_manifest::parse(&Source::new("spin.toml", manifest), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let files: BTreeMap<String, Digest> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Digest::of(text.as_bytes())))
            .collect();
        let contents = mounts::contents(&app.components["web"], &files);
        contents.unwrap_or_else(|told| panic!("{told:?}"))
    }

    fn told(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
        let mut list: Vec<Difference> = Vec::new();
        let mut scope = Scope::of(&mut list, None);
        compare_contents(&mut scope, &contents(old), &contents(new));
        list.into_iter().map(|it| it.what).collect()
    }

    #[test]
    fn the_same_contents_are_no_difference() {
        assert_eq!(told(&[("a", "1")], &[("a", "1")]), [""; 0]);
        assert_eq!(told(&[], &[]), [""; 0]);
    }

    #[test]
    fn other_contents_are_told_by_their_paths() {
        assert_eq!(
            told(
                &[("a", "1"), ("b/c", "2"), ("same", "3")],
                &[("a", "other"), ("d", "2"), ("same", "3")]
            ),
            [
                "finds more files: `/d`",
                "finds other contents in files: `/a`",
                "finds fewer files: `/b/c`",
            ]
        );
        let many = [("1", ""), ("2", ""), ("3", ""), ("4", ""), ("5", "")];
        assert_eq!(
            told(&[], &many),
            ["finds more files: `/1`, `/2`, `/3` and 2 more"]
        );
    }
}
