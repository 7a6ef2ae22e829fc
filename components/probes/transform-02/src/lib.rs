//! What many WASI 0.2 services do: reads JSON, changes it, answers JSON. For benchmarks; keep it small.
//!
//! Any request whose body is an array of objects gets it back, with a larger `stock` and a new `checked` in each; any
//! other body gets 400.
#![cfg(target_family = "wasm")]

use serde_json::{Map, Value};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

const READ_BYTES: u64 = 64 * 1024;
/// What `blocking-write-and-flush` takes at most.
const WRITE_BYTES_MAX: usize = 4096;

struct Transform;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip2::http::proxy::export!(Transform);
};

impl Guest for Transform {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        match transformed(&read(&request)) {
            Ok(body) => answer(out, 200, &body),
            Err(error) => answer(out, 400, error.to_string().as_bytes()),
        }
    }
}

fn transformed(body: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut entries: Vec<Map<String, Value>> = serde_json::from_slice(body)?;
    for entry in &mut entries {
        let stock = entry.get("stock").and_then(Value::as_u64).unwrap_or(0);
        entry.insert("stock".to_owned(), stock.saturating_add(1).into());
        entry.insert("checked".to_owned(), true.into());
    }
    serde_json::to_vec(&entries)
}

fn read(request: &IncomingRequest) -> Vec<u8> {
    let body = request.consume().expect("nobody has taken the body");
    let input = body.stream().expect("nobody has taken the stream");
    let mut bytes = Vec::new();
    // What broke off is no JSON.
    while let Ok(chunk) = input.blocking_read(READ_BYTES) {
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

fn answer(out: ResponseOutparam, status: u16, bytes: &[u8]) {
    let response = OutgoingResponse::new(headers(bytes.len()));
    response.set_status_code(status).expect("the status is one");
    let body = response.body().expect("nobody has taken the body");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("nobody has taken the stream");
    for chunk in bytes.chunks(WRITE_BYTES_MAX) {
        // It fails only when the client has left.
        if stream.blocking_write_and_flush(chunk).is_err() {
            break;
        }
    }
    drop(stream);
    OutgoingBody::finish(body, None).ok();
}

fn headers(length: usize) -> Fields {
    let headers = [
        ("content-type".to_owned(), b"application/json".to_vec()),
        ("content-length".to_owned(), length.to_string().into_bytes()),
    ];
    Fields::from_list(&headers).expect("both headers are well formed")
}
