//! Bodies that a guest takes as a whole.

use http::StatusCode;
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, WasiBody};

/// Gathers a body of at most so many bytes.
///
/// # Errors
/// The status that says to the client what was wrong with it.
pub(super) async fn whole(mut body: WasiBody, bytes_max: u64) -> Result<Vec<u8>, StatusCode> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| status(&error))?;
        // Trailers are not part of it.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if (bytes.len() + data.len()) as u64 > bytes_max {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::HttpRequestBodySize(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::ConnectionReadTimeout => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    fn body(pieces: Vec<Result<&'static str, Error>>) -> WasiBody {
        let frame = |piece: Result<&'static str, Error>| {
            piece.map(|text| Frame::data(Bytes::from_static(text.as_bytes())))
        };
        StreamBody::new(stream::iter(pieces.into_iter().map(frame))).boxed_unsync()
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_and_one_at_it_is_not() {
        let over = whole(body(vec![Ok("1234"), Ok("5")]), 4).await;
        assert_eq!(over, Err(StatusCode::PAYLOAD_TOO_LARGE));
        let at = whole(body(vec![Ok("12"), Ok("34")]), 4).await;
        assert_eq!(at.as_deref(), Ok(b"1234".as_slice()));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_refused_with_the_reason() {
        for (error, status) in [
            (Error::HttpRequestBodySize(None), 413),
            (Error::ConnectionReadTimeout, 408),
            (Error::ConnectionTerminated, 400),
        ] {
            let broken = whole(body(vec![Ok("1"), Err(error)]), 4).await;
            assert_eq!(broken.map_err(|status| status.as_u16()), Err(status));
        }
    }
}
