//! A service that says which revision of itself answers: every body is one line, the revision's word and number, over
//! and over. Whoever finds two different lines in one body has seen two revisions in one answer.
//!
//! | the path's last part | what happens |
//! |---|---|
//! | `quick?draw=D` | 64 lines; a failing revision answers 500 if D is below 20 |
//! | `slow?ms=N` | lines in 8 pieces over N milliseconds |
//! | `late?ms=N` | the same, but the head comes only after half of them |
//! | `events?count=N` | N server-sent events, one every 20 ms, numbered by their ids |
//! | `big` | a mebibyte of lines |
//! | `health` | `ok`; a failing revision answers 500 |
#![cfg(target_family = "wasm")]

mod word;

use stoa_sdk::http::{Request, Response, Writer};
use wasip3::clocks::monotonic_clock::wait_for;

stoa_sdk::service!(handle);

const QUICK_LINES: usize = 64;
const BIG_BYTES: usize = 1024 * 1024;
const PIECES: u64 = 8;
const PIECE_LINES: usize = 8;
const EVENT_MS: u64 = 20;
/// Of a hundred requests, so many fail where the revision is a failing one.
const FAILING_PERCENT: u64 = 20;
const NS_PER_MS: u64 = 1_000_000;

async fn handle(request: Request) -> Response {
    let path = request.path().rsplit('/').next().unwrap_or_default();
    match path {
        "quick" => quick(number(&request, "draw").unwrap_or(100)),
        "slow" => slow(number(&request, "ms").unwrap_or(0)),
        "late" => late(number(&request, "ms").unwrap_or(0)).await,
        "events" => events(number(&request, "count").unwrap_or(1)),
        "big" => big(),
        "health" => health(),
        _ => Response::text(404, "there is nothing here"),
    }
}

fn quick(draw: u64) -> Response {
    let fails = word::is_failing() && draw < FAILING_PERCENT;
    Response::text(
        if fails { 500 } else { 200 },
        word::line().repeat(QUICK_LINES),
    )
}

fn slow(ms: u64) -> Response {
    Response::stream(200, move |writer| pieces(writer, ms / PIECES))
}

async fn late(ms: u64) -> Response {
    wait_for(ms / 2 * NS_PER_MS).await;
    slow(ms / 2)
}

async fn pieces(mut writer: Writer, pause_ms: u64) {
    for _ in 0..PIECES {
        wait_for(pause_ms * NS_PER_MS).await;
        let piece = word::line().repeat(PIECE_LINES).into_bytes();
        if writer.write(piece).await.is_err() {
            return;
        }
    }
}

fn events(count: u64) -> Response {
    let events = Response::stream(200, move |mut writer| async move {
        for id in 0..count {
            let event = format!("id: {id}\ndata: {}\n", word::line());
            if writer.write(event.into_bytes()).await.is_err() {
                return;
            }
            wait_for(EVENT_MS * NS_PER_MS).await;
        }
    });
    events.header("content-type", "text/event-stream")
}

fn big() -> Response {
    let line = word::line();
    Response::text(200, line.repeat(BIG_BYTES / line.len()))
}

fn health() -> Response {
    match word::is_failing() {
        true => Response::text(500, "this revision fails"),
        false => Response::text(200, "ok"),
    }
}

fn number(request: &Request, name: &str) -> Option<u64> {
    request.query_value(name)?.parse().ok()
}
