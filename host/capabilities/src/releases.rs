//! The history of what serves: releases of the application, the changes from one to another, and the files of them all.
//!
//! A noun of the host itself: no component is granted it. A release never changes once it is written. What serves is
//! what the latest [`Change`] says, and changes are only ever appended, by compare-and-swap on their version: of two at
//! once one wins, and the other is told what came first.

pub mod config;
pub mod conformance;
mod digest;
pub mod embedded;

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

pub use config::Config;
pub use digest::{Digest, InvalidDigest};

/// A file holds at most so many bytes.
pub const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// A page of a listing holds at most so many entries, whatever was asked for.
pub const PAGE_MAX: usize = 1000;
/// Entries of the audit log that [`Store::prune`] leaves.
pub const AUDIT_KEPT: u64 = 100_000;
/// Files younger than this, in seconds, are not pruned: a deploy uploads before it publishes.
pub const UPLOAD_KEPT_SECONDS: u64 = 3600;

/// What went wrong below.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The latest change is another than expected.
    #[error("{}", overtaken(.current.as_deref()))]
    Conflict {
        /// The latest change; none if there is no change yet.
        current: Option<Box<Change>>,
    },
    /// There is no release of this number.
    #[error("there is no release {0}")]
    UnknownRelease(u64),
    /// A change names the release that is written with it, and none is.
    #[error("the change names a new release, but none comes with it")]
    NothingNew,
    /// These files are not there.
    #[error("{} not there", files(.0.len()))]
    Missing(Vec<Digest>),
    /// The bytes are those of another file.
    #[error("the bytes are those of {actual}, not of {claimed}")]
    Mismatch {
        /// The file that they were said to be.
        claimed: Digest,
        /// The file that they are.
        actual: Digest,
    },
    /// A file is over its limit.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit: usize,
    },
    /// A file has other bytes than when it was stored.
    #[error("the file {0} is damaged")]
    Damaged(Digest),
    /// The store cannot be reached, or failed. A change may have happened: [`Store::current`] tells. Retryable.
    #[error("the release history is unavailable")]
    Unavailable(#[source] BoxError),
}

fn overtaken(current: Option<&Change>) -> String {
    match current {
        Some(change) => format!("another change came first, version {}", change.version),
        None => "there is no change yet".to_owned(),
    }
}

fn files(count: usize) -> String {
    match count {
        1 => "a file is".to_owned(),
        _ => format!("{count} files are"),
    }
}

impl Error {
    /// A short stable word for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::UnknownRelease(_) => "unknown-release",
            Self::NothingNew => "nothing-new",
            Self::Missing(_) => "missing",
            Self::Mismatch { .. } => "mismatch",
            Self::TooLarge { .. } => "too-large",
            Self::Damaged(_) => "damaged",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// A bundle with a number. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// From 1 on, by one; never given twice.
    pub number: u64,
    /// JSON, opaque to the store.
    pub bundle: String,
    /// When it was written, in milliseconds since 1970 by the store's clock.
    pub at_ms: u64,
    /// Who wrote it.
    pub by: String,
    /// Why, for people.
    pub note: String,
}

/// A release that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRelease {
    /// JSON, opaque to the store.
    pub bundle: String,
    /// Every file that the bundle needs. One named twice counts once.
    pub files: Vec<Digest>,
    /// Who writes it.
    pub by: String,
    /// Why, for people.
    pub note: String,
}

/// One change of what serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// From 1 on, by one; never given twice.
    pub version: u64,
    /// The release that serves.
    pub stable: u64,
    /// The release that is about to.
    pub candidate: Option<u64>,
    /// By what the candidate gets its requests: JSON, opaque to the store.
    pub plan: String,
    /// What made it.
    pub cause: Cause,
    /// Why, for people.
    pub reason: String,
    /// When it was written, in milliseconds since 1970 by the store's clock.
    pub at_ms: u64,
    /// Who made it.
    pub by: String,
}

impl Change {
    /// Whether it is said to serve: nobody removes its files then.
    pub fn names(&self, release: u64) -> bool {
        self.stable == release || self.candidate == Some(release)
    }
}

/// A change that is to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    /// The release that serves from now on.
    pub stable: Which,
    /// The release that is about to.
    pub candidate: Option<Which>,
    /// By what the candidate gets its requests: JSON, opaque to the store.
    pub plan: String,
    /// What makes it.
    pub cause: Cause,
    /// Why, for people.
    pub reason: String,
    /// Who makes it.
    pub by: String,
}

/// A release that a change names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that is written with this change.
    New,
    /// One that was written before.
    Number(u64),
}

/// What makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The start of a host with a manifest.
    Up,
    /// A deploy.
    Deploy,
    /// The next step of a canary.
    Step,
    /// The candidate becomes stable.
    Promote,
    /// Back to a release from before.
    Rollback,
    /// The same, by the guard of a canary.
    Guard,
}

impl Cause {
    const ALL: [Self; 6] = [
        Self::Up,
        Self::Deploy,
        Self::Step,
        Self::Promote,
        Self::Rollback,
        Self::Guard,
    ];

