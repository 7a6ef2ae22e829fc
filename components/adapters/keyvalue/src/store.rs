//! The operations, once for guests that block and for those that do not.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::bindings::exports::stoa::keyvalue::types::{
    Action, Change, Condition, Entry, Error, Page, Projection, Range, Value,
};
use crate::bindings::wasi::keyvalue::atomics::{self, Cas, CasError};
use crate::bindings::wasi::keyvalue::store::{self, Bucket};
use crate::refusal::{foreign, not_portable, too_many_keys};
use crate::{frame, page};

/// A key holds at most so many bytes.
const KEY_BYTES_MAX: usize = 1024;
/// A value holds at most so many bytes: what Stoa's own stores take, without what goes before it.
const VALUE_BYTES_MAX: usize = 4 * 1024 * 1024 - frame::HEAD_BYTES;
/// A listing answers at most so many entries.
const ENTRIES_MAX: u32 = 1000;
/// A page ends early when its values have grown to this.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// A store is listed if it has at most so many keys: they are all read for each page.
const KEYS_READ_MAX: usize = 100_000;
/// How often a swap is tried when others write in between.
const SWAPS_MAX: usize = 16;

thread_local! {
    /// What was opened, by label: as many as the manifest lists, at most. Opening again asks nobody, because it may be done
    /// while another call is under way.
    static BUCKETS: RefCell<BTreeMap<String, Rc<Bucket>>> = const { RefCell::new(BTreeMap::new()) };
    /// Whether the host is being asked something.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// An open store.
pub(crate) struct Store {
    label: String,
    bucket: Rc<Bucket>,
}

impl Store {
    pub(crate) fn open(label: String) -> Result<Self, Error> {
        if let Some(bucket) = BUCKETS.with_borrow(|buckets| buckets.get(&label).cloned()) {
            return Ok(Self { label, bucket });
        }
        let bucket = alone(|| store::open(&label))?.map_err(|error| match error {
            // What was not granted and what is not there are the same to a guest.
            store::Error::AccessDenied | store::Error::NoSuchStore => Error::NoSuchStore,
            error => error.into(),
        })?;
        let bucket = Rc::new(bucket);
        BUCKETS.with_borrow_mut(|buckets| buckets.insert(label.clone(), Rc::clone(&bucket)));
        Ok(Self { label, bucket })
    }

    pub(crate) fn label(&self) -> String {
        self.label.clone()
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Value>, Error> {
        check_key(key)?;
        self.read(key)
    }

    pub(crate) fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Value>>, Error> {
        match keys {
            [] => Err(Error::Invalid("a call names at least one key".to_owned())),
            [key] => Ok(vec![self.get(key)?]),
            _ => Err(not_portable("reading several keys at one moment")),
        }
    }

    pub(crate) fn list(&self, range: &Range) -> Result<Page, Error> {
        if !(1..=ENTRIES_MAX).contains(&range.limit) {
            let message = format!("the limit of a listing is 1 to {ENTRIES_MAX}");
            return Err(Error::Invalid(message));
        }
        let (keys, more) = self.keys(range)?;
        match range.projection {
            Projection::Keys => Ok(keys_alone(keys, more)),
            Projection::Values => self.with_values(keys, more),
        }
    }

    pub(crate) fn apply(&self, changes: Vec<Change>) -> Result<u64, Error> {
        match <[Change; 1]>::try_from(changes) {
            Ok([change]) => self.change(change),
            Err(changes) if changes.is_empty() => Err(Error::Invalid(
                "a call makes at least one change".to_owned(),
            )),
            Err(_) => Err(not_portable("making several changes or none")),
        }
    }

    pub(crate) fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        check_key(key)?;
        let absent = not_portable("counting from a key without a value");
        let add = |current: Value| -> Result<(Vec<u8>, i64), Error> {
            let sum = number(&current.bytes).and_then(|number| number.checked_add(delta));
            let sum = sum.ok_or_else(|| {
                Error::Invalid(format!(
                    "the value of `{key}` is no number, or the sum does not fit"
                ))
            })?;
            Ok((sum.to_string().into_bytes(), sum))
        };
        let (_, sum) = self.update(key, absent, add)?;
        Ok(sum)
    }

    fn read(&self, key: &str) -> Result<Option<Value>, Error> {
        let stored = alone(|| self.bucket.get(key))??;
        stored.map(|stored| opened(key, stored)).transpose()
    }

    /// All keys pass by; what is kept is bounded.
    fn keys(&self, range: &Range) -> Result<(Vec<String>, bool), Error> {
        let limit = usize::try_from(range.limit).expect("a limit that was checked is small");
        let mut page = page::Page::new(&range.prefix, range.after.as_deref(), limit);
        let (mut cursor, mut read) = (None::<String>, 0);
        loop {
            let listed = alone(|| self.bucket.list_keys(cursor.as_deref()))??;
            read += listed.keys.len();
            if read > KEYS_READ_MAX {
                return Err(too_many_keys(KEYS_READ_MAX));
            }
            listed.keys.into_iter().for_each(|key| page.offer(key));
            if listed.cursor.is_none() {
                return Ok(page.finish());
            }
            cursor = listed.cursor;
        }
    }

    fn with_values(&self, keys: Vec<String>, mut more: bool) -> Result<Page, Error> {
        let (mut entries, mut bytes, mut last) = (Vec::new(), 0, None);
        let mut keys = keys.into_iter();
        for key in keys.by_ref() {
            last = Some(key.clone());
            // A key that went away since it was listed is left out.
            if let Some(value) = self.read(&key)? {
                bytes += value.bytes.len();
                entries.push(Entry {
                    key,
                    value: Some(value),
                });
            }
            if bytes >= PAGE_BYTES_MAX {
                break;
            }
        }
        more |= keys.next().is_some();
        Ok(Page {
            entries,
            next: last.filter(|_| more),
        })
    }

    fn change(&self, change: Change) -> Result<u64, Error> {
        let Change {
            key,
            condition,
            action,
        } = change;
        check_key(&key)?;
        let bytes = match action {
            Action::Delete => return self.delete(&key, condition),
            Action::Set(bytes) => checked(bytes)?,
            Action::SetExpiring(_) | Action::Expire(_) => {
                return Err(not_portable("values that expire"));
            }
        };
        match condition {
            Condition::Always => self.set(&key, &bytes),
            Condition::Absent => Err(not_portable("writing only where there is no value")),
            Condition::Present => self.replace(&key, bytes, |_| true),
            Condition::Version(version) => {
                self.replace(&key, bytes, |current| current.version == version)
            }
        }
    }

    fn set(&self, key: &str, bytes: &[u8]) -> Result<u64, Error> {
        let version = new_version();
        let sealed = frame::seal(version, bytes);
        alone(|| self.bucket.set(key, &sealed))??;
        Ok(version)
    }

    fn delete(&self, key: &str, condition: Condition) -> Result<u64, Error> {
        match condition {
            Condition::Always => {
                alone(|| self.bucket.delete(key))??;
                Ok(new_version())
            }
            Condition::Absent | Condition::Present | Condition::Version(_) => {
                Err(not_portable("deleting on a condition"))
            }
        }
    }

    /// Replaces a value if it holds, in one step.
    fn replace(
        &self,
        key: &str,
        bytes: Vec<u8>,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<u64, Error> {
        let conflict = || Error::Conflict(key.to_owned());
        let replace = |current: Value| match holds(&current) {
            true => Ok((bytes.clone(), ())),
            false => Err(conflict()),
        };
        let (version, ()) = self.update(key, conflict(), replace)?;
        Ok(version)
    }

    /// Replaces a value by what is made of it. If somebody writes in between, it begins anew with what they wrote.
    /// Never swaps where there was no value: Spin's store overwrites what appeared there meanwhile.
    fn update<T>(
        &self,
        key: &str,
        absent: Error,
        make: impl Fn(Value) -> Result<(Vec<u8>, T), Error>,
    ) -> Result<(u64, T), Error> {
        for _ in 0..SWAPS_MAX {
            let cas = alone(|| Cas::new(&self.bucket, key))??;
            let Some(stored) = alone(|| cas.current())?? else {
                return Err(absent);
            };
            let (bytes, answer) = make(opened(key, stored)?)?;
            let version = new_version();
            let sealed = frame::seal(version, &bytes);
            match alone(|| atomics::swap(cas, &sealed))? {
                Ok(()) => return Ok((version, answer)),
                Err(CasError::CasFailed(_)) => {}
                Err(CasError::StoreError(error)) => return Err(error.into()),
            }
        }
        Err(Error::Unavailable)
    }
}

/// Asks the host, alone: while it waits there, it may let another task of the component in, by an interface that blocks,
/// and what that one asked would wait on the stack of the first. Refused where the host is being asked already.
fn alone<T>(ask: impl FnOnce() -> T) -> Result<T, Error> {
    if BUSY.replace(true) {
        return Err(Error::Invalid(
            "a call that blocks cannot be made while one that waits is under way".to_owned(),
        ));
    }
    let answer = ask();
    BUSY.set(false);
    Ok(answer)
}

fn keys_alone(keys: Vec<String>, more: bool) -> Page {
    let next = keys.last().cloned().filter(|_| more);
    let entry = |key| Entry { key, value: None };
    Page {
        entries: keys.into_iter().map(entry).collect(),
        next,
    }
}

fn opened(key: &str, stored: Vec<u8>) -> Result<Value, Error> {
    let frame::Frame { version, bytes } = frame::open(stored).ok_or_else(|| foreign(key))?;
    Ok(Value {
        bytes,
        version,
        expires_in_ms: None,
    })
}

fn check_key(key: &str) -> Result<(), Error> {
    match key.len() {
        0 => Err(Error::Invalid("a key needs at least one byte".to_owned())),
        1..=KEY_BYTES_MAX => Ok(()),
        _ => Err(Error::TooLarge(KEY_BYTES_MAX as u64)),
    }
}

fn checked(bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    match bytes.len() {
        0..=VALUE_BYTES_MAX => Ok(bytes),
        _ => Err(Error::TooLarge(VALUE_BYTES_MAX as u64)),
    }
}

fn number(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// Two writes have the same version once in 2^64 writes: that never comes back, as far as anybody will see.
fn new_version() -> u64 {
    wasip2::random::random::get_random_u64()
}
