//! Files that a component can read.

use stoa_manifest::component::Files;

use super::found::{Scope, quoted};

/// By what they are, not by their words: two may read alike.
pub(super) fn compare(scope: &mut Scope<'_>, old: &[Files], new: &[Files]) {
    for files in new.iter().filter(|files| !old.contains(files)) {
        scope.gained(format_args!("read {}", worded(files)));
    }
    for files in old.iter().filter(|files| !new.contains(files)) {
        scope.lost(format_args!("read {}", worded(files)));
    }
}

/// What is no longer excluded can be read, unless no pattern names it: nobody looks into folders here.
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

fn worded(files: &Files) -> String {
    match files {
        Files::Pattern(pattern) => format!("files {}", quoted(pattern)),
        Files::Placement {
            source,
            destination,
        } => format!("files {} at {}", quoted(source), quoted(destination)),
    }
}
