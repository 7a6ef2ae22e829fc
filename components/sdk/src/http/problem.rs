//! Errors in the one form that clients are promised: RFC 9457.

use super::Response;
use serde_json::{Map, Value};

/// An error as `application/problem+json`. Members that RFC 9457 does not define are added by [`Problem::member`].
#[derive(Clone, Debug)]
pub struct Problem {
    status: u16,
    members: Map<String, Value>,
    headers: Vec<(String, String)>,
}

impl Problem {
    /// The plain problem of this status, without a type of its own.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            members: Map::new(),
            headers: Vec::new(),
        }
        .member("type", "about:blank")
        .member("title", title(status))
        .member("status", status)
    }

    /// Gives the problem a type of its own: a URI that identifies it and its title, the same for every occurrence.
    #[must_use]
    pub fn kind(self, uri: &str, title: &str) -> Self {
        self.member("type", uri).member("title", title)
    }

    /// What went wrong this time, for people.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        self.member("detail", detail.into())
    }

    /// Sets a member of the problem.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the answer, such as `allow` or `retry-after`.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The status it is answered with.
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let body = Value::Object(problem.members).to_string();
        let mut response = Response::new(problem.status)
            .header("content-type", "application/problem+json")
            .body(body);
        response.headers.extend(problem.headers);
        response
    }
}

/// The phrase that HTTP has for a status.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        other if other < 500 => "Client Error",
        _ => "Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Call;

    #[test]
    fn a_problem_is_answered_as_rfc_9457_says() {
        let problem = Problem::new(405)
            .detail("only reading")
            .member("path", "/a")
            .header("allow", "GET");
        let answer = Call::get("/").send(|_| async { Response::from(problem) });
        assert_eq!(answer.status, 405);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("allow"), Some("GET"));
        let expected = serde_json::json!({
            "type": "about:blank",
            "title": "Method Not Allowed",
            "status": 405,
            "detail": "only reading",
            "path": "/a",
        });
        assert_eq!(answer.json(), expected);
    }
}
