//! Names of the counters and histograms this crate records. Labels are bounded: labels and operations of the manifest,
//! never keys or values.

/// Calls by `label`, `operation` and `outcome` (`ok` or the error's code).
pub const KEYVALUE_CALLS_TOTAL: &str = "keyvalue_calls_total";
/// Calls that a grant refused, by `component`, `label` and `operation`.
pub const KEYVALUE_REFUSED_TOTAL: &str = "keyvalue_refused_total";
/// Writes that were committed together, per transaction of an embedded store.
pub const KEYVALUE_EMBEDDED_BATCH_WRITES: &str = "keyvalue_embedded_batch_writes";
