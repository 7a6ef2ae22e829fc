//! Between the generated types and ours, which exist without a host too.

use super::bindings::stoa::keyvalue::types;
use crate::keyvalue::{Action, Change, Condition, Entry, Error, Page, Projection, Range, Value};
use std::time::Duration;

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::NoSuchStore => Self::NoSuchStore,
            types::Error::Denied(what) => Self::Denied(what),
            types::Error::Invalid(what) => Self::Invalid(what),
            types::Error::TooLarge(limit) => Self::TooLarge { limit },
            types::Error::Conflict(key) => Self::Conflict(key),
            types::Error::Quota(what) => Self::Quota(what),
            types::Error::Deadline => Self::Deadline,
            types::Error::Unavailable => Self::Unavailable,
            types::Error::Other(failure) => Self::Other {
                code: failure.code,
                message: failure.message,
            },
        }
    }
}

impl From<types::Value> for Value {
    fn from(value: types::Value) -> Self {
        Self {
            bytes: value.bytes,
            version: value.version,
            expires_in: value.expires_in_ms.map(Duration::from_millis),
        }
    }
}

impl From<types::Page> for Page {
    fn from(page: types::Page) -> Self {
        Self {
            entries: page.entries.into_iter().map(Entry::from).collect(),
            next: page.next,
        }
    }
}

impl From<types::Entry> for Entry {
    fn from(entry: types::Entry) -> Self {
        Self {
            key: entry.key,
            value: entry.value.map(Value::from),
        }
    }
}

impl From<Range> for types::Range {
    fn from(range: Range) -> Self {
        let projection = match range.projection {
            Projection::Keys => types::Projection::Keys,
            Projection::Values => types::Projection::Values,
        };
        Self {
            prefix: range.prefix,
            after: range.after,
            limit: range.limit,
            projection,
        }
    }
}

impl From<Change> for types::Change {
    fn from(change: Change) -> Self {
        Self {
            key: change.key,
            condition: change.condition.into(),
            action: change.action.into(),
        }
    }
}

impl From<Condition> for types::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Always => Self::Always,
            Condition::Absent => Self::Absent,
            Condition::Present => Self::Present,
            Condition::Version(version) => Self::Version(version),
        }
    }
}

impl From<Action> for types::Action {
    fn from(action: Action) -> Self {
        match action {
            Action::Set(bytes) => Self::Set(bytes),
            Action::SetExpiring { bytes, ttl } => Self::SetExpiring(types::Expiring {
                value: bytes,
                ttl_ms: milliseconds(ttl),
            }),
            Action::Expire(ttl) => Self::Expire(ttl.map(milliseconds)),
            Action::Delete => Self::Delete,
        }
    }
}

/// What is longer than the host can count is longer than it takes.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
