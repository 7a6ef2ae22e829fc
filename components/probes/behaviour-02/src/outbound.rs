//! A request to somewhere else, which the host may refuse.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, OutgoingRequest, Scheme};

/// How a request to a port where nobody listens ends.
pub(crate) fn outcome() -> String {
    match attempt() {
        Ok(status) => format!("answered {status}"),
        Err(code) => name(&code),
    }
}

fn attempt() -> Result<u16, ErrorCode> {
    let pending = outgoing_handler::handle(request(), None)?;
    pending.subscribe().block();
    let outcome = pending.get().expect("it was waited for");
    let response = outcome.expect("it is asked for once")?;
    Ok(response.status())
}

fn request() -> OutgoingRequest {
    let request = OutgoingRequest::new(Fields::new());
    request
        .set_scheme(Some(&Scheme::Http))
        .expect("http is a scheme");
    request
        .set_authority(Some("127.0.0.1:9"))
        .expect("an address is an authority");
    request
        .set_path_with_query(Some("/"))
        .expect("a slash is a path");
    request
}

/// The name of the case alone: `ConnectionRefused`.
fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let case = shown.trim_start_matches("ErrorCode::");
    case.split_once('(')
        .map_or(case, |(case, _)| case)
        .to_owned()
}
