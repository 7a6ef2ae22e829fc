//! What is said of a component itself: its revision, and how it is checked before it serves.

use super::found::{Scope, quoted};

pub(super) fn compare(scope: &mut Scope<'_>, old: Option<&str>, new: Option<&str>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(old), Some(new)) => {
            scope.other(format_args!("has other code: revision {old} -> {new}"));
        }
        (None, Some(new)) => scope.other(format_args!("has code of its own: revision {new}")),
        (_, None) => scope.other("has no code of its own any more"),
    }
}

pub(super) fn compare_openapi(scope: &mut Scope<'_>, old: Option<&str>, new: Option<&str>) {
    match new {
        _ if old == new => {}
        Some(path) => scope.other(format_args!("is described by {}", quoted(path))),
        None => scope.other("is no longer described by an OpenAPI document"),
    }
}

pub(super) fn compare_health(scope: &mut Scope<'_>, old: Option<&str>, new: Option<&str>) {
    match new {
        _ if old == new => {}
        Some(path) => {
            scope.other(format_args!(
                "is asked for {} before it serves",
                quoted(path)
            ));
        }
        None => scope.other("is no longer asked anything before it serves"),
    }
}
