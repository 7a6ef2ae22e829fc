//! Stores in memory, for a service under test. They keep what the contract promises: versions, conditions, order.
//!
//! Every label names a store, and every test has its own, because a test has a thread of its own.

use super::{Action, Change, Condition, Entry, Error, Page, Projection, Range, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

thread_local! {
    static STORES: RefCell<BTreeMap<String, Rc<RefCell<Data>>>> = const { RefCell::new(BTreeMap::new()) };
}

/// A store this component was granted.
pub struct Store {
    label: String,
    data: Rc<RefCell<Data>>,
}

#[derive(Default)]
struct Data {
    values: BTreeMap<String, Value>,
    /// Counts the changes that were applied, and numbers the versions.
    version: u64,
    refusals: VecDeque<Error>,
}

impl Store {
    /// Opens the store that was granted under `label`. Never waits.
    pub fn open(label: &str) -> Result<Self, Error> {
        let data =
            STORES.with_borrow_mut(|stores| Rc::clone(stores.entry(label.to_owned()).or_default()));
        Ok(Self {
            label: label.to_owned(),
            data,
        })
    }

    /// The label it was opened under.
    pub fn label(&self) -> String {
        self.label.clone()
    }

    /// The value of one key.
    pub async fn get(&self, key: &str) -> Result<Option<Value>, Error> {
        Ok(self.data.borrow().values.get(key).cloned())
    }

    /// The values of up to 1000 keys, in the order of `keys`, all from one moment.
    pub async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<Value>>, Error> {
        let data = self.data.borrow();
        Ok(keys
            .iter()
            .map(|key| data.values.get(key).cloned())
            .collect())
    }

    /// One page of keys, with or without their values.
    pub async fn list(&self, range: Range) -> Result<Page, Error> {
        let limit = usize::try_from(range.limit).unwrap_or(usize::MAX);
        let mut entries = self.data.borrow().entries(&range);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries
            .last()
            .filter(|_| more)
            .map(|entry| entry.key.clone());
        Ok(Page { entries, next })
    }

    /// Makes all changes, or none: up to 1000, each key once. Answers the version that every written key now has.
    pub async fn apply(&self, changes: Vec<Change>) -> Result<u64, Error> {
        let mut data = self.data.borrow_mut();
        if let Some(refusal) = data.refusals.pop_front() {
            return Err(refusal);
        }
        if let Some(change) = changes.iter().find(|change| !data.allows(change)) {
            return Err(Error::Conflict(change.key.clone()));
        }
        data.version += 1;
        for change in changes {
            data.make(change);
        }
        Ok(data.version)
    }

    /// Adds to a decimal number, in one step; a key without a value counts as 0. Answers the sum.
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        let sum = self.data.borrow().number(key)? + delta;
        self.apply(vec![Change::set(key, sum.to_string())]).await?;
        Ok(sum)
    }

    /// Answers the next `apply` with this error.
    pub(crate) fn refuse(&self, error: Error) {
        self.data.borrow_mut().refusals.push_back(error);
    }

    /// How many times something was applied.
    pub(crate) fn applied(&self) -> u64 {
        self.data.borrow().version
    }
}

impl Data {
    fn entries(&self, range: &Range) -> Vec<Entry> {
        let after = range.after.as_deref().unwrap_or("");
        self.values
            .iter()
            .filter(|(key, _)| key.starts_with(&range.prefix) && key.as_str() > after)
            .map(|(key, value)| Entry {
                key: key.clone(),
                value: (range.projection == Projection::Values).then(|| value.clone()),
            })
            .collect()
    }

    fn allows(&self, change: &Change) -> bool {
        let stored = self.values.get(&change.key);
        match change.condition {
            Condition::Always => true,
            Condition::Absent => stored.is_none(),
            Condition::Present => stored.is_some(),
            Condition::Version(version) => stored.is_some_and(|value| value.version == version),
        }
    }

    fn make(&mut self, change: Change) {
        match change.action {
            Action::Set(bytes) => {
                self.values.insert(
                    change.key,
                    Value {
                        bytes,
                        version: self.version,
                    },
                );
            }
            Action::Delete => {
                self.values.remove(&change.key);
            }
        }
    }

    fn number(&self, key: &str) -> Result<i64, Error> {
        let Some(value) = self.values.get(key) else {
            return Ok(0);
        };
        let number = std::str::from_utf8(&value.bytes)
            .ok()
            .and_then(|text| text.parse().ok());
        number.ok_or_else(|| Error::Invalid(format!("{key} is no number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::block_on;

    fn store() -> Store {
        Store::open("any").expect("every label is granted")
    }

    #[test]
    fn nothing_is_changed_when_one_condition_does_not_hold() {
        let store = store();
        let changes = vec![
            Change::set("a", "1"),
            Change::set("b", "1").when(Condition::Present),
        ];
        assert_eq!(
            block_on(store.apply(changes)),
            Err(Error::Conflict("b".to_owned()))
        );
        assert_eq!(block_on(store.get("a")), Ok(None));
    }

    #[test]
    fn a_version_is_never_used_again() {
        let store = store();
        let first = block_on(store.set("a", "1")).expect("set");
        block_on(store.delete("a")).expect("delete");
        let second = block_on(store.set("a", "1")).expect("set");
        assert_ne!(first, second);
    }

    #[test]
    fn a_listing_goes_on_where_the_page_before_ended() {
        let store = store();
        for key in ["p/1", "p/2", "q/1"] {
            block_on(store.set(key, "v")).expect("set");
        }
        let first = block_on(store.list(Range::prefix("p/").limit(1))).expect("list");
        assert_eq!(first.next.as_deref(), Some("p/1"));
        let last = block_on(store.list(Range::prefix("p/").after(first.next))).expect("list");
        assert_eq!(last.entries.len(), 1);
        assert_eq!(last.next, None);
    }

    #[test]
    fn what_is_no_number_is_not_incremented() {
        let store = store();
        assert_eq!(block_on(store.increment("n", 2)), Ok(2));
        block_on(store.set("n", "two")).expect("set");
        assert!(matches!(
            block_on(store.increment("n", 1)),
            Err(Error::Invalid(_))
        ));
    }
}
