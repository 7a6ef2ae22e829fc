//! The command line's side of the admin API: finds a host, asks it, and tells in words what came of it.

mod error;
pub(crate) mod show;
#[cfg(test)]
mod tests;
mod tls;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stoa_capabilities::releases::Digest;
use stoa_capabilities::variables::Secret;

use crate::admin::messages::{Deploy, Deployed, Digests, LogLine, Move, Moved, Problem};
use crate::admin::{TOKEN_FILE, URL_FILE};
use crate::cli::remote::Remote;

pub(crate) use error::{Error, innermost};
use tls::Scheme;

/// For a connection, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// For answers that the host only has to look up.
const QUERY_MAX: Duration = Duration::from_secs(30);
/// For a promotion or a rollback, which may have to make a release ready that does not serve any more.
const MOVE_MAX: Duration = Duration::from_secs(120);
/// For one file: the largest one at 150 kB/s.
const UPLOAD_MAX: Duration = Duration::from_secs(30 * 60);
/// A deploy compiles, a log is followed for days: they have no time limit, but a host that is gone is noticed after so
/// long, so many times.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 4;
/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of one line of the log.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a file that holds an address or a token.
const WORD_BYTES_MAX: u64 = 64 * 1024;

/// A host's admin API. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    /// The file that named the host; none if the user did.
    found: Option<PathBuf>,
}

/// An answer as the host wrote it: for programs as it is, for people once it is understood.
pub(crate) struct Answer {
    client: Client,
    text: Vec<u8>,
}

/// Lines of the log, as they come.
pub(crate) struct Lines {
    client: Client,
    response: Response,
    buffer: Vec<u8>,
}

// === impl Client ===

impl Client {
    /// The host that the user named, else the one whose state directory lies beside the manifest. Asks it nothing yet.
    pub(crate) fn find(remote: &Remote) -> Result<Self, Error> {
        let (base, found) = match &remote.host {
            Some(written) => (address(written)?, None),
            None => {
                let file = remote.state().join(URL_FILE);
                (running(&file)?, Some(file))
            }
        };
        let loopback = is_loopback(&base);
        let scheme = match base.scheme() {
            "https" => Scheme::Https,
            // A token would be there for everybody on the way to read.
            _ if !loopback => {
                return Err(mistaken(
                    &base,
                    "beyond this machine it begins with `https://`",
                ));
            }
            _ => Scheme::Http,
        };
        let headers = authorization(token(remote, &base)?)?;
        let tls = tls::config(remote, scheme)?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_MAX)
            .tcp_keepalive(KEEPALIVE)
            .tcp_keepalive_interval(KEEPALIVE)
            .tcp_keepalive_retries(KEEPALIVE_RETRIES)
            // The token is for this host, not for wherever it points to.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("stoa/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers);
        if loopback {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Error::SetUp(innermost(&error)))?;
        Ok(Self { http, base, found })
    }

    /// Which of these files the host does not have.
    pub(crate) async fn missing(&self, digests: Vec<Digest>) -> Result<Vec<Digest>, Error> {
        let asked = self.post("/v1/artifacts/missing", &Digests { digests });
        let answer: Digests = self.answer(asked.timeout(QUERY_MAX)).await?;
        Ok(answer.digests)
    }

    pub(crate) async fn upload(self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        let url = self.url(&format!("/v1/artifacts/{digest}"), &[]);
        let request = self.http.put(url).timeout(UPLOAD_MAX).body(bytes);
        self.send(request).await.map(drop)
    }

    pub(crate) async fn deploy(&self, deploy: &Deploy) -> Result<Deployed, Error> {
        self.answer(self.post("/v1/deploys", deploy)).await
    }

    pub(crate) async fn promote(&self, order: &Move) -> Result<Moved, Error> {
        let request = self.post("/v1/promote", order).timeout(MOVE_MAX);
        self.answer(request).await
    }

    pub(crate) async fn rollback(&self, order: &Move) -> Result<Moved, Error> {
        let request = self.post("/v1/rollback", order).timeout(MOVE_MAX);
        self.answer(request).await
    }

    /// An answer as the host wrote it.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, Error> {
        let request = self.http.get(self.url(path, query)).timeout(QUERY_MAX);
        let response = self.send(request).await?;
        let text = self.text(response).await?;
        Ok(Answer {
            client: self.clone(),
            text,
        })
    }

    pub(crate) async fn logs(&self, query: &[(&str, String)]) -> Result<Lines, Error> {
        let request = self.http.get(self.url("/v1/logs", query));
        let response = self.send(request).await?;
        Ok(Lines {
            client: self.clone(),
            response,
            buffer: Vec::new(),
        })
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        let below = url.path().trim_end_matches('/').to_owned();
        url.set_path(&(below + path));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn post(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        let body = serde_json::to_vec(body).expect("messages can be written as JSON");
        self.http
            .request(Method::POST, self.url(path, &[]))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Error> {
        let response = self.send(request).await?;
        let text = self.text(response).await?;
        self.decode(&text)
    }

    fn decode<T: DeserializeOwned>(&self, text: &[u8]) -> Result<T, Error> {
        // What it quotes may be anything.
        serde_json::from_slice(text).map_err(|error| self.odd(show::plain(&error.to_string())))
    }

    /// An answer that is a success.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| self.broken(error))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::UNAUTHORIZED => Err(Error::Denied { host: self.host() }),
            status => {
                let text = self.text(response).await?;
                match serde_json::from_slice::<Problem>(&text) {
                    Ok(problem) => Err(Error::Refused(Box::new(problem))),
                    Err(_) => Err(self.odd(format!("its status is {status}"))),
                }
            }
        }
    }

    async fn text(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(error))? {
            if text.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(self.odd(format!("it is larger than {ANSWER_BYTES_MAX} bytes")));
            }
            text.extend_from_slice(&chunk);
        }
        Ok(text)
    }

    fn broken(&self, error: reqwest::Error) -> Error {
        let host = self.host();
        if let Some(reason) = error::of_tls(&error) {
            return Error::Tls { host, reason };
        }
        let reason = innermost(&error);
        match error.is_connect() {
            true => Error::Unreachable {
                host,
                reason,
                found: self.found.clone(),
            },
            false => Error::Lost { host, reason },
        }
    }

    fn odd(&self, reason: String) -> Error {
        Error::Answer {
            host: self.host(),
            reason,
        }
    }

    fn host(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }
}

