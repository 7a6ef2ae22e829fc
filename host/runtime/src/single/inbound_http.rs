//! `fermyon:spin/inbound-http`: whole requests, whole responses.

use async_trait::async_trait;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};
use wasmtime_wasi_http::WasiBody;

use super::answer::HEAD_BYTES_MAX;
use super::whole::whole;
use super::{Answer, Begun, Call, Export, Outcome, answer};
use crate::instance::State;
use crate::revision::Limits;
use bindings::exports::fermyon::spin::inbound_http::GuestIndices;
use bindings::fermyon::spin::http_types::{Method, Request, Response};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-inbound-http",
        inline: "package stoa:host; world fermyon-spin-inbound-http { export fermyon:spin/inbound-http; }",
        world: "stoa:host/fermyon-spin-inbound-http",
        exports: { default: async },
    });
}

/// The export of one component.
pub(crate) struct InboundHttp {
    guest: GuestIndices,
    request_body_bytes_max: u64,
}

impl InboundHttp {
    pub(crate) fn new(pre: &InstancePre<State>, limits: &Limits) -> wasmtime::Result<Self> {
        // A guest could not hold what is larger than its memory.
        let memory = limits.memory_bytes_max as u64;
        Ok(Self {
            guest: GuestIndices::new(pre)?,
            request_body_bytes_max: limits.request_body_bytes_max.min(memory),
        })
    }
}

impl Export for InboundHttp {
    fn begin(&self, request: http::Request<WasiBody>) -> Begun {
        Begun {
            program: None,
            call: Box::new(Handled {
                guest: self.guest.clone(),
                request,
                request_body_bytes_max: self.request_body_bytes_max,
            }),
        }
    }
}

struct Handled {
    guest: GuestIndices,
    request: http::Request<WasiBody>,
    request_body_bytes_max: u64,
}

#[async_trait]
impl Call for Handled {
    async fn run(
        self: Box<Self>,
        store: &mut Store<State>,
        instance: &Instance,
        answer: Answer,
    ) -> wasmtime::Result<Outcome> {
        let Self {
            guest,
            request,
            request_body_bytes_max,
        } = *self;
        let (head, body) = request.into_parts();
        let Some(method) = method(&head.method) else {
            return Ok(send(answer, answer::empty(StatusCode::METHOD_NOT_ALLOWED)));
        };
        let body = match whole(body, request_body_bytes_max).await {
            Ok(body) => body,
            Err(status) => return Ok(send(answer, answer::empty(status))),
        };
        let request = asked(method, &head, body);
        let guest = guest.load(&mut *store, instance)?;
        let response = guest.call_handle_request(&mut *store, &request).await?;
        Ok(answered(response, &head.method).and_then(|response| send(answer, response)))
    }
}

fn send(answer: Answer, response: http::Response<WasiBody>) -> Outcome {
    // Whoever asked may have left.
    answer.send(response).ok();
    Ok(())
}

/// The contract has no others.
fn method(method: &http::Method) -> Option<Method> {
    Some(match *method {
        http::Method::GET => Method::Get,
        http::Method::POST => Method::Post,
        http::Method::PUT => Method::Put,
        http::Method::DELETE => Method::Delete,
        http::Method::PATCH => Method::Patch,
        http::Method::HEAD => Method::Head,
        http::Method::OPTIONS => Method::Options,
        _ => return None,
    })
}

fn asked(method: Method, head: &Parts, body: Vec<u8>) -> Request {
    let target = head.uri.path_and_query();
    let fields = head.headers.iter();
    Request {
        method,
        uri: target.map_or_else(|| "/".to_owned(), ToString::to_string),
        headers: fields
            .filter(|(name, _)| answer::passes(name))
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        params: Vec::new(),
        body: Some(body),
    }
}

/// Bytes that are no text are replaced: a client must not be able to make a request fail by them.
fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn answered(response: Response, method: &http::Method) -> Result<http::Response<WasiBody>, String> {
    let Response {
        status,
        headers,
        body,
    } = response;
    let code = answer::status(status).ok_or_else(|| format!("{status} is no status"))?;
    let fields = headers.iter().flatten();
    let bytes: usize = fields.map(|(name, value)| name.len() + value.len()).sum();
    // Before it is read: a map of headers takes no more than some ten thousand names, and panics.
    if bytes > HEAD_BYTES_MAX {
        return Err(format!("its head is larger than {HEAD_BYTES_MAX} bytes"));
    }
    let mut answered = answer::empty(code);
    let head = answered.headers_mut();
    for (name, value) in headers.iter().flatten() {
        answer::add(head, name, value)?;
    }
    // What it has is what it announces, where there may be a body at all.
    let bodiless = *method == http::Method::HEAD
        || matches!(code, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if let (Some(body), false) = (body, bodiless) {
        head.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        *answered.body_mut() = answer::full(body);
    }
    Ok(answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: Option<&str>) -> Response {
        let fields = headers.iter();
        let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Response {
            status,
            headers: Some(fields.collect()),
            body: body.map(|body| body.as_bytes().to_vec()),
        }
    }

    #[test]
    fn an_answer_that_is_none_is_told_why() {
        let none: [(u16, &[(&str, &str)]); 5] = [
            (0, &[]),
            (101, &[]),
            (601, &[]),
            (200, &[("a b", "1")]),
            (200, &[("a", "1\r\nb: 2")]),
        ];
        for (status, headers) in none {
            let outcome = answered(response(status, headers, None), &http::Method::GET);
            assert!(outcome.is_err(), "{status} {headers:?}");
        }
    }

    #[test]
    fn a_head_that_is_too_large_is_no_answer_however_many_fields_make_it_up() {
        let names: Vec<String> = (0..40_000).map(|number| format!("x{number}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let long = "x".repeat(HEAD_BYTES_MAX);
        for headers in [&many[..], &[("a", long.as_str())][..]] {
            let outcome = answered(response(200, headers, None), &http::Method::GET);
            let why = outcome.map(drop).expect_err("it is too large");
            assert!(why.starts_with("its head is larger than"), "{why}");
        }
        let long = &long[1..];
        assert!(answered(response(200, &[("a", long)], None), &http::Method::GET).is_ok());
    }

    #[test]
    fn the_length_is_that_of_the_body_whatever_the_guest_says() {
        let length = |method, body| {
            let said = response(200, &[("content-length", "7")], body);
            let answered = answered(said, &method).expect("it is an answer");
            let length = answered.headers().get("content-length").cloned();
            length.map(|length| text(&length))
        };
        assert_eq!(length(http::Method::GET, Some("123")).as_deref(), Some("3"));
        assert_eq!(
            length(http::Method::HEAD, Some("123")).as_deref(),
            Some("7")
        );
    }

    #[test]
    fn a_request_is_told_without_what_is_about_its_connection() {
        let request = http::Request::get("http://shop.example/a?b=1")
            .header("connection", "close")
            .header("x-a", "1")
            .header("x-a", &b"\xff"[..])
            .body(())
            .expect("it is a request");
        let (head, ()) = request.into_parts();
        let asked = asked(Method::Get, &head, b"body".to_vec());
        assert_eq!(asked.uri, "/a?b=1");
        let fields = [("x-a", "1"), ("x-a", "\u{fffd}")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(asked.headers, fields);
        assert_eq!(asked.body.as_deref(), Some(b"body".as_slice()));
    }
}
