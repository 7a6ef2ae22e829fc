//! A request to somewhere else, which the host may refuse.

use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Scheme};
use wasip3::wit_future;

/// How a request to a port where nobody listens ends.
pub(crate) async fn outcome() -> String {
    match client::send(request()).await {
        Ok(response) => format!("answered {}", response.get_status_code()),
        Err(code) => name(&code),
    }
}

fn request() -> Request {
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (request, _) = Request::new(Fields::new(), None, trailers, None);
    // Sends the default: no trailers.
    drop(end);
    request
        .set_scheme(Some(&Scheme::Http))
        .expect("http is a scheme");
    request
        .set_authority(Some("127.0.0.1:9"))
        .expect("an address is an authority");
    request
        .set_path_with_query(Some("/"))
        .expect("a slash is a path");
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
