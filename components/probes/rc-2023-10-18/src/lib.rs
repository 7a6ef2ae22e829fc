//! A service of October 2023's `wasi:http` 0.2, for the host's tests, chosen by path:
//!
//! | path | what happens |
//! |---|---|
//! | `/header` | the request's header `x-probe` |
//! | `/echo` | the request's body, as it arrives |
//! | `/forward` | the same, moved by the host |
//! | `/environment?name=X` | the environment variable, or 404 |
//! | `/clock` | `later`, after one alarm of each kind |
//! | `/random` | `different`, if two random numbers are |
//! | `/outbound?url=U` | what U answers, or 502 and the word of the error; `first-byte-ms` bounds it |
//! | `/connect?address=A` | `connected`, once a TCP connection to A is, or 502 and the word of the error |
//! | `/datagram?address=A` | what a datagram with `ping` is answered from A, or 502 and the word of the error |
//! | `/files` | the names of the preopened directories, a line each, and what `lock-shared` on each ends in |
//! | `/trailers` | `none`, the trailers of the request being empty |
//! | `/trap` | panics |
#![cfg(target_family = "wasm")]

mod answer;
mod bindings;
mod outbound;
mod sockets;

use answer::Answer;
use bindings::exports::wasi::http::incoming_handler::Guest;
use bindings::wasi::cli::environment;
use bindings::wasi::clocks::monotonic_clock;
use bindings::wasi::filesystem::preopens;
use bindings::wasi::http::types::{Error, IncomingBody, IncomingRequest, ResponseOutparam};
use bindings::wasi::io::poll;
use bindings::wasi::random::random;

const CHUNK_BYTES: u64 = 64 * 1024;
const ALARM_NS: u64 = 1_000_000;

struct Probe;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    bindings::export!(Probe with_types_in bindings);
};

impl Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        match path {
            "/header" => header(&request, out),
            "/echo" => echo(&request, out),
            "/forward" => forward(&request, out),
            "/environment" => found(environment_of(query), out),
            "/clock" => clock(out),
            "/random" => random_numbers(out),
            "/outbound" => outbound::answer(query, out),
            "/connect" => sockets::connect(query, out),
            "/datagram" => sockets::datagram(query, out),
            "/files" => files(out),
            "/trailers" => trailers(&request, out),
            "/trap" => panic!("the probe panics, as it was asked to"),
            _ => Answer::text(out, 404, "no such behaviour"),
        }
    }
}

fn found(value: Option<String>, out: ResponseOutparam) {
    match value {
        Some(value) => Answer::text(out, 200, &value),
        None => Answer::text(out, 404, ""),
    }
}

fn header(request: &IncomingRequest, out: ResponseOutparam) {
    let values = request.headers().get("x-probe");
    let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
    found(values.first().map(text), out);
}

/// Nothing is read ahead of what the client has taken.
fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let body = request.consume().expect("nobody has taken the body");
    let input = body.stream().expect("nobody has taken the stream");
    let answer = Answer::start(out, 200);
    while let Ok(chunk) = input.blocking_read(CHUNK_BYTES) {
        if !answer.write(&chunk) {
            break;
        }
    }
    answer.finish();
}

fn forward(request: &IncomingRequest, out: ResponseOutparam) {
    let body = request.consume().expect("nobody has taken the body");
    let input = body.stream().expect("nobody has taken the stream");
    let answer = Answer::start(out, 200);
    answer.forward(input);
    answer.finish();
}

fn environment_of(query: &str) -> Option<String> {
    let name = parameter(query, "name")?;
    let variables = environment::get_environment();
    let found = variables.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value)
}

/// Waits for one alarm by its time and one by its delay.
fn clock(out: ResponseOutparam) {
    let start = monotonic_clock::now();
    poll::poll_one(&monotonic_clock::subscribe(start + ALARM_NS, true));
    poll::poll_list(&[&monotonic_clock::subscribe(ALARM_NS, false)]);
    let later = monotonic_clock::now() >= start + 2 * ALARM_NS;
    Answer::text(out, 200, if later { "later" } else { "early" });
}

fn random_numbers(out: ResponseOutparam) {
    let different = random::get_random_u64() != random::get_random_u64();
    Answer::text(out, 200, if different { "different" } else { "equal" });
}

fn files(out: ResponseOutparam) {
    let directories = preopens::get_directories();
    let line = |(descriptor, name): (preopens::Descriptor, String)| {
        format!("{name}: {:?}\n", descriptor.lock_shared())
    };
    let lines: String = directories.into_iter().map(line).collect();
    Answer::text(out, 200, &lines);
}

fn trailers(request: &IncomingRequest, out: ResponseOutparam) {
    let body = request.consume().expect("nobody has taken the body");
    let pending = IncomingBody::finish(body);
    poll::poll_one(&pending.subscribe());
    let trailers = pending.get().expect("they were waited for");
    match trailers.map(|trailers| trailers.entries().len()) {
        Ok(0) => Answer::text(out, 200, "none"),
        Ok(count) => Answer::text(out, 200, &count.to_string()),
        Err(error) => Answer::text(out, 502, &word(&error)),
    }
}

/// `unexpected: …`, and so on.
fn word(error: &Error) -> String {
    match error {
        Error::InvalidUrl(text) => format!("invalid-url: {text}"),
        Error::TimeoutError(text) => format!("timeout-error: {text}"),
        Error::ProtocolError(text) => format!("protocol-error: {text}"),
        Error::UnexpectedError(text) => format!("unexpected-error: {text}"),
    }
}

fn number(query: &str, name: &str) -> Option<u32> {
    parameter(query, name)?.parse().ok()
}

fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
