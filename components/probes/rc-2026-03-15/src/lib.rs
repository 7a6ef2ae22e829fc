//! A service of `wasi:http@0.3.0-rc-2026-03-15`, for the host's tests, chosen by path:
//!
//! | path | what happens |
//! |---|---|
//! | `/header` | the request's header `x-probe` |
//! | `/echo` | the request's body, as it arrives |
//! | `/count` | how many requests this instance has been given |
//! | `/environment?name=X` | the environment variable, or 404 |
//! | `/clock` | `later`, after a wait |
//! | `/random` | `different`, if two random numbers are |
//! | `/outbound?url=U` | what U answers, or 502 and the name of the error |
//! | `/connect?address=A` | `connected`, once a TCP connection to A is, or 502 and the name of the error |
//! | `/files` | the names of the preopened directories, a line each |
//! | `/trap` | panics |
#![cfg(target_family = "wasm")]

mod answer;
mod outbound;

use answer::{pump, streamed, text};
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicU64, Ordering};
use wasip3::cli::environment::get_environment;
use wasip3::clocks::monotonic_clock;
use wasip3::exports::http::handler::Guest;
use wasip3::filesystem::preopens::get_directories;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::random::random::get_random_u64;
use wasip3::sockets::types::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket};
use wasip3::wit_bindgen::StreamWriter;
use wasip3::wit_future;

const WAIT_NS: u64 = 1_000_000;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

struct Probe;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    wasip3::http::service::export!(Probe);
};

impl Guest for Probe {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let count = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        Ok(match path {
            "/header" => header(&request),
            "/echo" => streamed(|writer| send_back(request, writer)),
            "/count" => text(200, count.to_string()),
            "/environment" => found(environment_of(query)),
            "/clock" => clock().await,
            "/random" => random_numbers(),
            "/outbound" => outbound::answer(query).await,
            "/connect" => connect(query).await,
            "/files" => files(),
            "/trap" => panic!("the probe panics, as it was asked to"),
            _ => text(404, "no such behaviour"),
        })
    }
}

fn found(value: Option<String>) -> Response {
    match value {
        Some(value) => text(200, value),
        None => text(404, ""),
    }
}

fn header(request: &Request) -> Response {
    let values = request.get_headers().get("x-probe");
    let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
    found(values.first().map(text))
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

fn environment_of(query: &str) -> Option<String> {
    let name = parameter(query, "name")?;
    let variables = get_environment();
    let found = variables.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value)
}

async fn clock() -> Response {
    let start = monotonic_clock::now();
    monotonic_clock::wait_for(WAIT_NS).await;
    let later = monotonic_clock::now() >= start + WAIT_NS;
    text(200, if later { "later" } else { "early" })
}

fn random_numbers() -> Response {
    let different = get_random_u64() != get_random_u64();
    text(200, if different { "different" } else { "equal" })
}

fn files() -> Response {
    let lines = get_directories()
        .into_iter()
        .map(|(_, name)| format!("{name}\n"));
    text(200, lines.collect::<String>())
}

async fn connect(query: &str) -> Response {
    let address = parameter(query, "address").unwrap_or_default();
    let address: SocketAddrV4 = address.parse().expect("it is an address");
    let [a, b, c, d] = address.ip().octets();
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: address.port(),
        address: (a, b, c, d),
    });
    let socket = match TcpSocket::create(IpAddressFamily::Ipv4) {
        Ok(socket) => socket,
        Err(code) => return text(502, format!("{code:?}")),
    };
    match socket.connect(address).await {
        Ok(()) => text(200, "connected"),
        Err(code) => text(502, format!("{code:?}")),
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
