//! A request to somewhere else, which the host may refuse.

use crate::answer::{streamed, text};
use crate::stream::pump;
use crate::{number, parameter};
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, RequestOptions, Response, Scheme};
use wasip3::wit_bindgen::StreamWriter;
use wasip3::wit_future;

const NS_PER_MS: u64 = 1_000_000;

/// Passes on what `url` answers, or tells the name of the error; without a `url`, how a request to a port where nobody
/// listens ends.
pub(crate) async fn answer(query: &str) -> Response {
    let Some(url) = parameter(query, "url") else {
        return text(200, outcome().await);
    };
    match client::send(request(&url, Some(options(query)))).await {
        Ok(response) => pass_on(response),
        Err(code) => text(502, name(&code)),
    }
}

async fn outcome() -> String {
    match client::send(request("http://127.0.0.1:9/", None)).await {
        Ok(response) => format!("answered {}", response.get_status_code()),
        Err(code) => name(&code),
    }
}

fn pass_on(upstream: Response) -> Response {
    let status = upstream.get_status_code();
    let response = streamed(&[("content-type", "text/plain")], |writer| {
        send_on(upstream, writer)
    });
    response.set_status_code(status).expect("the status is one");
    response
}

/// Nothing is read ahead of what the client has taken.
async fn send_on(upstream: Response, mut writer: StreamWriter<u8>) -> Result<(), ErrorCode> {
    let (_handled, told) = wit_future::new(|| Ok(()));
    let (mut chunks, end) = Response::consume_body(upstream, told);
    let client_left = pump(&mut chunks, &mut writer).await;
    if client_left {
        return Ok(());
    }
    // An answer that broke off makes a response that breaks off.
    end.await.map(|_trailers| ())
}

fn request(url: &str, options: Option<RequestOptions>) -> Request {
    let (scheme, rest) = url.split_once("://").expect("the URL has a scheme");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (request, _) = Request::new(Fields::new(), None, trailers, options);
    // Sends the default: no trailers.
    drop(end);
    request
        .set_scheme(Some(&scheme))
        .expect("the scheme is known");
    request
        .set_authority(Some(authority))
        .expect("an address is an authority");
    request
        .set_path_with_query(Some(if path.is_empty() { "/" } else { path }))
        .expect("it begins with a slash");
    request
}

/// `connect-ms` and `first-byte-ms`; 0, or none, leaves it to the host.
fn options(query: &str) -> RequestOptions {
    let time = |name| Some(number(query, name) * NS_PER_MS).filter(|time| *time > 0);
    let options = RequestOptions::new();
    options
        .set_connect_timeout(time("connect-ms"))
        .expect("it can be set");
    options
        .set_first_byte_timeout(time("first-byte-ms"))
        .expect("it can be set");
    options
}

/// The name of the case alone: `ConnectionRefused`.
fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let case = shown.trim_start_matches("ErrorCode::");
    case.split_once('(')
        .map_or(case, |(case, _)| case)
        .to_owned()
}
