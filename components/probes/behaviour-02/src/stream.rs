//! Bodies that take their time.

use crate::answer::Answer;
use crate::{number, parameter};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

const CHUNK_BYTES: u64 = 64 * 1024;
const NS_PER_MS: u64 = 1_000_000;

/// Sends the request's body back. Nothing is read ahead of what the client has taken.
pub(crate) fn echo(request: &IncomingRequest, query: &str, out: ResponseOutparam) {
    let body = request.consume().expect("nobody has taken the body");
    let input = body.stream().expect("nobody has taken the stream");
    let media = parameter(query, "type");
    let length = parameter(query, "length");
    let mut headers = vec![(
        "content-type",
        media.as_deref().unwrap_or("application/octet-stream"),
    )];
    headers.extend(length.as_deref().map(|length| ("content-length", length)));
    let answer = Answer::start(out, 200, &headers);
    while let Ok(chunk) = input.blocking_read(CHUNK_BYTES) {
        if !answer.write(&chunk) {
            break;
        }
    }
    answer.finish();
}

/// Sends lines with a pause before each.
pub(crate) fn ticks(query: &str, out: ResponseOutparam) {
    let answer = Answer::start(out, 200, &[("content-type", "text/plain")]);
    let (count, delay_ms) = (number(query, "count"), number(query, "delay-ms"));
    for tick in 1..=count {
        subscribe_duration(delay_ms * NS_PER_MS).block();
        if !answer.write(format!("tick {tick}\n").as_bytes()) {
            break;
        }
    }
    answer.finish();
}
