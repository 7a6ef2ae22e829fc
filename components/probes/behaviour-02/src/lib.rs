//! What a WASI 0.2 service may do to its host, good and bad, chosen by path:
//!
//! | path | what happens |
//! |---|---|
//! | `/ok` | `ok` |
//! | `/echo?type=T&length=N` | the request's body, as it arrives; T and N are said of it, where they are given |
//! | `/status?code=N` | the status N, without a body |
//! | `/headers` | the request's headers, one `name: value` per line |
//! | `/count` | how many requests this instance has been given |
//! | `/print` | a line on standard output, one on standard error |
//! | `/environment?name=X` | the environment variable, or 404 |
//! | `/outbound` | the name of the error that a request to 127.0.0.1:9 ends in |
//! | `/outbound?url=U` | what U answers, or 502 and the name of the error; `connect-ms` and `first-byte-ms` bound it |
//! | `/ignore-body` | `ignored`; the body is not read |
//! | `/stream?count=N&delay-ms=M` | `tick 1` to `tick N`, a line each, with a pause before each |
//! | `/compute?rounds=N` | a number that takes N rounds of arithmetic, about a nanosecond each |
//! | `/fields?count=N` | `ok`, with N header fields |
//! | `/flood` | prints without end |
//! | `/drop-body` | promises 100 bytes, sends 10 and ends |
//! | `/no-response` | returns without a response |
//! | `/never` | waits for a year |
//! | `/linger`, `/linger-loop` | `ok`, then waits for a year, or never returns |
//! | `/trap-midway` | `first`, then a trap |
//! | `/panic`, `/loop`, `/allocate` | panics; never returns; takes memory without end |
#![cfg(target_family = "wasm")]

mod answer;
mod harm;
mod outbound;
mod stream;

use answer::Answer;
use std::sync::atomic::{AtomicU64, Ordering};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

static REQUESTS: AtomicU64 = AtomicU64::new(0);

struct Probe;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip2::http::proxy::export!(Probe);
};

impl Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let count = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        match path {
            "/ok" => Answer::text(out, 200, "ok"),
            "/echo" => stream::echo(&request, query, out),
            "/status" => Answer::text(out, number(query, "code") as u16, ""),
            "/headers" => Answer::text(out, 200, &headers(&request)),
            "/count" => Answer::text(out, 200, &count.to_string()),
            "/print" => print(out),
            "/environment" => environment(query, out),
            "/outbound" => outbound::answer(query, out),
            "/ignore-body" => Answer::text(out, 200, "ignored"),
            "/stream" => stream::ticks(query, out),
            "/compute" => Answer::text(
                out,
                200,
                &harm::compute(number(query, "rounds")).to_string(),
            ),
            "/fields" => fields(query, out),
            "/flood" => harm::flood(),
            "/drop-body" => harm::break_promise(out),
            "/no-response" => {}
            "/never" => harm::wait(),
            "/linger" => {
                Answer::text(out, 200, "ok");
                harm::wait();
            }
            "/linger-loop" => {
                Answer::text(out, 200, "ok");
                harm::spin();
            }
            "/trap-midway" => harm::trap_midway(out),
            "/panic" => panic!("the probe panics, as it was asked to"),
            "/loop" => harm::spin(),
            "/allocate" => harm::allocate(),
            _ => Answer::text(out, 404, "no such behaviour"),
        }
    }
}

fn headers(request: &IncomingRequest) -> String {
    let line =
        |(name, value): (String, Vec<u8>)| format!("{name}: {}\n", String::from_utf8_lossy(&value));
    request.headers().entries().into_iter().map(line).collect()
}

fn print(out: ResponseOutparam) {
    println!("the probe prints to standard output");
    eprintln!("the probe prints to standard error");
    Answer::text(out, 200, "printed");
}

fn environment(query: &str, out: ResponseOutparam) {
    let name = parameter(query, "name").unwrap_or_default();
    match std::env::vars().find(|(known, _)| *known == name) {
        Some((_, value)) => Answer::text(out, 200, &value),
        None => Answer::text(out, 404, ""),
    }
}

fn fields(query: &str, out: ResponseOutparam) {
    let names: Vec<_> = (0..number(query, "count"))
        .map(|n| format!("x-{n}"))
        .collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let answer = Answer::start(out, 200, &fields);
    answer.write(b"ok");
    answer.finish();
}

fn number(query: &str, name: &str) -> u64 {
    parameter(query, name)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
