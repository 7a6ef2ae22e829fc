//! Entity tags of images, and what requests demand of them (RFC 9110, 13.2.2).
//!
//! An image's bytes make its id, so the id is its tag for ever.

use stoa_sdk::http::{Problem, Request};

/// The strong entity tag of the original, or of the thumbnail of this size.
pub(super) fn of(image: &str, size: Option<u32>) -> String {
    match size {
        None => format!("\"{image}\""),
        Some(size) => format!("\"{image}-{size}\""),
    }
}

/// Whether `If-None-Match` names this tag. Weak comparison: `W/` does not matter.
pub(super) fn is_known(request: &Request, tag: &str) -> bool {
    request.headers("if-none-match").any(|header| {
        names(header, |named| {
            named.strip_prefix("W/").unwrap_or(named) == tag
        })
    })
}

/// Refuses a request whose `If-Match` names other tags than this one, or cannot be read.
pub(super) fn expect_match(request: &Request, tag: &str) -> Result<(), Problem> {
    let is_named = request
        .headers("if-match")
        .any(|header| names(header, |named| named == tag));
    match is_named || !request.has_header("if-match") {
        true => Ok(()),
        false => Err(failed("the image has another entity tag", tag)),
    }
}

/// Refuses a change unless both conditions hold. Only reading answers 304 to the second.
pub(super) fn expect_change(request: &Request, tag: &str) -> Result<(), Problem> {
    expect_match(request, tag)?;
    match is_known(request, tag) {
        true => Err(failed(
            "the image has an entity tag that was ruled out",
            tag,
        )),
        false => Ok(()),
    }
}

/// A star names everything, but only alone in its header.
fn names(header: &str, is_ours: impl Fn(&str) -> bool) -> bool {
    header.trim() == "*" || header.split(',').map(str::trim).any(is_ours)
}

fn failed(detail: &str, tag: &str) -> Problem {
    Problem::new(412).detail(detail).header("etag", tag)
}
