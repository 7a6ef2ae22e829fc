//! Answers in steps, to tell what each costs: `/status` is a bare head, `/headers` has two headers, anything else has a
//! body too. WASI 0.3. For benchmarks; keep it so.
#![cfg(target_family = "wasm")]

use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::StreamReader;
use wasip3::{wit_future, wit_stream};

const BODY: &[u8] = b"Twelve bytes";

struct Steps;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip3::http::service::export!(Steps);
};

impl Guest for Steps {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        Ok(match request.get_path_with_query().as_deref() {
            Some("/status") => answer(Fields::new(), None),
            Some("/headers") => answer(headers(0), None),
            _ => answer(headers(BODY.len()), Some(body())),
        })
    }
}

fn answer(headers: Fields, contents: Option<StreamReader<u8>>) -> Response {
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(headers, contents, trailers);
    // Sends the default: no trailers.
    drop(end);
    response
}

/// It is read only once the response was returned, so its write outlives the handler.
fn body() -> StreamReader<u8> {
    let (mut writer, contents) = wit_stream::new();
    wasip3::spawn_local(async move {
        writer.write_all(BODY.to_vec()).await;
    });
    contents
}

fn headers(length: usize) -> Fields {
    let headers = [
        ("content-type".to_owned(), b"text/plain".to_vec()),
        ("content-length".to_owned(), length.to_string().into_bytes()),
    ];
    Fields::from_list(&headers).expect("both headers are well formed")
}
