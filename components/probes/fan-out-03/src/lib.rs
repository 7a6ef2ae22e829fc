//! Calls the components `left` and `right` of its application at once, and answers what both say, one behind the other.
//! WASI 0.3. For benchmarks; keep it small.
#![cfg(target_family = "wasm")]

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use wasip3::exports::http::handler::Guest;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_bindgen::StreamResult;
use wasip3::{wit_future, wit_stream};

const READ_BYTES: usize = 4096;

struct FanOut;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip3::http::service::export!(FanOut);
};

impl Guest for FanOut {
    async fn handle(_: Request) -> Result<Response, ErrorCode> {
        let (left, right) = both(call("left.spin.internal"), call("right.spin.internal")).await;
        let mut text = left?;
        text.extend(right?);
        Ok(answer(text))
    }
}

/// What both come to, whichever is ready first.
async fn both<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> (T, T) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(done) = one.as_mut().poll(cx)
        {
            first = Some(done);
        }
        if second.is_none()
            && let Poll::Ready(done) = other.as_mut().poll(cx)
        {
            second = Some(done);
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

async fn call(host: &str) -> Result<Vec<u8>, ErrorCode> {
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    // Sends the default: no trailers.
    drop(end);
    request
        .set_scheme(Some(&Scheme::Http))
        .expect("the scheme is known");
    request
        .set_authority(Some(host))
        .expect("it is an authority");
    request
        .set_path_with_query(Some("/"))
        .expect("it is a path");
    let response = client::send(request).await?;
    let (_handled, told) = wit_future::new(|| Ok(()));
    let (mut chunks, _end) = Response::consume_body(response, told);
    let mut text = Vec::new();
    loop {
        let (result, filled) = chunks.read(Vec::with_capacity(READ_BYTES)).await;
        text.extend(filled);
        if !matches!(result, StreamResult::Complete(_)) {
            return Ok(text);
        }
    }
}

fn answer(text: Vec<u8>) -> Response {
    let headers = [("content-type".to_owned(), b"text/plain".to_vec())];
    let headers = Fields::from_list(&headers).expect("the header is well formed");
    let (mut writer, contents) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(headers, Some(contents), trailers);
    drop(end);
    // The body is read only once the response was returned, so its write outlives the handler.
    wasip3::spawn_local(async move {
        writer.write_all(text).await;
    });
    response
}
