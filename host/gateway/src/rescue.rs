//! Errors become public answers here and nowhere else: RFC 9457 problems with a trace id and no internals.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use serde_json::json;
use tower::{Layer, Service, layer::layer_fn};
use tracing::{debug, warn};

use crate::filters::{After, Then};
use crate::stack::PublicBody;

/// Why the inner service has no answer, in the words it shares with every gateway: whose fault it was, and whether to
/// try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The request cannot be served by anybody.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// The service broke.
    #[error("the service failed")]
    Broken,
    /// The service is full, or its instance went away under the request; trying again is likely to help.
    #[error("the service is unavailable")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The service did not answer in time.
    #[error("the service did not answer in time")]
    Deadline,
    /// The request's body is larger than the service takes.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// What it takes.
        limit: u64,
    },
}

/// Why a request got no answer of its route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("no route answers this path")]
    NoRoute,
    #[error("CONNECT is not served")]
    Connect,
    #[error("too many requests in flight, at most {limit}")]
    Overloaded { limit: usize },
    #[error("more than {limit} header fields")]
    TooManyHeaders { limit: usize },
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge { limit: u64 },
    #[error(transparent)]
    Failed(Failure),
}

/// In the extensions of a public answer of ours. Its body has a trace id, which no two answers share.
#[derive(Clone, Copy)]
pub(crate) struct Rescued;

/// How long a client is asked to wait when the whole host is full.
const OVERLOADED_RETRY: Duration = Duration::from_secs(1);

pub(crate) fn layer<S>() -> impl Layer<S, Service = Rescue<S>> + Clone {
    layer_fn(Rescue)
}

#[derive(Clone)]
pub(crate) struct Rescue<S>(S);

impl<S, I, B> Service<Request<I>> for Rescue<S>
where
    S: Service<Request<I>, Response = Response<PublicBody<B>>, Error = Rejection>,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = Then<S::Future, Answer, Result<S::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // No service of this stack refuses by not being ready: refusals are answers.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        // Copied before the request is gone: a client that traces finds its own id in the answer.
        let traceparent = request.headers().get("traceparent").cloned();
        Then::new(self.0.call(request), Answer { traceparent })
    }
}

pub(crate) struct Answer {
    traceparent: Option<HeaderValue>,
}

impl<B> After<Result<Response<PublicBody<B>>, Rejection>> for Answer {
    type Output = Result<Response<PublicBody<B>>, Infallible>;

    fn after(self, outcome: Result<Response<PublicBody<B>>, Rejection>) -> Self::Output {
        Ok(outcome.unwrap_or_else(|rejection| self.problem(&rejection)))
    }
}

impl Answer {
    fn problem<B>(&self, rejection: &Rejection) -> Response<PublicBody<B>> {
        let public = Problem::of(rejection);
        let trace = self
            .traceparent
            .as_ref()
            .and_then(trace_id)
            .unwrap_or_else(new_trace_id);
        let status = public.status.as_u16();
        match rejection {
            // Somebody's fault. Whatever else is refused, clients can make as much of it as they like: it is counted.
            Rejection::Failed(Failure::Broken) => {
                warn!(%trace, status, %rejection, "request not served")
            }
            _ => debug!(%trace, status, %rejection, "request refused"),
        }
        let body = json!({
            "type": "about:blank",
            "title": public.status.canonical_reason(),
            "status": public.status.as_u16(),
            "detail": public.detail,
            "trace": trace,
        });
        let mut response = Response::new(Either::Left(Full::new(Bytes::from(body.to_string()))));
        *response.status_mut() = public.status;
        *response.headers_mut() = public.headers;
        response.extensions_mut().insert(Rescued);
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}

/// What a client is told.
struct Problem {
    status: StatusCode,
    detail: String,
    headers: HeaderMap,
}

impl Problem {
    fn of(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::NoRoute => Self::new(StatusCode::NOT_FOUND, "no route answers this path"),
            Rejection::Connect => {
                let allowed =
                    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
                Self::new(StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not served")
                    .with(header::ALLOW, allowed)
            }
            Rejection::Overloaded { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once")
                    .retry(OVERLOADED_RETRY)
            }
            Rejection::TooManyHeaders { limit } => Self::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                &format!("a request may have at most {limit} header fields"),
            ),
            Rejection::BodyTooLarge { limit }
            | Rejection::Failed(Failure::BodyTooLarge { limit }) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("the body may have at most {limit} bytes"),
            ),
            Rejection::Failed(Failure::Malformed(why)) => Self::new(
                StatusCode::BAD_REQUEST,
                &format!("the request is malformed: {why}"),
            ),
            Rejection::Failed(Failure::Broken) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the service failed")
            }
            Rejection::Failed(Failure::Unavailable { retry_after }) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the service is not available now",
            )
            .retry(*retry_after),
            Rejection::Failed(Failure::Deadline) => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "the service did not answer in time",
            ),
        }
    }

    fn new(status: StatusCode, detail: &str) -> Self {
        Self {
            status,
            detail: detail.to_owned(),
            headers: HeaderMap::new(),
        }
    }

    fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Whole seconds, rounded up (RFC 9110, section 10.2.3).
    fn retry(self, after: Duration) -> Self {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }
}

/// The trace id of a `traceparent` (W3C Trace Context, section 3.2), if it is a valid one.
fn trace_id(traceparent: &HeaderValue) -> Option<String> {
    let mut fields = traceparent.to_str().ok()?.split('-');
    let (version, trace) = (fields.next()?, fields.next()?);
    let hexadecimal = |text: &str, length| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let valid =
        hexadecimal(version, 2) && hexadecimal(trace, 32) && trace.bytes().any(|byte| byte != b'0');
    valid.then(|| trace.to_owned())
}

fn new_trace_id() -> String {
    let mut bytes = [0; 16];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        warn!("no randomness for a trace id, zeros are used");
    }
    format!("{:032x}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_traceparent_gives_its_trace_id_and_a_broken_one_none() {
        let id = |text| trace_id(&HeaderValue::from_static(text));
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(
            id(valid).as_deref(),
            Some("4bf92f3577b34da6a3ce929d0e0e4736")
        );
        assert_eq!(
            id("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
            None
        );
        assert_eq!(id("00-<script>-00f067aa0ba902b7-01"), None);
        assert_eq!(id(""), None);
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up() {
        let problem =
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "").retry(Duration::from_millis(1_200));
        assert_eq!(problem.headers[header::RETRY_AFTER], "2");
    }
}
