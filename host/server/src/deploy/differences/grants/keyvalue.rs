//! Key-value stores.

use stoa_capabilities::keyvalue;
use stoa_manifest::grants::keyvalue::Grant;

use super::{Noun, compare_access, compare_quota, verbs};
use crate::deploy::differences::found::{BYTES, Scope, quoted};

/// What a value may have where the grant does not say.
const VALUE_BYTES_MAX: u64 = keyvalue::VALUE_BYTES_MAX as u64;

impl Noun for Grant {
    const STORE: &'static str = "key-value store";

    fn powers(&self, store: &str) -> Vec<String> {
        let Self {
            access,
            prefix,
            value_bytes_max: _,
            quota: _,
        } = self;
        vec![format!("{} {}", verbs(*access), keys(prefix, store))]
    }

    fn compare(scope: &mut Scope<'_>, store: &str, old: &Self, new: &Self) {
        let Self {
            access,
            prefix,
            value_bytes_max,
            quota,
        } = new;
        compare_access(scope, store, old.access, *access);
        compare_prefix(scope, store, &old.prefix, prefix);
        let old_bytes = old.value_bytes_max.unwrap_or(VALUE_BYTES_MAX);
        let new_bytes = value_bytes_max.unwrap_or(VALUE_BYTES_MAX);
        scope.bounds(Some(old_bytes), Some(new_bytes), BYTES, |amount| {
            format!("write values of {amount} to {store}")
        });
        compare_quota(scope, store, old.quota, *quota);
    }
}

fn keys(prefix: &str, store: &str) -> String {
    match prefix {
        "" => store.to_owned(),
        _ => format!("the keys of {store} that start with {}", quoted(prefix)),
    }
}

/// A shorter prefix is more, a longer one is less, and another one is both.
fn compare_prefix(scope: &mut Scope<'_>, store: &str, old: &str, new: &str) {
    if !new.starts_with(old) {
        scope.gained(match new {
            "" => format!(
                "touch all keys of {store}, not only those that start with {}",
                quoted(old)
            ),
            _ => format!("touch {}", keys(new, store)),
        });
    }
    if !old.starts_with(new) {
        let prefix = quoted(new);
        scope.lost(format_args!(
            "touch keys of {store} that do not start with {prefix}"
        ));
    }
}
