//! What a component for Spin 1 to 3 may do with HTTP requests, good and bad, chosen by path:
//!
//! | path | what happens |
//! |---|---|
//! | `/ok` | `ok` |
//! | `/echo` | the request's body |
//! | `/request` | the method, the target, whether there is a body, and a line for each field and parameter |
//! | `/count` | how many requests this instance has been given |
//! | `/environment?name=X` | the environment variable, or 404 |
//! | `/status?code=N` | the status N, without a body and without fields |
//! | `/fields?count=N` | `ok`, with N header fields |
//! | `/field?name=N&value=V` | `ok`, with that header field |
//! | `/large?bytes=N` | so many bytes |
//! | `/compute?rounds=N` | a number that takes N rounds of arithmetic, about a nanosecond each |
//! | `/never` | waits for a year |
//! | `/panic`, `/loop`, `/allocate` | panics; never returns; takes memory without end |
#![cfg(target_family = "wasm")]

mod bindings;

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bindings::exports::fermyon::spin::inbound_http::{Guest, Request, Response};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const BLOCK_BYTES: usize = 1024 * 1024;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

struct Probe;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    bindings::export!(Probe with_types_in bindings);
};

impl Guest for Probe {
    fn handle_request(request: Request) -> Response {
        let count = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        let (path, query) = request
            .uri
            .split_once('?')
            .unwrap_or((request.uri.as_str(), ""));
        match path {
            "/ok" => text("ok"),
            "/echo" => bytes(request.body.unwrap_or_default()),
            "/request" => text(&told(&request)),
            "/count" => text(&count.to_string()),
            "/environment" => environment(&parameter(query, "name")),
            "/status" => Response {
                status: number(query, "code") as u16,
                headers: None,
                body: None,
            },
            "/fields" => fields(number(query, "count")),
            "/field" => with(&[(parameter(query, "name"), parameter(query, "value"))]),
            "/large" => bytes(vec![b'x'; number(query, "bytes") as usize]),
            "/compute" => text(&compute(number(query, "rounds")).to_string()),
            "/never" => {
                std::thread::sleep(YEAR);
                text("a year later")
            }
            "/panic" => panic!("the probe panics, as it was asked to"),
            "/loop" => loop {
                spin_loop();
            },
            "/allocate" => allocate(),
            _ => answer(404, Vec::new(), b"no such behaviour".to_vec()),
        }
    }
}

fn told(request: &Request) -> String {
    let body = match &request.body {
        Some(body) => format!("a body of {}", body.len()),
        None => "no body".to_owned(),
    };
    let mut lines = vec![format!("{:?} {} {body}", request.method, request.uri)];
    for (name, value) in request.headers.iter().chain(&request.params) {
        lines.push(format!("{name}: {value}"));
    }
    lines.join("\n")
}

fn environment(name: &str) -> Response {
    match std::env::vars().find(|(known, _)| known == name) {
        Some((_, value)) => text(&value),
        None => answer(404, Vec::new(), Vec::new()),
    }
}

fn fields(count: u64) -> Response {
    let fields: Vec<_> = (0..count)
        .map(|n| (format!("x-{n}"), "1".to_owned()))
        .collect();
    with(&fields)
}

fn with(fields: &[(String, String)]) -> Response {
    answer(200, fields.to_vec(), b"ok".to_vec())
}

fn text(text: &str) -> Response {
    bytes(text.as_bytes().to_vec())
}

fn bytes(bytes: Vec<u8>) -> Response {
    answer(200, Vec::new(), bytes)
}

fn answer(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Response {
    Response {
        status,
        headers: Some(headers),
        body: Some(body),
    }
}

/// Arithmetic that no compiler can leave out: each round needs the last.
fn compute(rounds: u64) -> u64 {
    (0..rounds).fold(1, |state, _| {
        black_box(state) ^ (state << 13) ^ (state >> 7)
    })
}

/// Takes and touches memory until there is none.
fn allocate() -> Response {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; BLOCK_BYTES]));
    }
}

fn number(query: &str, name: &str) -> u64 {
    parameter(query, name).parse().unwrap_or(0)
}

fn parameter(query: &str, name: &str) -> String {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map_or_else(String::new, |(_, value)| value.into_owned())
}
