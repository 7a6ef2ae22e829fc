//! A service by the crate `wstd`, for the host's tests, chosen by path:
//!
//! | path | what happens |
//! |---|---|
//! | `/echo` | the request's body, as it arrives, and its header `x-asked` |
//! | `/wait` | `later`, after a millisecond |
//! | `/random` | `different`, if two random numbers are |
//! | `/environment?name=X` | the environment variable, or 404 |
//! | `/send?url=U` | what U answers, or 502 and the name of the error |
//! | `/tcp?address=A` | what comes back for `ping` over TCP, or 502 and the kind of the error |
#![cfg(target_family = "wasm")]
#![allow(
    unsafe_code,
    unreachable_pub,
    dead_code,
    reason = "generated: the exports of the component, and a `main` for programs"
)]

use wstd::http::{Body, Client, Error, ErrorCode, Request, Response};
use wstd::io::{AsyncRead, AsyncWrite};
use wstd::net::TcpStream;
use wstd::time::{Duration, Instant};

const PING: &[u8; 4] = b"ping";

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    match request.uri().path() {
        "/echo" => echo(request),
        "/wait" => wait().await,
        "/random" => random(),
        "/environment" => environment(&parameter(&query, "name")),
        "/send" => send(&parameter(&query, "url")).await,
        "/tcp" => tcp(&parameter(&query, "address")).await,
        _ => answer(404, "there is nothing here".to_owned()),
    }
}

fn answer(status: u16, text: String) -> Result<Response<Body>, Error> {
    Ok(Response::builder().status(status).body(text.into())?)
}

fn echo(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, body) = request.into_parts();
    let mut response = Response::builder();
    if let Some(asked) = head.headers.get("x-asked") {
        response = response.header("x-asked", asked);
    }
    Ok(response.body(body)?)
}

async fn wait() -> Result<Response<Body>, Error> {
    let (start, pause) = (Instant::now(), Duration::from_millis(1));
    wstd::task::sleep(pause).await;
    let word = match start.elapsed() < pause {
        true => "early",
        false => "later",
    };
    answer(200, word.to_owned())
}

fn random() -> Result<Response<Body>, Error> {
    let (mut one, mut other) = ([0; 16], [0; 16]);
    wstd::rand::get_random_bytes(&mut one);
    wstd::rand::get_insecure_random_bytes(&mut other);
    let word = if one == other { "equal" } else { "different" };
    answer(200, word.to_owned())
}

fn environment(name: &str) -> Result<Response<Body>, Error> {
    match std::env::vars().find(|(known, _)| known == name) {
        Some((_, value)) => answer(200, value),
        None => answer(404, String::new()),
    }
}

async fn send(url: &str) -> Result<Response<Body>, Error> {
    let request = Request::get(url).body(Body::empty())?;
    match Client::new().send(request).await {
        Ok(response) => {
            let (head, body) = response.into_parts();
            Ok(Response::builder().status(head.status).body(body)?)
        }
        Err(error) => answer(502, name(&error)),
    }
}

/// The name of the case alone: `ConnectionRefused`.
fn name(error: &Error) -> String {
    match error.downcast_ref::<ErrorCode>() {
        Some(code) => {
            let shown = format!("{code:?}");
            let case = shown.trim_start_matches("ErrorCode::");
            let name = case.split_once('(').map_or(case, |(name, _)| name);
            name.to_owned()
        }
        None => error.to_string(),
    }
}

async fn tcp(address: &str) -> Result<Response<Body>, Error> {
    match pinged(address).await {
        Ok(bytes) => answer(200, String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => answer(502, format!("{:?}", error.kind())),
    }
}

async fn pinged(address: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(PING).await?;
    let mut bytes = vec![0; PING.len()];
    let mut filled = 0;
    while filled < bytes.len() {
        match stream.read(&mut bytes[filled..]).await? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn parameter(query: &str, name: &str) -> String {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
