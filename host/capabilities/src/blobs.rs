//! Blobs in containers: the traits every backend implements and the handle a component is given.
//!
//! A name is never a path: the rules in [`check`] keep names portable between files, S3 and URLs, and no backend builds a
//! path of one.

pub mod check;
pub mod config;
pub mod conformance;
pub mod embedded;
mod handle;
pub mod presign;

pub use config::Config;
pub use handle::{Handle, Reader, Writer};

use std::time::Duration;

/// A name holds at most so many bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 1024;
/// A blob holds at most so many bytes, whatever the grant says: 5 GiB, which S3 takes in one request.
pub const BLOB_BYTES_MAX: u64 = 5 << 30;
/// One call reads or writes at most so many bytes.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;
/// A page lists at most so many blobs. With all they may say of themselves, that is less than 4 MiB.
pub const ENTRIES_PER_PAGE_MAX: usize = 1000;
/// A content type holds at most so many bytes.
pub const CONTENT_TYPE_BYTES_MAX: usize = 255;
/// A blob has at most so many entries of metadata.
pub const METADATA_ENTRIES_MAX: usize = 32;
/// Keys and values of a blob's metadata hold at most so many bytes together, as in S3.
pub const METADATA_BYTES_MAX: usize = 2048;
/// Readers of one handle that are open at once; as many writers again.
pub const OPEN_MAX: usize = 256;
/// A writer that is not used for so long is aborted.
pub const WRITER_IDLE_MAX: Duration = Duration::from_secs(60);
/// What a blob is whose writer did not say.
pub const CONTENT_TYPE_DEFAULT: &str = "application/octet-stream";

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
    /// A blob, a piece, a name or the metadata is over its limit, in bytes.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit: u64,
    },
    /// There is no such blob.
    #[error("there is no blob `{name}`")]
    NotFound {
        /// The name that stands for nothing.
        name: String,
    },
    /// A condition did not hold.
    #[error("the condition on `{name}` did not hold")]
    Conflict {
        /// The name whose condition failed.
        name: String,
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
            Self::NotFound { .. } => "not-found",
            Self::Conflict { .. } => "conflict",
            Self::Quota(_) => "quota",
            Self::Deadline { .. } => "deadline",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Where a blob lies in a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// As [`stoa_manifest::grants::blobs::is_container`] has it.
    pub container: String,
    /// As [`check::name`] has it.
    pub name: String,
}

/// What is known of a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its name in its container.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// What its writer said that the bytes are.
    pub content_type: String,
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub etag: String,
    /// When it was written, in milliseconds since 1970.
    pub modified: u64,
    /// What its writer said of it, in its order.
    pub metadata: Vec<(String, String)>,
}

/// The bytes of a blob that are wanted. What lies beyond its end is left out, so a part may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// All of them.
    #[default]
    Whole,
    /// From one byte on, `length` at most.
    From {
        /// The first byte.
        offset: u64,
        /// To the end without.
        length: Option<u64>,
    },
    /// So many at the end.
    Last(u64),
}

impl Part {
    /// The bytes of a blob of `size` that it stands for.
    pub fn of(self, size: u64) -> std::ops::Range<u64> {
        match self {
            Self::Whole => 0..size,
            Self::From { offset, length } => {
                let start = offset.min(size);
                let end = length.map_or(size, |length| start.saturating_add(length).min(size));
                start..end
            }
            Self::Last(length) => size.saturating_sub(length)..size,
        }
    }
}

/// A part of a container, in the order of the names' UTF-8 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Only names that start with this.
    pub prefix: String,
    /// Only names greater than this.
    pub after: Option<String>,
    /// At most so many blobs, 1 to [`ENTRIES_PER_PAGE_MAX`].
    pub limit: usize,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// In the order of names.
    pub entries: Vec<Info>,
    /// The `after` of the next page; `None` exactly if this is the last.
    pub next: Option<String>,
}

/// What must hold at the moment a blob becomes visible.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// Nothing.
    #[default]
    Always,
    /// There is no blob of this name.
    Absent,
    /// The blob of this name has this etag.
    Etag(String),
}

/// How a blob is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// One media type of at most [`CONTENT_TYPE_BYTES_MAX`] bytes of printable ASCII.
    pub content_type: String,
    /// At most [`METADATA_ENTRIES_MAX`] entries of [`METADATA_BYTES_MAX`] bytes together.
    pub metadata: Vec<(String, String)>,
    /// How many bytes are to come; more or fewer are refused.
    pub size: Option<u64>,
    /// How many bytes may come, at most [`BLOB_BYTES_MAX`].
    pub bytes_max: u64,
    /// Checked when the blob becomes visible.
    pub condition: Condition,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            content_type: CONTENT_TYPE_DEFAULT.to_owned(),
            metadata: Vec::new(),
            size: None,
            bytes_max: BLOB_BYTES_MAX,
            condition: Condition::default(),
        }
    }
}

/// A store of blobs, without grants: what a backend implements.
///
/// Callers have checked names, containers, sizes and limits ([`Handle`] does); a backend may rely on them. A backend
/// bounds its own waiting, and what it acknowledges is durable in its class.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// What is known of a blob, if there is one.
    async fn head(&self, place: Place) -> Result<Option<Info>, Error>;

    /// Opens a blob for reading; [`Error::NotFound`] without one.
    async fn get(&self, place: Place, part: Part) -> Result<Box<dyn Source>, Error>;

    /// A page of a listing. A container that nothing was written to is empty.
    async fn list(&self, container: String, range: Range) -> Result<Page, Error>;

    /// Begins a blob. A condition that fails already is [`Error::Conflict`] now.
    async fn put(&self, place: Place, options: Options) -> Result<Box<dyn Sink>, Error>;

    /// Copies bytes, content type and metadata; [`Error::NotFound`] without a source. A source of more than `bytes_max`
    /// is [`Error::TooLarge`]. The condition is on the target.
    async fn copy(
        &self,
        source: Place,
        target: Place,
        bytes_max: u64,
        condition: Condition,
    ) -> Result<Info, Error>;

    /// Deletes a blob; whether there was one.
    async fn delete(&self, place: Place) -> Result<bool, Error>;

    /// The bytes of all blobs in `containers`.
    async fn stored(&self, containers: Vec<String>) -> Result<u64, Error>;

    /// The URL that lets its holder do what was claimed. Does not wait and does not look at the blob.
    fn presign(&self, claims: &presign::Claims) -> Result<String, Error>;
}

/// An open blob. Reads what was there when it was opened.
#[async_trait::async_trait]
pub trait Source: Send + 'static {
    /// The blob.
    fn info(&self) -> &Info;

    /// Which of its bytes are read.
    fn span(&self) -> std::ops::Range<u64>;

    /// The next 1 to `max` bytes, none exactly at the end. `max` is 1 to [`CHUNK_BYTES_MAX`].
    async fn read(&mut self, max: usize) -> Result<Vec<u8>, Error>;
}

/// A blob on its way in. Dropped before [`Sink::finish`], it never was.
#[async_trait::async_trait]
pub trait Sink: Send + 'static {
    /// Appends at most [`CHUNK_BYTES_MAX`] bytes. More than announced is [`Error::Invalid`], more than allowed
    /// [`Error::TooLarge`]. After an error, or when the call was given up, the blob cannot be finished.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Error>;

    /// Makes the blob visible, in place of the one that had its name. Given up, it may have happened.
    async fn finish(self: Box<Self>) -> Result<Info, Error>;
}
