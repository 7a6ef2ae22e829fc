//! Calls, by the client of WASI 0.3.

use stoa_sdk::http::{Body, Method, Response, Writer};
use wasip3::http::client;
use wasip3::http::types::{self, ErrorCode, Fields, Scheme};
use wasip3::wit_bindgen::{StreamReader, StreamResult, StreamWriter};
use wasip3::{spawn_local, wit_future, wit_stream};

/// Room for what one read may bring.
const READ_BYTES: usize = 16 * 1024;

/// Calls a URL, and answers what it answers, as it comes.
pub(crate) async fn passed_on(method: &Method, url: &str, body: Option<Body>) -> Response {
    match send(method, url, body).await {
        Ok(answer) => {
            let status = answer.get_status_code();
            Response::stream(status, move |writer| pass_on(answer, writer))
        }
        Err(code) => Response::text(502, name(&code)),
    }
}

/// What a URL answers, or the name of the error.
pub(crate) async fn answer(url: &str) -> String {
    match send(&Method::Get, url, None).await {
        Ok(answer) => read(answer).await,
        Err(code) => name(&code),
    }
}

async fn send(
    method: &Method,
    url: &str,
    body: Option<Body>,
) -> Result<types::Response, ErrorCode> {
    let contents = body.map(streamed);
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = types::Request::new(Fields::new(), contents, trailers, None);
    // Sends the default: no trailers.
    drop(end);
    let (scheme, rest) = url.split_once("://").expect("the URL has a scheme");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    request
        .set_method(&wasi(method))
        .expect("the method is known");
    request
        .set_scheme(Some(&scheme))
        .expect("the scheme is known");
    request
        .set_authority(Some(authority))
        .expect("it is an authority");
    request
        .set_path_with_query(Some(if path.is_empty() { "/" } else { path }))
        .expect("it begins with a slash");
    client::send(request).await
}

fn wasi(method: &Method) -> types::Method {
    match method {
        Method::Get => types::Method::Get,
        Method::Post => types::Method::Post,
        Method::Put => types::Method::Put,
        Method::Delete => types::Method::Delete,
        other => types::Method::Other(format!("{other:?}")),
    }
}

/// A body that is sent while it arrives.
fn streamed(body: Body) -> StreamReader<u8> {
    let (writer, contents) = wit_stream::new();
    spawn_local(write(body, writer));
    contents
}

async fn write(mut body: Body, mut writer: StreamWriter<u8>) {
    while let Ok(Some(chunk)) = body.chunk().await {
        if !writer.write_all(chunk).await.is_empty() {
            return;
        }
    }
}

/// Nothing is read ahead of what the client has taken.
async fn pass_on(answer: types::Response, mut writer: Writer) {
    let (_handled, told) = wit_future::new(|| Ok(()));
    let (mut chunks, _end) = types::Response::consume_body(answer, told);
    loop {
        let (result, filled) = chunks.read(Vec::with_capacity(READ_BYTES)).await;
        let left = writer.write(filled).await.is_err();
        if left || !matches!(result, StreamResult::Complete(_)) {
            return;
        }
    }
}

async fn read(answer: types::Response) -> String {
    let (_handled, told) = wit_future::new(|| Ok(()));
    let (mut chunks, _end) = types::Response::consume_body(answer, told);
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
