//! Answers in steps, to tell what each costs: `/status` is a bare head, `/headers` has two headers, anything else has a
//! body too. WASI 0.2. For benchmarks; keep it so.
#![cfg(target_family = "wasm")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

const BODY: &[u8] = b"Twelve bytes";

struct Steps;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip2::http::proxy::export!(Steps);
};

impl Guest for Steps {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        match request.path_with_query().as_deref() {
            Some("/status") => {
                let response = OutgoingResponse::new(Fields::new());
                ResponseOutparam::set(out, Ok(response));
            }
            Some("/headers") => {
                let response = OutgoingResponse::new(headers(0));
                ResponseOutparam::set(out, Ok(response));
            }
            _ => whole(out),
        }
    }
}

fn whole(out: ResponseOutparam) {
    let response = OutgoingResponse::new(headers(BODY.len()));
    let body = response.body().expect("nobody has taken the body");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("nobody has taken the stream");
    // It fails only when the client has left.
    stream.blocking_write_and_flush(BODY).ok();
    drop(stream);
    OutgoingBody::finish(body, None).ok();
}

fn headers(length: usize) -> Fields {
    let headers = [
        ("content-type".to_owned(), b"text/plain".to_vec()),
        ("content-length".to_owned(), length.to_string().into_bytes()),
    ];
    Fields::from_list(&headers).expect("both headers are well formed")
}
