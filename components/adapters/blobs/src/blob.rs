//! What the operations speak of, as the interface has it.

/// A blob holds at most so many bytes, whatever the grant says.
pub(crate) const BLOB_BYTES_MAX: u64 = 5 << 30;
/// One call reads or writes at most so many bytes.
pub(crate) const CHUNK_BYTES_MAX: usize = 256 * 1024;
/// A page lists at most so many blobs.
pub(crate) const ENTRIES_PER_PAGE_MAX: u32 = 1000;
/// Readers of one store that an instance has open at once; as many writers again.
pub(crate) const OPEN_MAX: usize = 256;
/// A writer that is not used for so long, in milliseconds, is aborted.
pub(crate) const WRITER_IDLE_MS_MAX: u64 = 60_000;
/// What a blob is whose writer did not say.
const CONTENT_TYPE_DEFAULT: &str = "application/octet-stream";

/// Where a blob lies in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) container: String,
    pub(crate) name: String,
}

/// What is known of a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) name: String,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) content_type: String,
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub(crate) etag: String,
    /// In milliseconds since 1970.
    pub(crate) modified: u64,
    pub(crate) metadata: Vec<(String, String)>,
}

/// A part of a blob's bytes. What lies beyond the end is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Part {
    pub(crate) offset: u64,
    /// To the end without.
    pub(crate) length: Option<u64>,
}

impl Part {
    /// The bytes of a blob of `size` that it stands for.
    pub(crate) fn of(self, size: u64) -> std::ops::Range<u64> {
        let start = self.offset.min(size);
        let end = self
            .length
            .map_or(size, |length| start.saturating_add(length).min(size));
        start..end
    }
}

/// A part of a container, in the order of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) prefix: String,
    pub(crate) after: Option<String>,
    /// 1 to [`ENTRIES_PER_PAGE_MAX`].
    pub(crate) limit: u32,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Info>,
    pub(crate) next: Option<String>,
}

/// What must hold at the moment a blob becomes visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Always,
    Absent,
    Etag(String),
}

/// How a blob is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) content_type: String,
    pub(crate) metadata: Vec<(String, String)>,
    /// How many bytes are to come.
    pub(crate) size: Option<u64>,
    pub(crate) condition: Condition,
}

impl Options {
    pub(crate) fn new(
        content_type: Option<String>,
        metadata: Vec<(String, String)>,
        size: Option<u64>,
        condition: Condition,
    ) -> Self {
        Self {
            content_type: content_type.unwrap_or_else(|| CONTENT_TYPE_DEFAULT.to_owned()),
            metadata,
            size,
            condition,
        }
    }
}
