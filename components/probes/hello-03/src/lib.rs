//! The least a WASI 0.3 service does: every request is answered with one fixed text. For benchmarks; keep it so.
#![cfg(target_family = "wasm")]

use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

const BODY: &[u8] = b"Hello from WASI 0.3!\n";

struct Hello;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip3::http::service::export!(Hello);
};

impl Guest for Hello {
    async fn handle(_: Request) -> Result<Response, ErrorCode> {
        let (mut writer, contents) = wit_stream::new();
        let (end, trailers) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(headers(), Some(contents), trailers);
        // Sends the default: no trailers.
        drop(end);
        // The body is read only once the response was returned, so its write outlives the handler.
        wasip3::spawn_local(async move {
            writer.write_all(BODY.to_vec()).await;
        });
        Ok(response)
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
