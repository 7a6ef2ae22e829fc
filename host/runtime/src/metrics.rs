//! Names of what this crate counts. The label `component` is bounded by the manifest.

/// Requests by `component` and `outcome`: `ok`, or the name of the [`crate::Error`] variant.
pub(crate) const RUNTIME_REQUESTS_TOTAL: &str = "runtime_requests_total";
/// Instances made, by `component`.
pub(crate) const RUNTIME_INSTANCES_MADE_TOTAL: &str = "runtime_instances_made_total";
/// Instances that ended by a trap, an overrun or a cancelled request, by `component`.
pub(crate) const RUNTIME_INSTANCES_RETIRED_TOTAL: &str = "runtime_instances_retired_total";
/// Revisions alive, by `component`: those that serve, and those of which something is left.
pub(crate) const RUNTIME_REVISIONS: &str = "runtime_revisions";
/// Growth of linear memory that was refused, by `component`.
pub(crate) const RUNTIME_MEMORY_REFUSED_TOTAL: &str = "runtime_memory_refused_total";
/// Bytes of guest output that were dropped over the log limit, by `component`.
pub(crate) const RUNTIME_LOG_BYTES_DROPPED_TOTAL: &str = "runtime_log_bytes_dropped_total";
/// Requests that are being served, by `component`.
pub(crate) const RUNTIME_REQUESTS_IN_FLIGHT: &str = "runtime_requests_in_flight";
/// Requests that wait to be served, by `component`.
pub(crate) const RUNTIME_REQUESTS_QUEUED: &str = "runtime_requests_queued";
/// How long requests waited that had to, in milliseconds, by `component`.
pub(crate) const RUNTIME_QUEUE_MS: &str = "runtime_queue_ms";
/// Instances alive, by `component`.
pub(crate) const RUNTIME_INSTANCES: &str = "runtime_instances";
/// Processor time that guests used, sampled, in microseconds, by `component`.
pub(crate) const RUNTIME_CPU_US_TOTAL: &str = "runtime_cpu_us_total";
/// Growth of tables that was refused, by `component`.
pub(crate) const RUNTIME_TABLES_REFUSED_TOTAL: &str = "runtime_tables_refused_total";
/// Requests that components sent, by `component` and `outcome`: `ok`, `denied`, `prohibited`, `limit`, `timeout`, `failed`.
pub(crate) const RUNTIME_OUTBOUND_REQUESTS_TOTAL: &str = "runtime_outbound_requests_total";
/// Bodies that broke off over a limit, by `component` and `direction`: `request` or `response`.
pub(crate) const RUNTIME_BODIES_CUT_TOTAL: &str = "runtime_bodies_cut_total";
