//! The least a WASI 0.2 service does: every request is answered with one fixed text. For benchmarks; keep it so.
#![cfg(target_family = "wasm")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

const BODY: &[u8] = b"Hello from WASI 0.2!\n";

struct Hello;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip2::http::proxy::export!(Hello);
};

impl Guest for Hello {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        let response = OutgoingResponse::new(headers());
        let body = response.body().expect("nobody has taken the body");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("nobody has taken the stream");
        // It fails only when the client has left.
        stream.blocking_write_and_flush(BODY).ok();
        drop(stream);
        OutgoingBody::finish(body, None).ok();
    }
}

fn headers() -> Fields {
    let headers = [
        ("content-type".to_owned(), b"text/plain".to_vec()),
        (
            "content-length".to_owned(),
            BODY.len().to_string().into_bytes(),
        ),
    ];
    Fields::from_list(&headers).expect("both headers are well formed")
}
