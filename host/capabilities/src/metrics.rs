//! Names of the counters and histograms this crate records. Labels are bounded: labels and operations of the manifest,
//! never keys or values.

/// Calls by `label`, `operation` and `outcome` (`ok` or the error's code).
pub const KEYVALUE_CALLS_TOTAL: &str = "keyvalue_calls_total";
/// Calls that a grant refused, by `component`, `label` and `operation`.
pub const KEYVALUE_REFUSED_TOTAL: &str = "keyvalue_refused_total";
/// Writes that were committed together, per transaction of an embedded store.
pub const KEYVALUE_EMBEDDED_BATCH_WRITES: &str = "keyvalue_embedded_batch_writes";

/// Calls by `label`, `operation` and `outcome` (`ok` or the error's code).
pub const SQL_CALLS_TOTAL: &str = "sql_calls_total";
/// Calls that a grant refused, by `component`, `label` and `operation`.
pub const SQL_REFUSED_TOTAL: &str = "sql_refused_total";

/// Calls by `label`, `operation` and `outcome` (`ok` or the error's code).
pub const DOCUMENTS_CALLS_TOTAL: &str = "documents_calls_total";
/// Calls that a grant refused, by `component`, `label` and `operation`.
pub const DOCUMENTS_REFUSED_TOTAL: &str = "documents_refused_total";
/// Calls that were committed together, per transaction of an embedded store.
pub const DOCUMENTS_EMBEDDED_BATCH_CALLS: &str = "documents_embedded_batch_calls";

/// Calls by `label`, `operation` and `outcome` (`ok` or the error's code).
pub const BLOBS_CALLS_TOTAL: &str = "blobs_calls_total";
/// Calls that a grant refused, by `component`, `label` and `operation`.
pub const BLOBS_REFUSED_TOTAL: &str = "blobs_refused_total";

/// Calls by `label`, `operation` and `outcome` (`ok` or the error's code).
pub const IDENTITY_CALLS_TOTAL: &str = "identity_calls_total";
/// Calls that a grant refused, by `component`, `label` and `operation`.
pub const IDENTITY_REFUSED_TOTAL: &str = "identity_refused_total";

/// Variables that a component asked for and does not have, by `component` and `outcome` (`undefined`, `invalid-name`).
pub const VARIABLES_REFUSED_TOTAL: &str = "variables_refused_total";
