//! Bodies of requests: read whole, within a limit and a time, from clients that go on sending.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// Bytes of a JSON body: a manifest and the names of tens of thousands of files, and for every connection at once little
/// enough.
pub(super) const JSON_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// From the first byte of a JSON body to its last.
const JSON_TIME_MAX: Duration = Duration::from_secs(120);
/// Between two pieces of a body.
const BODY_IDLE_MAX: Duration = Duration::from_secs(30);

/// A JSON body, or what is wrong with it.
pub(super) async fn json<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let text = whole(body, JSON_BYTES_MAX, JSON_TIME_MAX).await?;
    serde_json::from_slice(&text).map_err(|error| Refusal::malformed(error.to_string()))
}

/// A body of any kind. Whoever sends a byte now and then does not keep a place for ever.
pub(super) async fn whole(
    body: Body,
    bytes_max: u64,
    time_max: Duration,
) -> Result<Bytes, Refusal> {
    let read = tokio::time::timeout(time_max, pieces(body, bytes_max)).await;
    read.unwrap_or_else(|_| Err(too_slow(format!("the body took longer than {time_max:?}"))))
}

async fn pieces(mut body: Body, bytes_max: u64) -> Result<Bytes, Refusal> {
    let announced = body.size_hint().lower();
    if announced > bytes_max {
        return Err(Refusal::too_large(bytes_max));
    }
    // Reserved at once: growing step by step would hold everything twice.
    let mut whole = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
    while let Some(frame) = tokio::time::timeout(BODY_IDLE_MAX, body.frame())
        .await
        .map_err(|_| too_slow(format!("nothing of the body came for {BODY_IDLE_MAX:?}")))?
    {
        let frame = frame.map_err(|_| Refusal::malformed("the body ended early"))?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if (whole.len() + piece.len()) as u64 > bytes_max {
            return Err(Refusal::too_large(bytes_max));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

fn too_slow(title: String) -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", title)
}
