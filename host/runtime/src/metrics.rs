//! Names of what this crate counts. The label `component` is bounded by the manifest.

/// Requests by `component` and `outcome`: `ok`, or the name of the [`crate::Error`] variant.
pub(crate) const RUNTIME_REQUESTS_TOTAL: &str = "runtime_requests_total";
/// Instances made, by `component`.
pub(crate) const RUNTIME_INSTANCES_MADE_TOTAL: &str = "runtime_instances_made_total";
/// Instances that ended by a trap, an overrun or a cancelled request, by `component`.
pub(crate) const RUNTIME_INSTANCES_RETIRED_TOTAL: &str = "runtime_instances_retired_total";
/// Growth of linear memory that was refused, by `component`.
pub(crate) const RUNTIME_MEMORY_REFUSED_TOTAL: &str = "runtime_memory_refused_total";
/// Bytes of guest output that were dropped over the log limit, by `component`.
pub(crate) const RUNTIME_LOG_BYTES_DROPPED_TOTAL: &str = "runtime_log_bytes_dropped_total";
