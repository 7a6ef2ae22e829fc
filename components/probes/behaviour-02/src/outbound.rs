//! A request to somewhere else, which the host may refuse.

use crate::answer::Answer;
use crate::{number, parameter};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingResponse, OutgoingRequest, RequestOptions, ResponseOutparam, Scheme,
};

const CHUNK_BYTES: u64 = 64 * 1024;
const NS_PER_MS: u64 = 1_000_000;

/// Passes on what `url` answers, or tells the name of the error; without a `url`, how a request to a port where nobody
/// listens ends.
pub(crate) fn answer(query: &str, out: ResponseOutparam) {
    let Some(url) = parameter(query, "url") else {
        return Answer::text(out, 200, &outcome());
    };
    match send(request(&url), Some(options(query))) {
        Ok(response) => pass_on(&response, out),
        Err(code) => Answer::text(out, 502, &name(&code)),
    }
}

fn outcome() -> String {
    match send(request("http://127.0.0.1:9/"), None) {
        Ok(response) => format!("answered {}", response.status()),
        Err(code) => name(&code),
    }
}

fn send(
    request: OutgoingRequest,
    options: Option<RequestOptions>,
) -> Result<IncomingResponse, ErrorCode> {
    let pending = outgoing_handler::handle(request, options)?;
    pending.subscribe().block();
    let outcome = pending.get().expect("it was waited for");
    outcome.expect("it is asked for once")
}

/// Nothing is read ahead of what the client has taken.
fn pass_on(response: &IncomingResponse, out: ResponseOutparam) {
    let body = response.consume().expect("nobody has taken the body");
    let input = body.stream().expect("nobody has taken the stream");
    let answer = Answer::start(out, response.status(), &[("content-type", "text/plain")]);
    while let Ok(chunk) = input.blocking_read(CHUNK_BYTES) {
        if !answer.write(&chunk) {
            break;
        }
    }
    answer.finish();
}

fn request(url: &str) -> OutgoingRequest {
    let (scheme, rest) = url.split_once("://").expect("the URL has a scheme");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    let request = OutgoingRequest::new(Fields::new());
    request
        .set_scheme(Some(&scheme))
        .expect("the scheme is known");
    request
        .set_authority(Some(authority))
        .expect("an address is an authority");
    request
        .set_path_with_query(Some(if path.is_empty() { "/" } else { path }))
        .expect("it begins with a slash");
    request
}

/// `connect-ms` and `first-byte-ms`; 0, or none, leaves it to the host.
fn options(query: &str) -> RequestOptions {
    let time = |name| Some(number(query, name) * NS_PER_MS).filter(|time| *time > 0);
    let options = RequestOptions::new();
    options
        .set_connect_timeout(time("connect-ms"))
        .expect("it can be set");
    options
        .set_first_byte_timeout(time("first-byte-ms"))
        .expect("it can be set");
    options
}

/// The name of the case alone: `ConnectionRefused`.
fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let case = shown.trim_start_matches("ErrorCode::");
    case.split_once('(')
        .map_or(case, |(case, _)| case)
        .to_owned()
}
