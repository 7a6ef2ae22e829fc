//! Calls each function of `wasi:http/types` and `outgoing-handler` 0.2, by the crate `wasip2`, for the host's tests. Every
//! path answers a line for each call: its name and what came of it.
//!
//! | path | what is called |
//! |---|---|
//! | `/fields` | everything of `fields`, forbidden and malformed names included |
//! | `/request` | everything of the request itself, its body and its trailers |
//! | `/outgoing` | what is set of a request that is not sent, and of its options |
//! | `/send?url=U&body=B` | a POST of B to U: its status, its header `x-answer`, its body and its trailers, or the error's name |
#![cfg(target_family = "wasm")]

mod fields;
mod outgoing;
mod send;

use std::fmt::Debug;

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, FutureTrailers, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse,
    ResponseOutparam,
};

const CHUNK_BYTES: u64 = 16 * 1024;

struct Probe;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip2::http::proxy::export!(Probe);
};

/// What was seen, line by line.
#[derive(Default)]
pub(crate) struct Seen(String);

impl Seen {
    pub(crate) fn note(&mut self, call: &str, outcome: impl Debug) {
        self.0 += &format!("{call}: {outcome:?}\n");
    }
}

impl Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        let mut seen = Seen::default();
        match path {
            "/fields" => fields::seen(&request, &mut seen),
            "/request" => itself(&request, &mut seen),
            "/outgoing" => outgoing::seen(&mut seen),
            "/send" => send::seen(query, &mut seen),
            _ => seen.note("path", "there is nothing here"),
        }
        respond(out, &seen.0);
    }
}

fn itself(request: &IncomingRequest, seen: &mut Seen) {
    seen.note("method", request.method());
    seen.note("path-with-query", request.path_with_query());
    seen.note("scheme", request.scheme());
    seen.note("authority", request.authority().is_some());
    seen.note("headers.get", text(request.headers().get("x-asked")));
    let body = request.consume();
    seen.note("consume again", request.consume().is_err());
    let body = body.expect("nobody has taken the body");
    seen.note("body.stream", read(&body));
    seen.note("body.stream again", body.stream().is_err());
    seen.note("future-trailers.get", trailers(IncomingBody::finish(body)));
}

/// Header values for people.
pub(crate) fn text(values: Vec<Vec<u8>>) -> Vec<String> {
    let values = values.into_iter();
    values
        .map(|value| String::from_utf8_lossy(&value).into_owned())
        .collect()
}

/// A body to its end.
pub(crate) fn read(body: &IncomingBody) -> String {
    let stream = body.stream().expect("nobody has taken the stream");
    let mut bytes = Vec::new();
    while let Ok(chunk) = stream.blocking_read(CHUNK_BYTES) {
        bytes.extend(chunk);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How many trailers there were, and whether they are given twice.
pub(crate) fn trailers(pending: FutureTrailers) -> (Option<usize>, bool) {
    pending.subscribe().block();
    let first = pending.get().expect("they were waited for");
    let trailers = first.expect("they are asked for once");
    let trailers = trailers.expect("the body ended well");
    let count = trailers.map(|trailers| trailers.entries().len());
    let again = pending.get().expect("they were waited for");
    (count, again.is_ok())
}

fn respond(out: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    // A status that is none must be refused, and leave the default.
    let status = match response.set_status_code(1000) {
        Err(()) => response.status_code(),
        Ok(()) => 500,
    };
    response.set_status_code(status).expect("it is a status");
    let immutable = response.headers().append("x-late", b"1").is_ok();
    let body = response.body().expect("nobody has taken the body");
    let again = response.body().is_ok();
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("nobody has taken the stream");
    let text = match immutable || again {
        true => "a response gave more than it may",
        false => text,
    };
    for chunk in text.as_bytes().chunks(4096) {
        // It fails only when the client has left.
        stream.blocking_write_and_flush(chunk).ok();
    }
    drop(stream);
    OutgoingBody::finish(body, None).ok();
}
