//! Which media type a request declares.

use stoa_sdk::http::{Problem, Request};

/// The declared media type, without its parameters, in lower case; empty if there is none.
pub(crate) fn essence(request: &Request) -> String {
    let declared = request.header("content-type").unwrap_or("");
    let essence = declared
        .split_once(';')
        .map_or(declared, |(essence, _)| essence);
    essence.trim().to_ascii_lowercase()
}

/// What a request of another media type is told. `accept` names the header that lists ours.
pub(crate) fn unsupported(accept: &str, supported: &[&str]) -> Problem {
    let supported = supported.join(", ");
    Problem::new(415)
        .detail(format!("content-type must be one of: {supported}"))
        .header(accept, supported)
}
