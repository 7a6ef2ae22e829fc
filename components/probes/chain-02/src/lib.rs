//! A service that is called by other components of its application, and calls them, one request at a time.
//!
//! | the path's last part | what happens |
//! |---|---|
//! | `word` | the word of its environment, `WORD` |
//! | `seen` | the request's scheme and authority, then each header that a host sets, as lines |
//! | `call?url=U` | a GET of U, and its answer; an error is 502 and its name |
//! | `twice?url=U` | its own word and what U answers, twice: four lines |
//! | `circle?host=H` | a GET of `http://H/circle?host=H`, and its answer |
#![cfg(target_family = "wasm")]

use wasip2::cli::environment::get_environment;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};

const READ_BYTES: u64 = 64 * 1024;
/// What `blocking-write-and-flush` takes at most.
const WRITE_BYTES_MAX: usize = 4096;

struct Chain;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip2::http::proxy::export!(Chain);
};

impl Guest for Chain {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (status, text) = match path.rsplit('/').next().unwrap_or_default() {
            "word" => (200, word()),
            "seen" => (200, seen(&request)),
            "call" => get(&parameter(query, "url")),
            "twice" => (200, twice(&parameter(query, "url"))),
            "circle" => {
                let host = parameter(query, "host");
                get(&format!("http://{host}/circle?host={host}"))
            }
            _ => (404, "there is nothing here".to_owned()),
        };
        answer(out, status, text.as_bytes());
    }
}

fn parameter(query: &str, name: &str) -> String {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let found = pairs.find(|(key, _)| key == name);
    found.map_or_else(String::new, |(_, value)| value.into_owned())
}

fn word() -> String {
    let mut variables = get_environment().into_iter();
    let found = variables.find(|(name, _)| name == "WORD");
    found.map_or_else(String::new, |(_, word)| word)
}

fn seen(request: &IncomingRequest) -> String {
    let (scheme, authority) = (request.scheme(), request.authority());
    let mut lines = format!("{scheme:?} {authority:?}\n");
    let mut headers = request.headers().entries();
    headers.retain(|(name, _)| name.starts_with("spin-") || name == "host");
    headers.sort();
    for (name, value) in headers {
        lines += &format!("{name}: {}\n", String::from_utf8_lossy(&value));
    }
    lines
}

fn twice(url: &str) -> String {
    let (_, first) = get(url);
    let (_, second) = get(url);
    let word = word();
    format!("{word}\n{first}\n{word}\n{second}\n")
}

/// The status and the text of what a URL answers; of an error, 502 and its name.
fn get(url: &str) -> (u16, String) {
    send(url).unwrap_or_else(|code| (502, name(&code)))
}

fn send(url: &str) -> Result<(u16, String), ErrorCode> {
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
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok((response.status(), text))
}

/// The name of the case alone: `ConnectionRefused`.
fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let case = shown.trim_start_matches("ErrorCode::");
    let name = case.split_once('(').map_or(case, |(name, _)| name);
    name.to_owned()
}

fn answer(out: ResponseOutparam, status: u16, bytes: &[u8]) {
    let headers = [
        ("content-type".to_owned(), b"text/plain".to_vec()),
        (
            "content-length".to_owned(),
            bytes.len().to_string().into_bytes(),
        ),
    ];
    let headers = Fields::from_list(&headers).expect("both headers are well formed");
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("the status is one");
    let body = response.body().expect("nobody has taken the body");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("nobody has taken the stream");
    for chunk in bytes.chunks(WRITE_BYTES_MAX) {
        // It fails only when the caller has left.
        if stream.blocking_write_and_flush(chunk).is_err() {
            break;
        }
    }
    drop(stream);
    OutgoingBody::finish(body, None).ok();
}
