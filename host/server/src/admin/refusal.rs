//! Answers that are not a success, and what the store's errors are called.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use stoa_capabilities::releases;

use super::messages::Problem;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Seconds after which it is worth to ask again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Why something was not done. Boxed, because it is carried through many results and seldom there.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Problem>);

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str, title: impl Into<String>) -> Self {
        Self::from(Problem {
            code: code.into(),
            title: title.into(),
            status: status.as_u16(),
            problems: Vec::new(),
            differences: Vec::new(),
            missing: Vec::new(),
            serving: None,
        })
    }

    /// Adds what exactly is wrong.
    pub(super) fn because(mut self, problem: impl Into<String>) -> Self {
        self.0.problems.push(problem.into());
        self
    }

    /// Adds what serves on, unless that is said already.
    pub(super) fn serving(mut self, serving: impl FnOnce() -> String) -> Self {
        self.0.serving.get_or_insert_with(serving);
        self
    }

    pub(super) fn code(&self) -> &str {
        &self.0.code
    }

    pub(super) fn unauthenticated() -> Self {
        let title = "this needs an admin token or a client certificate that this host accepts";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", title)
    }

    pub(super) fn too_many_attempts() -> Self {
        let title = "too many attempts without a valid token";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", title)
    }

    pub(super) fn foreign_host() -> Self {
        let title = "this host is administered as `localhost`, or by an address of loopback, only";
        Self::new(StatusCode::FORBIDDEN, "foreign-host", title)
    }

    pub(super) fn malformed(why: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "the request cannot be read",
        )
        .because(why)
    }

    pub(super) fn too_large(limit: u64) -> Self {
        let title = format!("the body is over the limit of {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title)
    }

    pub(super) fn busy(why: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", why)
    }

    pub(super) fn stopping() -> Self {
        let title = "this host is stopping";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", title)
    }

    pub(super) fn broken() -> Self {
        let title = "this host failed at it; its log says how";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title)
    }

    pub(super) fn unknown_release(number: u64) -> Self {
        let title = format!("there is no release {number}");
        Self::new(StatusCode::NOT_FOUND, "unknown-release", title)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<releases::Error> for Refusal {
    /// With the words of `deploy::Refused`, where it has one.
    fn from(error: releases::Error) -> Self {
        use releases::Error;
        let (status, code) = match &error {
            Error::UnknownRelease(_) => (StatusCode::NOT_FOUND, "unknown-release"),
            Error::Missing(_) => (StatusCode::CONFLICT, "missing-files"),
            Error::Conflict { .. } => (StatusCode::CONFLICT, "conflict"),
            Error::Mismatch { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "mismatch"),
            Error::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Error::Damaged(_) => (StatusCode::INTERNAL_SERVER_ERROR, "damaged"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        let mut refusal = Self::new(status, code, error.to_string());
        if let Error::Missing(files) = error {
            refusal.0.missing = files;
        }
        refusal
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed(rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::malformed(rejection.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = serde_json::to_vec(&*self.0).expect("a problem has only text and numbers");
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            _ => {}
        }
        response
    }
}
