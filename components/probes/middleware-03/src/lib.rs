//! Middleware: passes a request on to whatever is behind it, and the answer back, both as they stream.
//!
//! It leaves its word in `x-via` of the request and in `x-passed` of the answer: what `MIDDLEWARE` is in its environment,
//! or `plain` where there is no such variable. Whoever sends
//!
//! | header | gets |
//! |---|---|
//! | `x-refuse` with its word | 403 from it; nothing behind it sees the request |
//! | `x-ask` with a URL | in `x-asked`, the status of a GET of that by this middleware, or `refused` |
#![cfg(target_family = "wasm")]

mod bindings;

use bindings::wasi::http::handler;
use wasip3::cli::environment::get_environment;
use wasip3::exports::http::handler::Guest;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_future;

struct Middleware;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip3::http::service::export!(Middleware);
};

impl Guest for Middleware {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (headers, word) = (request.get_headers(), word());
        let value = |name: &str| {
            let value = headers.get(name).into_iter().next()?;
            String::from_utf8(value).ok()
        };
        if value("x-refuse").as_ref() == Some(&word) {
            return Ok(refused());
        }
        let asked = match value("x-ask") {
            Some(url) => Some(ask(&url).await),
            None => None,
        };
        drop(headers);
        let answer = handler::handle(marked(request, &word)).await?;
        Ok(passed(answer, &word, asked))
    }
}

fn word() -> String {
    let mut variables = get_environment().into_iter();
    let found = variables.find(|(name, _)| name == "MIDDLEWARE");
    found.map_or_else(|| "plain".to_owned(), |(_, word)| word)
}

fn refused() -> Response {
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), None, trailers);
    // Sends the default: no trailers.
    drop(end);
    response.set_status_code(403).expect("the status is one");
    response
}

/// The same request with one header more.
fn marked(request: Request, word: &str) -> Request {
    let headers = request.get_headers().clone();
    headers
        .append("x-via", word.as_bytes())
        .expect("a copy can be changed");
    let (method, path) = (request.get_method(), request.get_path_with_query());
    let (scheme, authority) = (request.get_scheme(), request.get_authority());
    let (_handled, told) = wit_future::new(|| Ok(()));
    let (contents, trailers) = Request::consume_body(request, told);
    let (next, _sent) = Request::new(headers, Some(contents), trailers, None);
    next.set_method(&method).expect("it had it before");
    next.set_path_with_query(path.as_deref())
        .expect("it had it before");
    next.set_scheme(scheme.as_ref()).expect("it had it before");
    next.set_authority(authority.as_deref())
        .expect("it had it before");
    next
}

/// The same answer with one header more, or two.
fn passed(answer: Response, word: &str, asked: Option<String>) -> Response {
    let (status, headers) = (answer.get_status_code(), answer.get_headers().clone());
    let changed = "a copy can be changed";
    headers.append("x-passed", word.as_bytes()).expect(changed);
    if let Some(asked) = asked {
        headers.append("x-asked", asked.as_bytes()).expect(changed);
    }
    let (_handled, told) = wit_future::new(|| Ok(()));
    let (contents, trailers) = Response::consume_body(answer, told);
    let (next, _sent) = Response::new(headers, Some(contents), trailers);
    next.set_status_code(status).expect("it had it before");
    next
}

/// How a GET of an `http://` URL ends.
async fn ask(url: &str) -> String {
    let rest = url.strip_prefix("http://").expect("it begins like that");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    drop(end);
    request
        .set_scheme(Some(&Scheme::Http))
        .expect("the scheme is known");
    request
        .set_authority(Some(authority))
        .expect("it is an authority");
    request
        .set_path_with_query(Some(path))
        .expect("it begins with a slash");
    match client::send(request).await {
        Ok(response) => response.get_status_code().to_string(),
        Err(_) => "refused".to_owned(),
    }
}
