//! Requests to somewhere else.

use crate::call::{Call, Refusal};
use spin_sdk::http::{send, Request, Response};

/// The status and the body of what a URL answers.
pub(crate) async fn value(call: &Call) -> Result<String, Refusal> {
    let url = call.wanted("url")?;
    let request = match call.function() {
        "get" => Request::get(url).build(),
        "post" => Request::post(url, call.wanted("body")?).build(),
        "put" => Request::put(url, call.wanted("body")?).build(),
        "patch" => Request::patch(url, call.wanted("body")?).build(),
        "delete" => Request::delete(url).build(),
        _ => return Err(call.unknown()),
    };
    let response: Response = send(request).await?;
    let status = *response.status();
    let body = response.into_body();
    Ok(format!("{status} {}", String::from_utf8_lossy(&body)))
}
