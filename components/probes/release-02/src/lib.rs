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

mod answer;
mod word;

use answer::Answer;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

const QUICK_LINES: usize = 64;
const BIG_BYTES: usize = 1024 * 1024;
const PIECES: u64 = 8;
const PIECE_LINES: usize = 8;
const EVENT_MS: u64 = 20;
/// Of a hundred requests, so many fail where the revision is a failing one.
const FAILING_PERCENT: u64 = 20;
const NS_PER_MS: u64 = 1_000_000;

struct Probe;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip2::http::proxy::export!(Probe);
};

impl Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        match path.rsplit('/').next().unwrap_or_default() {
            "quick" => quick(out, number(query, "draw").unwrap_or(100)),
            "slow" => slow(out, number(query, "ms").unwrap_or(0)),
            "late" => late(out, number(query, "ms").unwrap_or(0)),
            "events" => events(out, number(query, "count").unwrap_or(1)),
            "big" => big(out),
            "health" => health(out),
            _ => Answer::text(out, 404, "there is nothing here"),
        }
    }
}

fn quick(out: ResponseOutparam, draw: u64) {
    let fails = word::is_failing() && draw < FAILING_PERCENT;
    let status = if fails { 500 } else { 200 };
    Answer::text(out, status, &word::line().repeat(QUICK_LINES));
}

fn slow(out: ResponseOutparam, ms: u64) {
    let answer = Answer::start(out, 200, "text/plain", None);
    for _ in 0..PIECES {
        wait(ms / PIECES);
        if !answer.write(word::line().repeat(PIECE_LINES).as_bytes()) {
            break;
        }
    }
    answer.finish();
}

fn late(out: ResponseOutparam, ms: u64) {
    wait(ms / 2);
    slow(out, ms / 2);
}

fn events(out: ResponseOutparam, count: u64) {
    let answer = Answer::start(out, 200, "text/event-stream", None);
    for id in 0..count {
        if !answer.write(format!("id: {id}\ndata: {}\n", word::line()).as_bytes()) {
            break;
        }
        wait(EVENT_MS);
    }
    answer.finish();
}

fn big(out: ResponseOutparam) {
    let line = word::line();
    Answer::text(out, 200, &line.repeat(BIG_BYTES / line.len()));
}

fn health(out: ResponseOutparam) {
    match word::is_failing() {
        true => Answer::text(out, 500, "this revision fails"),
        false => Answer::text(out, 200, "ok"),
    }
}

fn wait(ms: u64) {
    subscribe_duration(ms * NS_PER_MS).block();
}

fn number(query: &str, name: &str) -> Option<u64> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .and_then(|(_, value)| value.parse().ok())
}
