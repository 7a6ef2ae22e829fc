//! Blob stores.

use stoa_capabilities::blobs::BLOB_BYTES_MAX;
use stoa_manifest::grants::blobs::Grant;

use super::{Noun, compare_access, compare_quota, verbs};
use crate::deploy::differences::found::{BYTES, SECONDS, Scope, listed, quoted};

impl Noun for Grant {
    const STORE: &'static str = "blob store";

    fn powers(&self, store: &str) -> Vec<String> {
        let Self {
            access,
            containers,
            blob_bytes_max: _,
            presign_seconds_max,
            quota: _,
        } = self;
        let (verbs, containers) = (verbs(*access), listed(containers));
        let blobs = format!("{verbs} the containers {containers} of {store}");
        let presign = presign_seconds_max.map(|_| presign(store));
        [Some(blobs), presign].into_iter().flatten().collect()
    }

    fn compare(scope: &mut Scope<'_>, store: &str, old: &Self, new: &Self) {
        let Self {
            access,
            containers,
            blob_bytes_max,
            presign_seconds_max,
            quota,
        } = new;
        compare_access(scope, store, old.access, *access);
        scope.sets(&old.containers, containers, |container| {
            format!("use the container {} of {store}", quoted(container))
        });
        let old_bytes = old.blob_bytes_max.unwrap_or(BLOB_BYTES_MAX);
        let new_bytes = blob_bytes_max.unwrap_or(BLOB_BYTES_MAX);
        scope.bounds(Some(old_bytes), Some(new_bytes), BYTES, |amount| {
            format!("write blobs of {amount} to {store}")
        });
        compare_presign(scope, store, old.presign_seconds_max, *presign_seconds_max);
        compare_quota(scope, store, old.quota, *quota);
    }
}

/// Without a time it signs none.
fn compare_presign(scope: &mut Scope<'_>, store: &str, old: Option<u64>, new: Option<u64>) {
    match (old, new) {
        (None, None) => {}
        (None, Some(_)) => scope.gained(presign(store)),
        (Some(_), None) => scope.lost(presign(store)),
        (Some(_), Some(_)) => scope.bounds(old, new, SECONDS, |amount| {
            format!("{} that are good for {amount}", presign(store))
        }),
    }
}

fn presign(store: &str) -> String {
    format!("hand out URLs into {store}")
}
