//! Stores in memory, for a service under test. They keep what the contract promises: versions, conditions, order, times
//! to live by the clock of the test.
//!
//! Every label names a store, and every test has its own, because a test has a thread of its own.

#[cfg(test)]
mod tests;

use super::{Action, Change, Condition, Entry, Error, Page, Projection, Range, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

/// How long a value may live, if it ends at all.
const TTL_MS: RangeInclusive<u128> = 1..=10 * 365 * 24 * 3600 * 1000;

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
    values: BTreeMap<String, Stored>,
    /// Counts the changes that were applied, and numbers the versions.
    version: u64,
    refusals: VecDeque<Error>,
}

struct Stored {
    bytes: Vec<u8>,
    version: u64,
    /// In milliseconds since 1970; none if it does not end.
    end: Option<u64>,
}

impl Stored {
    fn lives(&self) -> bool {
        self.end.is_none_or(|end| end > now())
    }

    fn value(&self) -> Value {
        let left = |end: u64| Duration::from_millis(end.saturating_sub(now()));
        Value {
            bytes: self.bytes.clone(),
            version: self.version,
            expires_in: self.end.map(left),
        }
    }
}

fn now() -> u64 {
    crate::clock::now().unix_ms()
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
        Ok(self.data.borrow().live(key).map(Stored::value))
    }

    /// The values of up to 1000 keys, in the order of `keys`, all from one moment.
    pub async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<Value>>, Error> {
        let data = self.data.borrow();
        Ok(keys
            .iter()
            .map(|key| data.live(key).map(Stored::value))
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

    /// Makes all changes, or none: up to 1000, each key once. Answers the version of every value that it set.
    pub async fn apply(&self, changes: Vec<Change>) -> Result<u64, Error> {
        let mut data = self.data.borrow_mut();
        if let Some(refusal) = data.refusals.pop_front() {
            return Err(refusal);
        }
        changes.iter().try_for_each(check_ttl)?;
        if let Some(change) = changes.iter().find(|change| !data.allows(change)) {
            return Err(Error::Conflict(change.key.clone()));
        }
        data.version += 1;
        for change in changes {
            data.make(change);
        }
        Ok(data.version)
    }

    /// Adds to a decimal number, in one step; a key without a value counts as 0. Answers the sum, which
    /// lives as long as the number did.
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        let number = self.data.borrow().number(key)?;
        let sum = number
            .checked_add(delta)
            .ok_or_else(|| Error::Invalid(format!("the sum of {key} does not fit")))?;
        let end = self.data.borrow().live(key).and_then(|stored| stored.end);
        self.apply(vec![Change::set(key, sum.to_string())]).await?;
        self.data.borrow_mut().end(key, end);
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

fn check_ttl(change: &Change) -> Result<(), Error> {
    let ttl = match &change.action {
        Action::SetExpiring { ttl, .. } => Some(ttl),
        Action::Expire(ttl) => ttl.as_ref(),
        Action::Set(_) | Action::Delete => None,
    };
    match ttl.is_none_or(|ttl| TTL_MS.contains(&ttl.as_millis())) {
        true => Ok(()),
        false => Err(Error::Invalid("a value lives for 1 ms to 10 years".into())),
    }
}

/// The end of what lives for so long from now on.
fn end(ttl: Duration) -> u64 {
    now().saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
}

impl Data {
    /// What a key has, if that has not ended.
    fn live(&self, key: &str) -> Option<&Stored> {
        self.values.get(key).filter(|stored| stored.lives())
    }

    fn entries(&self, range: &Range) -> Vec<Entry> {
        let after = range.after.as_deref().unwrap_or("");
        self.values
            .iter()
            .filter(|(key, _)| key.starts_with(&range.prefix) && key.as_str() > after)
            .filter(|(_, stored)| stored.lives())
            .map(|(key, stored)| Entry {
                key: key.clone(),
                value: (range.projection == Projection::Values).then(|| stored.value()),
            })
            .collect()
    }

    fn allows(&self, change: &Change) -> bool {
        let stored = self.live(&change.key);
        match change.condition {
            Condition::Always => true,
            Condition::Absent => stored.is_none(),
            Condition::Present => stored.is_some(),
            Condition::Version(version) => stored.is_some_and(|value| value.version == version),
        }
    }

    fn make(&mut self, change: Change) {
        match change.action {
            Action::Set(bytes) => self.set(change.key, bytes, None),
            Action::SetExpiring { bytes, ttl } => self.set(change.key, bytes, Some(end(ttl))),
            Action::Expire(ttl) => self.end(&change.key, ttl.map(end)),
            Action::Delete => {
                self.values.remove(&change.key);
            }
        }
    }

    fn set(&mut self, key: String, bytes: Vec<u8>, end: Option<u64>) {
        let stored = Stored {
            bytes,
            version: self.version,
            end,
        };
        self.values.insert(key, stored);
    }

    /// Changes the end of what a key has, if that has not ended yet.
    fn end(&mut self, key: &str, end: Option<u64>) {
        let stored = self.values.get_mut(key).filter(|stored| stored.lives());
        if let Some(stored) = stored {
            stored.end = end;
        }
    }

    fn number(&self, key: &str) -> Result<i64, Error> {
        let Some(value) = self.live(key) else {
            return Ok(0);
        };
        let number = std::str::from_utf8(&value.bytes)
            .ok()
            .and_then(|text| text.parse().ok());
        number.ok_or_else(|| Error::Invalid(format!("{key} is no number")))
    }
}