// === impl Answer ===

impl Answer {
    pub(crate) fn json(&self) -> String {
        show::json(String::from_utf8_lossy(&self.text).trim_end())
    }

    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.client.decode(&self.text)
    }
}

// === impl Lines ===

impl Lines {
    /// The next line; none when the host has no more.
    pub(crate) async fn next(&mut self) -> Result<Option<LogLine>, Error> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                match line.trim_ascii() {
                    // Sent now and then to show that the connection lives.
                    [] => continue,
                    line => return self.client.decode(line).map(Some),
                }
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                let reason = format!("a line is longer than {LINE_BYTES_MAX} bytes");
                return Err(self.client.odd(reason));
            }
            let chunk = self.response.chunk().await;
            match chunk.map_err(|error| self.client.broken(error))? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.trim_ascii().is_empty() => return Ok(None),
                None => self.buffer.push(b'\n'),
            }
        }
    }
}

// === functions ===

/// Does the work of a command. One thread is enough for it.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T, Error>>) -> anyhow::Result<T> {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a thread for the connection")?;
    executor.block_on(work).map_err(Error::told)
}

/// The address that a running host left in its state directory.
fn running(file: &Path) -> Result<Url, Error> {
    match file.try_exists() {
        Ok(false) => Err(Error::NotRunning {
            file: file.to_owned(),
        }),
        Ok(true) | Err(_) => address(word("the host's address", file)?.expose()),
    }
}

fn address(written: &str) -> Result<Url, Error> {
    let refused = |reason| Error::Address {
        // What stands before such a sign may be a secret.
        written: show::plain(written.rsplit('@').next().unwrap_or_default()),
        reason,
    };
    let url =
        Url::parse(written).map_err(|_| refused("it is not a URL, like `https://host:3001`"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(mistaken(
            &url,
            "a token stands in a file or in `STOA_TOKEN`",
        ));
    }
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err(refused("it begins with `https://` or `http://`")),
    }
}

/// Names an address by its host only.
fn mistaken(url: &Url, reason: &'static str) -> Error {
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    Error::Address {
        written: format!(
            "{}://{}{port}",
            url.scheme(),
            url.host_str().unwrap_or_default()
        ),
        reason,
    }
}

/// Whether a URL leads to this machine, by its name or an address of loopback.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|it| it.is_loopback())
}

/// What the user gave, else what the host of this state directory wrote down: that one is for no other host. What stands
/// in the environment goes to hosts that the user named, and to this machine: an address that lies in a folder, which may
/// have come from anywhere, must not draw it.
fn token(remote: &Remote, base: &Url) -> Result<Option<Secret>, Error> {
    let certified = remote.client_cert.is_some();
    let meant = remote.host.is_some() || is_loopback(base);
    match (&remote.token_file, &remote.token) {
        (Some(file), _) => word("a token", file).map(Some),
        (None, Some(token)) if meant => Ok(Some(token.clone())),
        (None, _) if certified => Ok(None),
        (None, _) if remote.host.is_none() => own_token(&remote.state().join(TOKEN_FILE)),
        (None, _) => Err(Error::NoToken {
            host: base.as_str().trim_end_matches('/').to_owned(),
        }),
    }
}

/// What a host wrote down is a file. A link could lead to any secret of the user's, and the address beside it anywhere.
fn own_token(file: &Path) -> Result<Option<Secret>, Error> {
    const WHAT: &str = "the host's token";
    match fs::symlink_metadata(file).is_ok_and(|it| it.file_type().is_symlink()) {
        true => Err(Error::File {
            what: WHAT,
            file: file.to_owned(),
            reason: "it is a link; `--token-file` names a file of any kind".to_owned(),
        }),
        false => word(WHAT, file).map(Some),
    }
}

fn authorization(token: Option<Secret>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let written = format!("Bearer {}", token.expose());
        let mut value = HeaderValue::from_str(&written).map_err(|_| Error::Token)?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(headers)
}

/// The one word that a file holds.
fn word(what: &'static str, file: &Path) -> Result<Secret, Error> {
    let refused = |reason: String| Error::File {
        what,
        file: file.to_owned(),
        reason,
    };
    let mut text = String::new();
    File::open(file)
        .and_then(|opened| opened.take(WORD_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| refused(error.to_string()))?;
    match text.trim() {
        "" => Err(refused("it is empty".to_owned())),
        word => Ok(Secret::new(word)),
    }
}
