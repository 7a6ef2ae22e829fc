//! A request to somewhere else, which the host may refuse.

use crate::answer::Answer;
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingResponse, OutgoingRequest, RequestOptions, ResponseOutparam, Scheme,
};
use crate::{CHUNK_BYTES, name, number, parameter};

/// Passes on what `url` answers, or tells the name of the error.
pub(crate) fn answer(query: &str, out: ResponseOutparam) {
    let url = parameter(query, "url").unwrap_or_default();
    let options = RequestOptions::new();
    let time = number(query, "first-byte-ms");
    options
        .set_first_byte_timeout_ms(time)
        .expect("it can be set");
    assert_eq!(options.first_byte_timeout_ms(), time, "it is what was set");
    match send(&url, options) {
        Ok(response) => pass_on(&response, out),
        Err(code) => Answer::text(out, 502, &name(&code)),
    }
}

fn send(url: &str, options: RequestOptions) -> Result<IncomingResponse, ErrorCode> {
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
        .set_path_with_query(Some(path))
        .expect("it begins with a slash");
    let pending = outgoing_handler::handle(request, Some(options))?;
    pending.subscribe().block();
    let outcome = pending.get().expect("it was waited for");
    outcome.expect("it is asked for once")
}

/// Nothing is read ahead of what the client has taken.
fn pass_on(response: &IncomingResponse, out: ResponseOutparam) {
    let body = response.consume().expect("nobody has taken the body");
    let input = body.stream().expect("nobody has taken the stream");
    let answer = Answer::start(out, response.status());
    while let Ok(chunk) = input.blocking_read(CHUNK_BYTES) {
        if !answer.write(&chunk) {
            break;
        }
    }
    answer.finish();
}
