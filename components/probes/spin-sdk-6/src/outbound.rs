//! Requests to somewhere else, by the client of WASI 0.3.

use crate::call::{Call, Refusal};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{delete, get, patch, post, put};

/// The status and the body of what a URL answers.
pub(crate) async fn value(call: &Call) -> Result<String, Refusal> {
    let url = call.wanted("url")?;
    let body = || call.wanted("body").map(str::to_owned);
    let response = match call.function() {
        "get" => get(url).await?,
        "post" => post(url, body()?).await?,
        "put" => put(url, body()?).await?,
        "patch" => patch(url, body()?).await?,
        "delete" => delete(url).await?,
        _ => return Err(call.unknown()),
    };
    let status = response.status().as_u16();
    let body = response.into_body().bytes().await?;
    Ok(format!("{status} {}", String::from_utf8_lossy(&body)))
}
