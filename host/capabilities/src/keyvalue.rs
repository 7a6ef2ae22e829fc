//! Keys and values: the trait every backend implements and the handle a component is given.
//!
//! The order of this module is the order a later noun copies: error, values, trait, configuration, handle.

pub mod config;
pub mod conformance;
pub mod embedded;
mod handle;

pub use config::Config;
pub use handle::Handle;

use std::time::Duration;

/// A key holds at most so many bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 1024;
/// A value holds at most so many bytes.
pub const VALUE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// One call names at most so many keys.
pub const KEYS_PER_CALL_MAX: usize = 1000;
/// The values that one call carries, in or out, hold at most so many bytes together.
pub const CALL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The calls of one component on one store hold at most so many bytes in this host at once. A call alone fits several
/// times; thousands of large ones, which one instance can start without waiting, do not.
pub const HELD_BYTES_MAX: usize = 256 * 1024 * 1024;
/// A page of a listing ends early when its values have grown to this.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// A value lives at least so long. It is also the unit that a time to live is counted in.
pub const TTL_MIN: Duration = Duration::from_millis(1);
/// A value that ends at all lives at most so long: ten years of 365 days.
pub const TTL_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Why an operation did not happen. Variants are what a guest can do something about; what went wrong inside the host
/// is logged where it happened and leaves as [`Error::Unavailable`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The grant does not allow it.
    #[error("not granted: {0}")]
    Denied(String),
    /// The request is wrong in itself.
    #[error("{0}")]
    Invalid(String),
    /// A key, value or batch is over its limit, in bytes.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit: usize,
    },
    /// A condition did not hold.
    #[error("the condition on `{key}` did not hold")]
    Conflict {
        /// The key whose condition failed.
        key: String,
    },
    /// What the grant allows is used up.
    #[error("the quota `{0}` is used up")]
    Quota(&'static str),
    /// No answer within the store's deadline; a write may have happened. Retryable.
    #[error("no answer within {limit:?}")]
    Deadline {
        /// The deadline that passed.
        limit: Duration,
    },
    /// Cannot be reached, is full or overloaded; a write may have happened. Retryable.
    #[error("the store is unavailable")]
    Unavailable,
}

impl Error {
    /// A short stable word for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Invalid(_) => "invalid",
            Self::TooLarge { .. } => "too-large",
            Self::Conflict { .. } => "conflict",
            Self::Quota(_) => "quota",
            Self::Deadline { .. } => "deadline",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Changes with every write of a key and is never used again for that key.
pub type Version = u64;

/// A stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The bytes, at most [`VALUE_BYTES_MAX`].
    pub bytes: Vec<u8>,
    /// The write that stored them.
    pub version: Version,
    /// How long they live from now on, at least [`TTL_MIN`]; `None` if they do not end.
    pub expires_in: Option<Duration>,
}

/// What a listing brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// Keys alone.
    Keys,
    /// Keys and values.
    Values,
}

/// A part of a store, in the order of the keys' UTF-8 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Only keys that start with this.
    pub prefix: String,
    /// Only keys greater than this.
    pub after: Option<String>,
    /// At most so many entries, 1 to [`KEYS_PER_CALL_MAX`].
    pub limit: usize,
    /// What to bring.
    pub projection: Projection,
}

/// One key of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value, where the range asked for values.
    pub value: Option<Value>,
}

/// A page of a listing: shorter than asked for when it grew to [`PAGE_BYTES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// In key order.
    pub entries: Vec<Entry>,
    /// The `after` of the next page; `None` exactly if this is the last.
    pub next: Option<String>,
}

/// What must hold for a change to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Always,
    /// The key has no value.
    Absent,
    /// The key has a value.
    Present,
    /// The key's value has this version.
    Version(Version),
}

/// What becomes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It gets this value, which does not end.
    Set(Vec<u8>),
    /// It gets this value for so long.
    SetExpiring {
        /// The value.
        bytes: Vec<u8>,
        /// From the write on, [`TTL_MIN`] to [`TTL_MAX`]; whole milliseconds count.
        ttl: Duration,
    },
    /// It loses its value, if it has one.
    Delete,
    /// Its value, if it has one, lives for so long from now on; `None`: it does not end. Value and version stay.
    Expire(Option<Duration>),
}

impl Action {
    /// The value it stores, if it stores one.
    pub fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Set(bytes) | Self::SetExpiring { bytes, .. } => Some(bytes),
            Self::Delete | Self::Expire(_) => None,
        }
    }

    /// The time to live it sets, if it sets one.
    pub fn ttl(&self) -> Option<Duration> {
        match self {
            Self::SetExpiring { ttl, .. } => Some(*ttl),
            Self::Expire(ttl) => *ttl,
            Self::Set(_) | Self::Delete => None,
        }
    }
}

/// One change of an atomic batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Checked before any change of the batch is made.
    pub condition: Condition,
    /// What becomes of the key.
    pub action: Action,
}

/// A store of keys and values, without grants: what a backend implements.
///
/// Callers have checked sizes, counts and limits ([`Handle`] does); a backend may rely on them. A backend bounds its
/// own waiting, and what it acknowledges is durable in its class. A value whose time to live is over, by the clock of
/// the backend, is none for any of these, whether or not it was removed.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// The values of `keys`, in their order, all from one moment; [`Error::TooLarge`] where they are together over
    /// [`CALL_BYTES_MAX`].
    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<Value>>, Error>;

    /// A page of a listing.
    async fn list(&self, range: Range) -> Result<Page, Error>;

    /// Checks all conditions, then makes all changes, or none. Answers the version of all values that it set.
    async fn apply(&self, changes: Vec<Change>) -> Result<Version, Error>;

    /// Adds `delta` to a decimal number and answers the sum. A value that is no number, or a sum that does not fit, is
    /// [`Error::Invalid`]. The sum lives as long as the number did; a number that was not there does not end.
    async fn increment(&self, key: String, delta: i64) -> Result<i64, Error>;

    /// How many bytes the keys that start with `prefix` and their values hold.
    async fn usage(&self, prefix: String) -> Result<u64, Error>;
}
