//! What many WASI 0.3 services do: reads JSON, changes it, answers JSON. For benchmarks; keep it small.
//!
//! Any request whose body is an array of objects gets it back, with a larger `stock` and a new `checked` in each; any
//! other body gets 400.
#![cfg(target_family = "wasm")]

use serde_json::{Map, Value};
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::StreamResult;
use wasip3::{wit_future, wit_stream};

/// Room for what one read may bring.
const READ_BYTES: usize = 16 * 1024;

struct Transform;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip3::http::service::export!(Transform);
};

impl Guest for Transform {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        Ok(match transformed(&read(request).await?) {
            Ok(body) => answer(200, body),
            Err(error) => answer(400, error.to_string().into_bytes()),
        })
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

async fn read(request: Request) -> Result<Vec<u8>, ErrorCode> {
    let (_handled, told) = wit_future::new(|| Ok(()));
    let (mut chunks, end) = Request::consume_body(request, told);
    let mut bytes = Vec::with_capacity(READ_BYTES);
    loop {
        // The buffer comes back with what was read behind what it held.
        let (result, filled) = chunks.read(bytes).await;
        bytes = filled;
        if !matches!(result, StreamResult::Complete(_)) {
            break;
        }
        bytes.reserve(READ_BYTES);
    }
    end.await.map(|_trailers| bytes)
}

fn answer(status: u16, bytes: Vec<u8>) -> Response {
    let headers = headers(bytes.len());
    let (mut writer, contents) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(headers, Some(contents), trailers);
    response.set_status_code(status).expect("the status is one");
    // Sends the default: no trailers.
    drop(end);
    // The body is read only once the response was returned, so its write outlives the handler.
    wasip3::spawn_local(async move {
        writer.write_all(bytes).await;
    });
    response
}

fn headers(length: usize) -> Fields {
    let headers = [
        ("content-type".to_owned(), b"application/json".to_vec()),
        ("content-length".to_owned(), length.to_string().into_bytes()),
    ];
    Fields::from_list(&headers).expect("both headers are well formed")
}
