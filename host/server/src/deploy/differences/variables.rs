//! Which variables of the application a component reads, through templates in its own; and its environment.

use std::collections::{BTreeMap, BTreeSet};

use stoa_manifest::variable::Variable;
use stoa_manifest::{App, Component};

use super::Member;
use super::found::{Scope, pairs, quoted};

pub(super) fn compare(scope: &mut Scope<'_>, old: Member<'_>, new: Member<'_>) {
    let (before, after) = (reads(old.component), reads(new.component));
    for name in after.difference(&before) {
        match secret(name, old.app, new.app) {
            Some(secret) => scope.gained(format_args!("read {secret}")),
            None => scope.other(format_args!("reads the variable {}", quoted(name))),
        }
    }
    for name in before.difference(&after) {
        match secret(name, old.app, new.app) {
            Some(secret) => scope.lost(format_args!("read {secret}")),
            None => scope.other(format_args!(
                "no longer reads the variable {}",
                quoted(name)
            )),
        }
    }
    let (old, new) = (&old.component.variables, &new.component.variables);
    compare_values(scope, "a variable of its own", old, new);
}

/// A variable that is a secret, or may be one, in words. What is a secret in one release is one in both, whatever the
/// other calls it. Under a name that only one of them has, the host may hold the secret of an earlier release.
fn secret(name: &str, old: &App, new: &App) -> Option<String> {
    let (before, after) = (old.variables.get(name), new.variables.get(name));
    let is_secret = |it: Option<&Variable>| it.is_some_and(|it| it.secret);
    match (before, after) {
        _ if is_secret(before) || is_secret(after) => {
            Some(format!("the secret variable {}", quoted(name)))
        }
        (Some(_), Some(_)) => None,
        _ => Some(format!(
            "the variable {}, whatever the host has under that name",
            quoted(name)
        )),
    }
}

pub(super) fn compare_environment(
    scope: &mut Scope<'_>,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) {
    compare_values(scope, "an environment variable", old, new);
}

/// Only the names are told.
fn compare_values(
    scope: &mut Scope<'_>,
    what: &str,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) {
    for (name, before, after) in pairs(old, new) {
        let name = quoted(name);
        match (before, after) {
            (before, after) if before == after => {}
            (None, _) => scope.other(format_args!("has {what} more: {name}")),
            (_, None) => scope.other(format_args!("has {what} less: {name}")),
            _ => scope.other(format_args!("has another value in {what}: {name}")),
        }
    }
}

/// The variables of the application that a component reads.
fn reads(component: &Component) -> BTreeSet<&str> {
    let values = component.variables.values();
    values.flat_map(|value| named(value)).collect()
}

/// The variables that the templates of a text name.
pub(super) fn named(text: &str) -> Vec<&str> {
    let templates = text.split("{{").skip(1);
    templates
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(name, _)| name.trim())
        .collect()
}
