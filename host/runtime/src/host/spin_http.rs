//! `fermyon:spin/http`, the outbound HTTP of Spin 1: whole bodies, through what `wasi:http` sends its requests through, so
//! within the same network and the same limits. Redirects are followed as in Spin, but each is held against what the component
//! may reach like any other request.

mod redirect;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::{BodyExt, Full, Limited};
use tracing::debug;
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, WasiBody, WasiHttp, WasiHttpCtxView, WasiHttpView,
};

use self::bindings::fermyon::spin::http as contract;
use self::bindings::fermyon::spin::http_types::{self, HttpError, Method, Request, Response};
use crate::instance::State;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-1-http",
        inline: "package stoa:host; world fermyon-spin-first-http { import fermyon:spin/http; }",
        world: "stoa:host/fermyon-spin-first-http",
        imports: { default: async },
    });
}

/// Bytes of an answer's body, which the host has to hold as a whole; as in Spin.
const ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Redirects that are followed for one request, as in Spin.
const REDIRECTS_MAX: usize = 10;
/// Bytes of a request's headers, as for `wasi:http`.
const HEADERS_BYTES_MAX: usize = 64 * 1024;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    http_types::add_to_linker::<_, WasiHttp>(linker, State::http)?;
    contract::add_to_linker::<_, WasiHttp>(linker, State::http)
}

impl http_types::Host for WasiHttpCtxView<'_> {}

impl contract::Host for WasiHttpCtxView<'_> {
    async fn send_request(&mut self, request: Request) -> Result<Response, HttpError> {
        let mut request = outgoing(request)?;
        for _ in 0..=REDIRECTS_MAX {
            let sent = Box::new(std::future::ready(Ok(())));
            let answer = self.hooks.send_request(bodied(&request), None, sent);
            let (answer, _) = Box::into_pin(answer)
                .await
                .map_err(|error| refusal(&error))?;
            let next = redirect::next(&request, &answer);
            match next {
                Some(next) => request = next,
                None => return whole(answer).await,
            }
        }
        debug!("an answer of outbound http leads on and on");
        Err(HttpError::RuntimeError)
    }
}

/// As the client takes it.
fn bodied(request: &http::Request<Bytes>) -> http::Request<WasiBody> {
    request.clone().map(|bytes: Bytes| {
        let body = Full::new(bytes);
        body.map_err(|never| match never {}).boxed_unsync()
    })
}

fn outgoing(request: Request) -> Result<http::Request<Bytes>, HttpError> {
    let uri: http::Uri = request.uri.parse().map_err(|_| HttpError::InvalidUrl)?;
    let mut outgoing = http::Request::new(Bytes::from(request.body.unwrap_or_default()));
    *outgoing.method_mut() = method(request.method);
    *outgoing.uri_mut() = uri;
    *outgoing.headers_mut() = headers(request.headers)?;
    Ok(outgoing)
}

/// Those that say how a message is sent are left out: they are the client's to set.
fn headers(written: Vec<(String, String)>) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    let mut bytes = 0;
    for (name, value) in written {
        bytes += name.len() + value.len();
        if bytes > HEADERS_BYTES_MAX {
            return Err(HttpError::RequestError);
        }
        let name = HeaderName::try_from(name).map_err(|_| HttpError::RequestError)?;
        let value = HeaderValue::try_from(value).map_err(|_| HttpError::RequestError)?;
        if DEFAULT_FORBIDDEN_HEADERS.contains(&name) || name == header::CONTENT_LENGTH {
            continue;
        }
        let added = headers.try_append(name, value);
        added.map_err(|_| HttpError::RequestError)?;
    }
    Ok(headers)
}

async fn whole(answer: http::Response<WasiBody>) -> Result<Response, HttpError> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| {
        debug!(%error, "an answer of outbound http was not taken whole");
        HttpError::RuntimeError
    })?;
    // What is no text has no place in this contract.
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.to_string(), value.to_str().ok()?.to_owned()))
    };
    Ok(Response {
        status: head.status.as_u16(),
        headers: Some(head.headers.iter().filter_map(text).collect()),
        body: Some(body.to_bytes().into()),
    })
}

/// What went wrong in the few words of the contract. The client has logged it.
fn refusal(error: &Error) -> HttpError {
    match error {
        Error::HttpRequestDenied | Error::DestinationIpProhibited => {
            HttpError::DestinationNotAllowed
        }
        Error::HttpRequestUriInvalid | Error::HttpRequestMethodInvalid => HttpError::InvalidUrl,
        Error::ConnectionLimitReached => HttpError::TooManyRequests,
        _ => HttpError::RuntimeError,
    }
}

fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Delete => http::Method::DELETE,
        Method::Patch => http::Method::PATCH,
        Method::Head => http::Method::HEAD,
        Method::Options => http::Method::OPTIONS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        headers.iter().map(owned).collect()
    }

    #[test]
    fn headers_that_are_none_or_too_many_are_refused() {
        let long = "a".repeat(HEADERS_BYTES_MAX);
        for wrong in [("a b", "c"), ("a", "b\nc"), ("a", &*long)] {
            let refused = headers(written(&[wrong]));
            assert!(matches!(refused, Err(HttpError::RequestError)));
        }
    }

    #[test]
    fn how_a_message_is_sent_is_not_for_guests_to_say() {
        let sent = [
            ("Host", "elsewhere"),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("content-length", "7"),
            ("x-one", "1"),
            ("X-One", "2"),
        ];
        let headers = headers(written(&sent)).unwrap_or_else(|_| panic!("they are headers"));
        let kept: Vec<_> = headers.get_all("x-one").iter().collect();
        assert_eq!((headers.len(), kept.len()), (2, 2));
    }

    #[test]
    fn what_is_not_allowed_has_a_word_of_its_own() {
        for error in [Error::HttpRequestDenied, Error::DestinationIpProhibited] {
            assert!(matches!(refusal(&error), HttpError::DestinationNotAllowed));
        }
        let full = refusal(&Error::ConnectionLimitReached);
        assert!(matches!(full, HttpError::TooManyRequests));
        let refused = refusal(&Error::ConnectionRefused);
        assert!(matches!(refused, HttpError::RuntimeError));
    }
}
