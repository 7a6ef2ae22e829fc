//! Calls, by the client of WASI 0.3.

use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_bindgen::StreamResult;
use wasip3::wit_future;

/// Room for what one read may bring.
const READ_BYTES: usize = 16 * 1024;

/// What a URL answers, or the name of the error.
pub(crate) async fn answer(url: &str) -> String {
    match get(url).await {
        Ok(answer) => read(answer).await,
        Err(code) => name(&code),
    }
}

async fn get(url: &str) -> Result<Response, ErrorCode> {
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    // Sends the default: no trailers.
    drop(end);
    let rest = url.strip_prefix("http://").expect("the URL is of HTTP");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    request
        .set_scheme(Some(&Scheme::Http))
        .expect("the scheme is known");
    request
        .set_authority(Some(authority))
        .expect("it is an authority");
    request
        .set_path_with_query(Some(if path.is_empty() { "/" } else { path }))
        .expect("it begins with a slash");
    client::send(request).await
}

async fn read(answer: Response) -> String {
    let (_handled, told) = wit_future::new(|| Ok(()));
    let (mut chunks, _end) = Response::consume_body(answer, told);
    let mut bytes = Vec::new();
    loop {
        let (result, filled) = chunks.read(Vec::with_capacity(READ_BYTES)).await;
        bytes.extend(filled);
        if !matches!(result, StreamResult::Complete(_)) {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

/// The name of the case alone: `ConnectionRefused`.
fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let case = shown.trim_start_matches("ErrorCode::");
    let name = case.split_once('(').map_or(case, |(name, _)| name);
    name.to_owned()
}
