//! Calls the components `left` and `right` of its application at once, and answers what both say, one behind the other.
//! WASI 0.2. For benchmarks; keep it small.
#![cfg(target_family = "wasm")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingRequest, OutgoingBody, OutgoingRequest,
    OutgoingResponse, ResponseOutparam, Scheme,
};

const CALLED: [&str; 2] = ["left.spin.internal", "right.spin.internal"];
const READ_BYTES: u64 = 4096;

struct FanOut;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip2::http::proxy::export!(FanOut);
};

impl Guest for FanOut {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        // Both are under way before either is waited for.
        let called = CALLED.map(call);
        let mut text = Vec::new();
        for pending in called {
            read(&pending, &mut text);
        }
        answer(out, &text);
    }
}

fn call(host: &str) -> FutureIncomingResponse {
    let request = OutgoingRequest::new(Fields::new());
    request
        .set_scheme(Some(&Scheme::Http))
        .expect("the scheme is known");
    request
        .set_authority(Some(host))
        .expect("it is an authority");
    request
        .set_path_with_query(Some("/"))
        .expect("it is a path");
    outgoing_handler::handle(request, None).expect("it may be called")
}

fn read(pending: &FutureIncomingResponse, text: &mut Vec<u8>) {
    pending.subscribe().block();
    let outcome = pending.get().expect("it was waited for");
    let response = outcome.expect("it is asked for once");
    let response = response.expect("it answers");
    let body = response.consume().expect("nobody has taken the body");
    let input = body.stream().expect("nobody has taken the stream");
    // Its end is told as an error.
    while let Ok(chunk) = input.blocking_read(READ_BYTES) {
        text.extend_from_slice(&chunk);
    }
}

fn answer(out: ResponseOutparam, text: &[u8]) {
    let headers = [("content-type".to_owned(), b"text/plain".to_vec())];
    let headers = Fields::from_list(&headers).expect("the header is well formed");
    let response = OutgoingResponse::new(headers);
    let body = response.body().expect("nobody has taken the body");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("nobody has taken the stream");
    // It fails only when the client has left.
    stream.blocking_write_and_flush(text).ok();
    drop(stream);
    OutgoingBody::finish(body, None).ok();
}
