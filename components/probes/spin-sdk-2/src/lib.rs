//! A service by spin-sdk 2.2, which is one of October 2023's `wasi:http`, for the host's tests, chosen by path:
//!
//! | path | what happens |
//! |---|---|
//! | `/header` | the request's header `x-probe`, or 404 |
//! | `/echo` | the request's body |
//! | `/outbound?url=U` | what U answers, or 502 and the error |
//! | `/trap` | panics |
#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "generated: the exports of the component")]

use spin_sdk::http::{send, Method, Request, Response};
use spin_sdk::http_component;

#[http_component]
async fn handle(request: Request) -> Response {
    match request.path() {
        "/header" => match request.header("x-probe") {
            Some(value) => answer(200, value.as_bytes().to_vec()),
            None => answer(404, Vec::new()),
        },
        "/echo" => answer(200, request.into_body()),
        "/outbound" => outbound(request.query()).await,
        "/trap" => panic!("the probe panics, as it was asked to"),
        _ => answer(404, b"no such behaviour".to_vec()),
    }
}

async fn outbound(query: &str) -> Response {
    let url = form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "url")
        .map(|(_, value)| value.into_owned());
    let request = Request::new(Method::Get, url.unwrap_or_default());
    let sent: Result<Response, _> = send(request).await;
    match sent {
        Ok(response) => answer(*response.status(), response.into_body()),
        Err(error) => answer(502, error.to_string().into_bytes()),
    }
}

fn answer(status: u16, body: Vec<u8>) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "text/plain")
        .body(body)
        .build()
}
