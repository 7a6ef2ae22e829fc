//! How large and how many: the same for every store.

/// An id holds at most so many bytes of UTF-8, and at least one.
pub const ID_BYTES_MAX: usize = 256;
/// The body of a document holds at most so many bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// A document is at most so many levels deep; the object itself is the first.
pub const DOCUMENT_LEVELS_MAX: usize = 32;
/// A filter has at most so many conditions.
pub const FILTER_CONDITIONS_MAX: usize = 128;
/// The paths and texts of a filter hold at most so many bytes together.
pub const FILTER_BYTES_MAX: usize = 1024 * 1024;
/// A membership names at most so many values.
pub const MEMBERSHIP_VALUES_MAX: usize = 1000;
/// A search text holds at most so many bytes.
pub const SEARCH_BYTES_MAX: usize = 1024;
/// A query sorts by at most so many paths.
pub const SORT_PATHS_MAX: usize = 4;
/// A query shows at most so many paths of each document.
pub const FIELDS_MAX: usize = 64;
/// A cursor holds at most so many bytes: keys of sorted values are part of it.
pub const CURSOR_BYTES_MAX: usize = 16 * 1024;
/// One call asks for at most so many facets.
pub const FACETS_MAX: usize = 8;
/// A page, a facet and a batch hold at most so many documents, buckets and writes.
pub const DOCUMENTS_PER_CALL_MAX: usize = 1000;
/// One update has at most so many operators.
pub const OPERATORS_MAX: usize = 64;
/// A push keeps at most so many elements, where it says how many.
pub const KEEP_LAST_MAX: u32 = 10_000;
/// The bodies that one call carries, in or out, hold at most so many bytes together.
pub const CALL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A page ends early when its bodies have grown to this.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// The path of the id.
pub const ID_PATH: &str = "_id";
