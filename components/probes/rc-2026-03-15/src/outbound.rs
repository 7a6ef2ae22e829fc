//! A request to somewhere else, which the host may refuse.

use crate::answer::{pump, streamed, text};
use crate::parameter;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_bindgen::StreamWriter;
use wasip3::wit_future;

/// Passes on what `url` answers, or tells the name of the error.
pub(crate) async fn answer(query: &str) -> Response {
    let url = parameter(query, "url").unwrap_or_default();
    match client::send(request(&url)).await {
        Ok(response) => pass_on(response),
        Err(code) => text(502, name(&code)),
    }
}

fn pass_on(upstream: Response) -> Response {
    let status = upstream.get_status_code();
    let response = streamed(|writer| send_on(upstream, writer));
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

fn request(url: &str) -> Request {
    let (scheme, rest) = url.split_once("://").expect("the URL has a scheme");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (request, _) = Request::new(Fields::new(), None, trailers, None);
    // Sends the default: no trailers.
    drop(end);
    request
        .set_scheme(Some(&scheme))
        .expect("the scheme is known");
    request
        .set_authority(Some(authority))
        .expect("an address is an authority");
    request
        .set_path_with_query(Some(path))
        .expect("it begins with a slash");
    request
}

/// The name of the case alone: `ConnectionRefused`.
fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let case = shown.trim_start_matches("ErrorCode::");
    case.split_once('(')
        .map_or(case, |(case, _)| case)
        .to_owned()
}
