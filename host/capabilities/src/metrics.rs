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

/// Connections that drivers asked for, by `component` and `outcome` (`ok` or the error's code).
pub const NETWORK_CONNECTIONS_TOTAL: &str = "network_connections_total";
/// Connections, sockets and look-ups that were not allowed, by `component` and `reason` (`denied`, `blocked`, `full`). Those
/// of HTTP are counted with its requests.
pub const NETWORK_REFUSED_TOTAL: &str = "network_refused_total";

/// Calls of models by `operation` and `outcome` (`ok` or the error's code).
pub const LLM_CALLS_TOTAL: &str = "llm_calls_total";
/// Calls of models that the manifest does not list, by `component` and `operation`.
pub const LLM_REFUSED_TOTAL: &str = "llm_refused_total";

/// Spans, metrics and log records that components told, by `component`, `signal` and `outcome` (`sent` to the queue, or why
/// it was dropped).
pub const TELEMETRY_ITEMS_TOTAL: &str = "telemetry_items_total";
/// What left the queue, by `signal` and `outcome` (`sent` or `failed`).
pub const TELEMETRY_SENT_TOTAL: &str = "telemetry_sent_total";