    /// A short stable word: stores keep it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Deploy => "deploy",
            Self::Step => "step",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Guard => "guard",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No cause has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no cause of a change")]
pub struct UnknownCause(String);

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(name: &str) -> Result<Self, UnknownCause> {
        let named = Self::ALL.into_iter().find(|cause| cause.as_str() == name);
        named.ok_or_else(|| UnknownCause(name.to_owned()))
    }
}

/// A call that wanted to change something, refused ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Grows from entry to entry; never given twice.
    pub number: u64,
    /// When it was recorded, in milliseconds since 1970 by the store's clock.
    pub at_ms: u64,
    /// Who called.
    pub by: String,
    /// From where.
    pub from: String,
    /// What was asked for.
    pub action: String,
    /// What became of it.
    pub outcome: String,
}

/// An entry of the audit log that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAudit {
    /// Who called.
    pub by: String,
    /// From where.
    pub from: String,
    /// What was asked for.
    pub action: String,
    /// What became of it.
    pub outcome: String,
}

/// The history of a host, or of a fleet that shares one.
///
/// What it acknowledges survives the loss of power. A call bounds its own waiting, except [`Self::newer`]. A call whose
/// caller has given up may still happen.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// The latest change: what serves.
    async fn current(&self) -> Result<Option<Change>, Error>;

    /// Appends a change if `expected` is still the latest version (0: there is none yet), else [`Error::Conflict`].
    /// With `release`, writes it in the same transaction under the next number. All files of a release that does not serve
    /// yet must be there, else [`Error::Missing`]. What is refused leaves nothing. It is durable before it is answered.
    async fn publish(
        &self,
        expected: u64,
        release: Option<NewRelease>,
        change: NewChange,
    ) -> Result<Change, Error>;

    /// A release by its number.
    async fn release(&self, number: u64) -> Result<Option<Release>, Error>;

    /// A page of releases with numbers below `before`, newest first; at most [`PAGE_MAX`].
    async fn releases(&self, before: Option<u64>, limit: usize) -> Result<Vec<Release>, Error>;

    /// A page of changes with versions below `before`, newest first; at most [`PAGE_MAX`].
    async fn changes(&self, before: Option<u64>, limit: usize) -> Result<Vec<Change>, Error>;

    /// Returns when the latest version is above `version`, at once if it is. While the store cannot be reached, it goes
    /// on waiting: how long is its caller's to decide, who may drop it at any time.
    async fn newer(&self, version: u64) -> Result<(), Error>;

    /// Those of these files that are not there, each once, in the order of their first mention.
    async fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, Error>;

    /// Stores a file; one that is there is stored anew. Refuses bytes of another digest, and more than
    /// [`FILE_BYTES_MAX`]. It is durable before it is answered, and never seen half.
    async fn put(&self, digest: Digest, bytes: Bytes) -> Result<(), Error>;

    /// The bytes of a file, checked against its digest: [`Error::Missing`] or [`Error::Damaged`].
    async fn get(&self, digest: Digest) -> Result<Bytes, Error>;

    /// Adds an entry to the audit log.
    async fn record(&self, entry: NewAudit) -> Result<(), Error>;

    /// A page of the audit log with numbers below `before`, newest first; at most [`PAGE_MAX`].
    async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<Audit>, Error>;

    /// Removes the files that neither the newest `releases_kept` releases need, nor those that serve, nor the stable one
    /// before, and that were not uploaded in the last [`UPLOAD_KEPT_SECONDS`]; and all but the newest [`AUDIT_KEPT`]
    /// audit entries. Answers how many files went. A release whose files are gone stays in the list.
    async fn prune(&self, releases_kept: u64) -> Result<u64, Error>;
}

/// Those of `asked` that `held` does not have, each once, in their order: what backends answer with.
pub fn absent(asked: &[Digest], held: impl Fn(&Digest) -> bool) -> Vec<Digest> {
    let mut seen = std::collections::HashSet::new();
    let asked = asked.iter().copied();
    asked
        .filter(|digest| seen.insert(*digest) && !held(digest))
        .collect()
}

/// Refuses bytes of another digest: what backends ask before they store.
pub fn verify(claimed: Digest, bytes: &[u8]) -> Result<(), Error> {
    let actual = Digest::of(bytes);
    match actual == claimed {
        true => Ok(()),
        false => Err(Error::Mismatch { claimed, actual }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_is_none_is_refused() {
        assert_eq!(
            "Deploy".parse::<Cause>(),
            Err(UnknownCause("Deploy".into()))
        );
        assert!("".parse::<Cause>().is_err());
    }

    #[test]
    fn every_cause_is_read_from_its_word() {
        for cause in Cause::ALL {
            assert_eq!(cause.as_str().parse(), Ok(cause));
        }
    }

    #[test]
    fn what_is_absent_is_named_once_and_in_order() {
        let [a, b, c] = ["a", "b", "c"].map(|text| Digest::of(text.as_bytes()));
        assert_eq!(absent(&[c, a, c, b, a], |it| *it == b), [c, a]);
    }

    #[test]
    fn a_conflict_names_what_came_first() {
        let none = Error::Conflict { current: None };
        assert_eq!(none.to_string(), "there is no change yet");
        assert_eq!(
            Error::Missing(Vec::new()).to_string(),
            "0 files are not there"
        );
    }
}
