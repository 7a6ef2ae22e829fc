//! Names of what this crate counts. The label `route` is a route's id, never a raw path.

/// Requests by `route` and `status`.
pub(crate) const GATEWAY_REQUESTS_TOTAL: &str = "gateway_requests_total";
/// Connections open now.
pub(crate) const GATEWAY_CONNECTIONS: &str = "gateway_connections";
/// Connections that a limit ended, by `reason`.
pub(crate) const GATEWAY_CONNECTIONS_ENDED_TOTAL: &str = "gateway_connections_ended_total";
/// Accepts that failed, for example for want of file descriptors.
pub(crate) const GATEWAY_ACCEPT_FAILED_TOTAL: &str = "gateway_accept_failed_total";
