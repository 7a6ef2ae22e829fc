//! What a request demands of the version that it meets (RFC 9110, 13.2.2).
//!
//! Only what exists has a version: where there is nothing, the answer is 404 whatever the conditions are.

use crate::etag;
use stoa_sdk::http::{Problem, Request};

/// Refuses a request whose `If-Match` names other versions than this one. That the header is there decides, not that it
/// can be read: otherwise a client that asked for a condition would change something without one.
pub(crate) fn expect_match(request: &Request, version: u64) -> Result<(), Problem> {
    let is_named = request
        .headers("if-match")
        .any(|header| etag::is_named_strongly(header, version));
    if is_named || !request.has_header("if-match") {
        return Ok(());
    }
    Err(failed("this has another version", version))
}

/// Whether `If-None-Match` names this version.
pub(crate) fn is_known(request: &Request, version: u64) -> bool {
    request
        .headers("if-none-match")
        .any(|header| etag::is_named_weakly(header, version))
}

/// Refuses a change unless both conditions hold. Only reading answers 304 to the second.
pub(crate) fn expect_change(request: &Request, version: u64) -> Result<(), Problem> {
    expect_match(request, version)?;
    if is_known(request, version) {
        return Err(failed("this has a version that was ruled out", version));
    }
    Ok(())
}

/// Refuses to make something anew for a request that demands a version of it.
pub(crate) fn expect_nothing(request: &Request) -> Result<(), Problem> {
    match request.has_header("if-match") {
        true => Err(Problem::new(412).detail("there is nothing yet that could match")),
        false => Ok(()),
    }
}

fn failed(detail: &str, version: u64) -> Problem {
    Problem::new(412)
        .detail(detail)
        .header("etag", etag::of(version))
}
