//! A request that is sent, which the host may refuse.

use crate::{Seen, read, text, trailers};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};

/// Five seconds, in nanoseconds.
const TIME_MAX: u64 = 5_000_000_000;

pub(crate) fn seen(query: &str, seen: &mut Seen) {
    let (url, body) = (parameter(query, "url"), parameter(query, "body"));
    match answer(&url, &body, seen) {
        Ok(response) => told(&response, seen),
        Err(code) => seen.note("error", name(&code)),
    }
}

fn answer(url: &str, text: &str, seen: &mut Seen) -> Result<IncomingResponse, ErrorCode> {
    let request = request(url, text.len());
    let body = request.body().expect("nobody has taken the body");
    let options = RequestOptions::new();
    options
        .set_connect_timeout(Some(TIME_MAX))
        .expect("it can be set");
    let pending = outgoing_handler::handle(request, Some(options))?;
    seen.note("handle", "sent");
    let stream = body.write().expect("nobody has taken the stream");
    // Whether it arrives is told by the answer.
    stream.blocking_write_and_flush(text.as_bytes()).ok();
    drop(stream);
    OutgoingBody::finish(body, None).ok();
    pending.subscribe().block();
    let outcome = pending.get().expect("it was waited for");
    seen.note("get again", pending.get().is_some_and(|got| got.is_err()));
    outcome.expect("it is asked for once")
}

fn told(response: &IncomingResponse, seen: &mut Seen) {
    seen.note("status", response.status());
    seen.note("headers.get", text(response.headers().get("x-answer")));
    let body = response.consume().expect("nobody has taken the body");
    seen.note("consume again", response.consume().is_err());
    seen.note("body.stream", read(&body));
    seen.note("future-trailers.get", trailers(IncomingBody::finish(body)));
}

fn request(url: &str, length: usize) -> OutgoingRequest {
    let headers = [("content-length".to_owned(), length.to_string().into_bytes())];
    let headers = Fields::from_list(&headers).expect("it is well formed");
    let request = OutgoingRequest::new(headers);
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let set = "the URL has what it needs";
    request.set_method(&Method::Post).expect(set);
    request.set_scheme(Some(&Scheme::Http)).expect(set);
    request.set_authority(Some(authority)).expect(set);
    request.set_path_with_query(Some(path)).expect(set);
    request
}

fn parameter(query: &str, name: &str) -> String {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The name of the case alone: `ConnectionRefused`.
fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let case = shown.trim_start_matches("ErrorCode::");
    let name = case.split_once('(').map_or(case, |(name, _)| name);
    name.to_owned()
}
