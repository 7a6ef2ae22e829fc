//! Bodies that take their time.

use crate::answer::streamed;
use crate::parameter;
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::wit_bindgen::{StreamReader, StreamResult, StreamWriter};
use wasip3::wit_future;

const CHUNK_BYTES: usize = 64 * 1024;
const NS_PER_MS: u64 = 1_000_000;

/// Sends the request's body back. Nothing is read ahead of what the client has taken.
pub(crate) fn echo(request: Request, query: &str) -> Response {
    let media = parameter(query, "type");
    let length = parameter(query, "length");
    let mut headers = vec![(
        "content-type",
        media.as_deref().unwrap_or("application/octet-stream"),
    )];
    headers.extend(length.as_deref().map(|length| ("content-length", length)));
    streamed(&headers, |writer| send_back(request, writer))
}

async fn send_back(request: Request, mut writer: StreamWriter<u8>) -> Result<(), ErrorCode> {
    let (_handled, told) = wit_future::new(|| Ok(()));
    let (mut chunks, end) = Request::consume_body(request, told);
    let client_left = pump(&mut chunks, &mut writer).await;
    if client_left {
        return Ok(());
    }
    // A request that broke off makes a response that breaks off.
    end.await.map(|_trailers| ())
}

/// Whether the client left before the body was at its end.
pub(crate) async fn pump(chunks: &mut StreamReader<u8>, writer: &mut StreamWriter<u8>) -> bool {
    loop {
        let (result, chunk) = chunks.read(Vec::with_capacity(CHUNK_BYTES)).await;
        if !chunk.is_empty() && !writer.write_all(chunk).await.is_empty() {
            return true;
        }
        if !matches!(result, StreamResult::Complete(_)) {
            return false;
        }
    }
}

/// Sends lines with a pause before each.
pub(crate) fn ticks(query: &str) -> Response {
    let number = |name| {
        parameter(query, name)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let (count, delay_ms) = (number("count"), number("delay-ms"));
    streamed(
        &[("content-type", "text/plain")],
        move |mut writer| async move {
            for tick in 1..=count {
                wait_for(delay_ms * NS_PER_MS).await;
                if !writer
                    .write_all(format!("tick {tick}\n").into_bytes())
                    .await
                    .is_empty()
                {
                    break;
                }
            }
            Ok(())
        },
    )
}
