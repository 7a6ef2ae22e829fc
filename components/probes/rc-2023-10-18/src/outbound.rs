//! A request to somewhere else, which the host may refuse.

use crate::answer::Answer;
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    Error, Fields, IncomingResponse, Method, OutgoingRequest, RequestOptions, ResponseOutparam,
    Scheme,
};
use crate::bindings::wasi::io::poll;
use crate::{CHUNK_BYTES, number, parameter, word};

/// Passes on what `url` answers, or tells the word of the error.
pub(crate) fn answer(query: &str, out: ResponseOutparam) {
    let url = parameter(query, "url").unwrap_or_default();
    let options = RequestOptions {
        connect_timeout_ms: None,
        first_byte_timeout_ms: number(query, "first-byte-ms"),
        between_bytes_timeout_ms: None,
    };
    match send(&url, options) {
        Ok(response) => pass_on(&response, out),
        Err(error) => Answer::text(out, 502, &word(&error)),
    }
}

fn send(url: &str, options: RequestOptions) -> Result<IncomingResponse, Error> {
    let (scheme, rest) = url.split_once("://").expect("the URL has a scheme");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    let request = OutgoingRequest::new(
        &Method::Get,
        Some(path),
        Some(&scheme),
        Some(authority),
        &Fields::new(&[]),
    );
    let pending = outgoing_handler::handle(request, Some(options))?;
    poll::poll_one(&pending.subscribe());
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
