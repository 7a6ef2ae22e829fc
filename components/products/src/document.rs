//! The JSON document in a request's body.

use crate::product::Violation;
use crate::{faults, media};
use serde_json::Value;
use stoa_sdk::http::{Problem, Request};

/// The largest document that a request may hold.
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;

/// Reads the body as JSON. `accept` names the header that tells a client which media types are accepted.
pub(crate) async fn read(
    request: &mut Request,
    accept: &str,
    accepted: &[&str],
) -> Result<Value, Problem> {
    if !accepted.contains(&media::essence(request).as_str()) {
        return Err(media::unsupported(accept, accepted));
    }
    media::expect_identity(request)?;
    let bytes = request
        .body()
        .bytes(DOCUMENT_BYTES_MAX)
        .await
        .map_err(|error| faults::body(&error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::new(400).detail(format!("body is not JSON: {error}")))
}

/// What a client is told about a document that is JSON, but not what was asked for.
pub(crate) fn invalid(violations: Vec<Violation>) -> Problem {
    let errors: Vec<_> = violations
        .into_iter()
        .map(|violation| serde_json::json!({"pointer": violation.pointer, "detail": violation.detail}))
        .collect();
    Problem::new(422)
        .detail("the document is not valid")
        .member("errors", errors)
}
