//! Named stores of keys and values: `stoa:keyvalue` as plain Rust.
//!
//! A label names a store that the manifest grants to this component. Nothing here caches or retries: what to do about
//! a [`Error::Conflict`] is the service's decision.

mod error;
#[cfg(not(target_family = "wasm"))]
mod memory;
#[cfg(target_family = "wasm")]
mod wasi;

pub use error::Error;
#[cfg(not(target_family = "wasm"))]
pub use memory::Store;
#[cfg(target_family = "wasm")]
pub use wasi::Store;

use std::time::Duration;

/// A stored value. `version` changes with every write of its key and is never used again for that key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub bytes: Vec<u8>,
    pub version: u64,
    /// How long it lives from now on, in whole milliseconds; `None` if it does not end.
    pub expires_in: Option<Duration>,
}

/// One key of a listing, with its value where the listing asked for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub value: Option<Value>,
}

/// What a listing brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    Keys,
    Values,
}

/// A part of a store in the order of its keys' UTF-8 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Only keys that start with this; empty for all that the grant shows.
    pub prefix: String,
    /// Only keys greater than this one: the `next` of the page before.
    pub after: Option<String>,
    /// At most so many entries, 1 to 1000.
    pub limit: u32,
    pub projection: Projection,
}

/// A page of a listing. It may hold fewer entries than asked for; there are more exactly if `next` is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub entries: Vec<Entry>,
    pub next: Option<String>,
}

/// What must hold for a change to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Always,
    /// The key has no value.
    Absent,
    /// The key has a value, whichever.
    Present,
    /// The key's value has this version.
    Version(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The key gets this value, which does not end.
    Set(Vec<u8>),
    /// The key gets this value for so long: 1 ms to 10 years, counted in whole milliseconds.
    SetExpiring { bytes: Vec<u8>, ttl: Duration },
    /// The key's value lives for so long from now on; `None`: it does not end. The value and its version stay as they
    /// are, and a key without a value is left without.
    Expire(Option<Duration>),
    /// The key loses its value, if it has one.
    Delete,
}

/// What is to become of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: String,
    pub condition: Condition,
    pub action: Action,
}

impl Range {
    /// The first 1000 keys, without their values, that start with `prefix`.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            after: None,
            limit: 1000,
            projection: Projection::Keys,
        }
    }

    /// Goes on after this key.
    #[must_use]
    pub fn after(self, key: Option<String>) -> Self {
        Self { after: key, ..self }
    }

    /// Asks for at most so many entries, 1 to 1000.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// Asks for the values as well.
    #[must_use]
    pub fn with_values(self) -> Self {
        Self {
            projection: Projection::Values,
            ..self
        }
    }
}

impl Change {
    /// Gives the key this value.
    pub fn set(key: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            key: key.into(),
            condition: Condition::Always,
            action: Action::Set(bytes.into()),
        }
    }

    /// Changes how long the key's value lives from now on, and nothing else of it; `None`: it does not end.
    pub fn expire(key: impl Into<String>, ttl: Option<Duration>) -> Self {
        Self {
            key: key.into(),
            condition: Condition::Always,
            action: Action::Expire(ttl),
        }
    }

    /// Takes the key's value away.
    pub fn delete(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            condition: Condition::Always,
            action: Action::Delete,
        }
    }

    /// Lets the value that is set end after so long, 1 ms to 10 years. A change that sets none stays what it is.
    #[must_use]
    pub fn expires_in(self, ttl: Duration) -> Self {
        let action = match self.action {
            Action::Set(bytes) | Action::SetExpiring { bytes, .. } => {
                Action::SetExpiring { bytes, ttl }
            }
            action @ (Action::Expire(_) | Action::Delete) => action,
        };
        Self { action, ..self }
    }

    /// Makes the change, and all that are applied with it, depend on this.
    #[must_use]
    pub fn when(self, condition: Condition) -> Self {
        Self { condition, ..self }
    }
}

impl Store {
    /// Gives a key a value, whatever it had; answers the version of the new value.
    pub async fn set(&self, key: &str, bytes: impl Into<Vec<u8>>) -> Result<u64, Error> {
        self.apply(vec![Change::set(key, bytes)]).await
    }

    /// Takes a key's value away. It is no error if there was none.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        self.apply(vec![Change::delete(key)]).await?;
        Ok(())
    }
}
