//! Grants: one module per noun, as in the manifest.

mod blobs;
mod documents;
mod identity;
mod keyvalue;
mod sql;

use std::collections::BTreeMap;

use stoa_manifest::Label;
use stoa_manifest::grants::{Access, Grants, Quota};

use super::found::{BYTES, CALLS, Scope, pairs, quoted};

/// What is granted of one noun.
trait Noun {
    /// What stands behind a label, in words.
    const STORE: &'static str;

    /// What the grant gives, as it is told where it is gained or lost as a whole.
    fn powers(&self, store: &str) -> Vec<String>;

    /// What differs between two grants of one label.
    fn compare(scope: &mut Scope<'_>, store: &str, old: &Self, new: &Self);
}

pub(super) fn compare(scope: &mut Scope<'_>, old: &Grants, new: &Grants) {
    let Grants {
        keyvalue,
        sql,
        documents,
        blobs,
        identity,
    } = new;
    compare_noun(scope, &old.keyvalue, keyvalue);
    compare_noun(scope, &old.sql, sql);
    compare_noun(scope, &old.documents, documents);
    compare_noun(scope, &old.blobs, blobs);
    compare_noun(scope, &old.identity, identity);
}

fn compare_noun<N: Noun>(
    scope: &mut Scope<'_>,
    old: &BTreeMap<Label, N>,
    new: &BTreeMap<Label, N>,
) {
    for (label, before, after) in pairs(old, new) {
        let store = format!("{} {}", N::STORE, quoted(label.as_str()));
        match (before, after) {
            (Some(before), Some(after)) => N::compare(scope, &store, before, after),
            (None, Some(after)) => {
                for power in after.powers(&store) {
                    scope.gained(power);
                }
            }
            (Some(before), None) => {
                for power in before.powers(&store) {
                    scope.lost(power);
                }
            }
            (None, None) => {}
        }
    }
}

fn verbs(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::ReadWrite => "read and write",
    }
}

fn compare_access(scope: &mut Scope<'_>, store: &str, old: Access, new: Access) {
    match (old, new) {
        (Access::Read, Access::ReadWrite) => scope.gained(format_args!("write to {store}")),
        (Access::ReadWrite, Access::Read) => scope.lost(format_args!("write to {store}")),
        (Access::Read, Access::Read) | (Access::ReadWrite, Access::ReadWrite) => {}
    }
}

fn compare_quota(scope: &mut Scope<'_>, store: &str, old: Quota, new: Quota) {
    let Quota {
        calls_per_second_max,
        bytes_max,
    } = new;
    compare_calls(scope, store, old.calls_per_second_max, calls_per_second_max);
    scope.bounds(old.bytes_max, bytes_max, BYTES, |amount| {
        format!("keep {amount} in {store}")
    });
}

fn compare_calls(scope: &mut Scope<'_>, store: &str, old: Option<u64>, new: Option<u64>) {
    scope.bounds(old, new, CALLS, |amount| {
        format!("make {amount} to {store}")
    });
}
