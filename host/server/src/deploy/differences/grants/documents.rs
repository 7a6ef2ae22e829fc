//! Document stores.

use std::collections::BTreeMap;

use stoa_capabilities::documents;
use stoa_manifest::grants::documents::{Collection, Grant};

use super::{Noun, compare_access, compare_quota, verbs};
use crate::deploy::differences::found::{BYTES, Scope, listed, pairs, quoted};

/// What a document may have where the grant does not say.
const DOCUMENT_BYTES_MAX: u64 = documents::DOCUMENT_BYTES_MAX as u64;

impl Noun for Grant {
    const STORE: &'static str = "document store";

    fn powers(&self, store: &str) -> Vec<String> {
        let Self {
            access,
            collections,
            document_bytes_max: _,
            quota: _,
        } = self;
        let (verbs, collections) = (verbs(*access), listed(collections.keys()));
        vec![format!("{verbs} the collections {collections} of {store}")]
    }

    fn compare(scope: &mut Scope<'_>, store: &str, old: &Self, new: &Self) {
        let Self {
            access,
            collections,
            document_bytes_max,
            quota,
        } = new;
        compare_access(scope, store, old.access, *access);
        compare_collections(scope, store, &old.collections, collections);
        let old_bytes = old.document_bytes_max.unwrap_or(DOCUMENT_BYTES_MAX);
        let new_bytes = document_bytes_max.unwrap_or(DOCUMENT_BYTES_MAX);
        scope.bounds(Some(old_bytes), Some(new_bytes), BYTES, |amount| {
            format!("write documents of {amount} to {store}")
        });
        compare_quota(scope, store, old.quota, *quota);
    }
}

fn compare_collections(
    scope: &mut Scope<'_>,
    store: &str,
    old: &BTreeMap<String, Collection>,
    new: &BTreeMap<String, Collection>,
) {
    for (name, before, after) in pairs(old, new) {
        let name = format!("the collection {} of {store}", quoted(name));
        match (before, after) {
            (None, _) => scope.gained(format_args!("use {name}")),
            (_, None) => scope.lost(format_args!("use {name}")),
            (Some(before), Some(after)) => compare_collection(scope, &name, before, after),
        }
    }
}

/// What the store keeps beside the documents opens none of them.
fn compare_collection(scope: &mut Scope<'_>, name: &str, old: &Collection, new: &Collection) {
    let Collection { indexes, search } = new;
    for (index, before, after) in pairs(&old.indexes, indexes) {
        let index = quoted(index);
        match (before, after) {
            (before, after) if before == after => {}
            (None, _) => scope.other(format_args!("has another index {index} in {name}")),
            (_, None) => scope.other(format_args!("no longer has the index {index} in {name}")),
            _ => scope.other(format_args!("has the index {index} in {name} changed")),
        }
    }
    if *search != old.search {
        scope.other(format_args!("searches {name} by other paths or weights"));
    }
}
