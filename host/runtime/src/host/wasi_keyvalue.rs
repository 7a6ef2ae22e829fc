//! `wasi:keyvalue` in the two drafts that components are built against. A draft matches by its exact name, so each is
//! linked on its own, over the same handles.

mod draft;
mod draft2;

use std::collections::BTreeMap;

use stoa_capabilities::keyvalue;
use wasmtime::component::{Linker, Resource};

use crate::instance::{Host, State};

/// An open store, for both drafts.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Bucket {
    handle: keyvalue::Handle,
    /// Where its last page of keys ended; only the first draft, whose cursors are numbers, has to remember it.
    ended: Option<draft::Ended>,
}

impl Bucket {
    fn new(handle: keyvalue::Handle) -> Self {
        Self {
            handle,
            ended: None,
        }
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    draft::add_to_linker(linker)?;
    draft2::add_to_linker(linker)
}

impl Host<'_> {
    fn bucket(&self, bucket: &Resource<Bucket>) -> wasmtime::Result<keyvalue::Handle> {
        Ok(self.table.get(bucket)?.handle.clone())
    }
}

/// One change for each key, the last that was asked for: these contracts let a key be named twice, ours does not.
fn last_of_each(changes: impl Iterator<Item = keyvalue::Change>) -> Vec<keyvalue::Change> {
    let last: BTreeMap<_, _> = changes.map(|change| (change.key.clone(), change)).collect();
    last.into_values().collect()
}

fn set(key: String, value: Vec<u8>) -> keyvalue::Change {
    keyvalue::Change {
        key,
        condition: keyvalue::Condition::Always,
        action: keyvalue::Action::Set(value),
    }
}

fn delete(key: String) -> keyvalue::Change {
    keyvalue::Change {
        key,
        condition: keyvalue::Condition::Always,
        action: keyvalue::Action::Delete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, value: &str) -> keyvalue::Change {
        super::set(key.into(), value.into())
    }

    #[test]
    fn the_last_of_two_changes_of_a_key_is_made() {
        let changes = [set("b", "1"), set("a", "1"), set("b", "2")];
        let made = last_of_each(changes.into_iter());
        assert_eq!(made, [set("a", "1"), set("b", "2")]);
        let made = last_of_each(["a", "a"].map(String::from).into_iter().map(delete));
        assert_eq!(made, [delete("a".into())]);
    }
}
