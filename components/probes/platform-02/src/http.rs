//! `fermyon:spin/http`, without a version.

use crate::bindings::http1::fermyon::spin::http::send_request;
use crate::bindings::http1::fermyon::spin::http_types::{HttpError, Method, Request, Response};
use crate::unknown;
use probe_kit_02::{Answer, Call};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "send" => {
            let Response {
                status,
                headers,
                body,
            } = send_request(&request(call)?)?;
            let told = headers.unwrap_or_default().into_iter();
            let told = told
                .filter(|(name, _)| name == "x-told")
                .map(|(_, value)| value);
            let told = told.collect::<Vec<_>>().join(",");
            let lines = [status.to_string().into_bytes(), told.into_bytes()];
            Ok(Answer::lines(
                lines.into_iter().chain([body.unwrap_or_default()]),
            ))
        }
        "length" => {
            let response = send_request(&request(call)?)?;
            Ok(Answer::text(response.body.unwrap_or_default().len()))
        }
        op => Err(unknown(op)),
    }
}

fn request(call: &Call) -> Result<Request, Answer> {
    let method = match call.optional("method").unwrap_or("GET") {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "HEAD" => Method::Head,
        "OPTIONS" => Method::Options,
        method => return Err(Answer::bad(format!("no such method: {method}"))),
    };
    let header = |header: String| {
        let pair = header.split_once(':');
        let pair = pair.map(|(name, value)| (name.to_owned(), value.to_owned()));
        pair.ok_or_else(|| Answer::bad(format!("no header: {header}")))
    };
    let headers: Result<Vec<_>, _> = call.all("header").into_iter().map(header).collect();
    Ok(Request {
        method,
        uri: call.wanted("url")?.to_owned(),
        headers: headers?,
        params: Vec::new(),
        body: call.optional("body").map(|body| body.as_bytes().to_vec()),
    })
}

impl From<HttpError> for Answer {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::DestinationNotAllowed => Self::forbidden("destination-not-allowed", ""),
            HttpError::Success => Self::failed("success", ""),
            HttpError::InvalidUrl => Self::failed("invalid-url", ""),
            HttpError::RequestError => Self::failed("request-error", ""),
            HttpError::RuntimeError => Self::failed("runtime-error", ""),
            HttpError::TooManyRequests => Self::failed("too-many-requests", ""),
        }
    }
}
