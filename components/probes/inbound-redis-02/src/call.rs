//! Calls, by the client of WASI 0.2.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, OutgoingRequest, Scheme};

const READ_BYTES: u64 = 64 * 1024;

/// What a URL answers, or the name of the error.
pub(crate) fn answer(url: &str) -> String {
    get(url).unwrap_or_else(|code| name(&code))
}

fn get(url: &str) -> Result<String, ErrorCode> {
    let rest = url.strip_prefix("http://").expect("the URL is of HTTP");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
    request
        .set_scheme(Some(&Scheme::Http))
        .expect("the scheme is known");
    request
        .set_authority(Some(authority))
        .expect("it is an authority");
    request
        .set_path_with_query(Some(if path.is_empty() { "/" } else { path }))
        .expect("it begins with a slash");
    let pending = outgoing_handler::handle(request, None)?;
    pending.subscribe().block();
    let outcome = pending.get().expect("it was waited for");
    let response = outcome.expect("it is asked for once")?;
    let body = response.consume().expect("nobody has taken the body");
    let input = body.stream().expect("nobody has taken the stream");
    let mut bytes = Vec::new();
    while let Ok(chunk) = input.blocking_read(READ_BYTES) {
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The name of the case alone: `ConnectionRefused`.
fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let case = shown.trim_start_matches("ErrorCode::");
    let name = case.split_once('(').map_or(case, |(name, _)| name);
    name.to_owned()
}
