//! Which media type a request declares, and which coding.

use stoa_sdk::http::{Problem, Request};

/// The declared media type, without its parameters, in lower case; empty if there is none.
pub(crate) fn essence(request: &Request) -> String {
    let declared = request.header("content-type").unwrap_or("");
    let essence = declared
        .split_once(';')
        .map_or(declared, |(essence, _)| essence);
    essence.trim().to_ascii_lowercase()
}

/// Refuses a body that is compressed: nothing here would undo that, and its bytes would be read as if they were text.
pub(crate) fn expect_identity(request: &Request) -> Result<(), Problem> {
    let is_identity = |coding: &str| {
        let coding = coding.trim();
        coding.is_empty() || coding.eq_ignore_ascii_case("identity")
    };
    let declared = || request.headers("content-encoding");
    // One that cannot be read is one that is not known.
    let readable = declared().next().is_some() || !request.has_header("content-encoding");
    if readable
        && declared()
            .flat_map(|header| header.split(','))
            .all(is_identity)
    {
        return Ok(());
    }
    Err(Problem::new(415)
        .detail("content-encoding must be identity")
        .header("accept-encoding", "identity"))
}

/// What a request of another media type is told. `accept` names the header that lists ours.
pub(crate) fn unsupported(accept: &str, supported: &[&str]) -> Problem {
    let supported = supported.join(", ");
    Problem::new(415)
        .detail(format!("content-type must be one of: {supported}"))
        .header(accept, supported)
}
