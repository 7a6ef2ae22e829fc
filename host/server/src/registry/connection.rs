//! A connection to a registry, and what may travel on it.
//!
//! Passwords and tokens go to the registry itself, passwords also to where the registry says tokens are given; to no
//! other host, wherever a redirect or an upload leads. Nothing beyond a bound is read, whatever a registry sends.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url, redirect};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use stoa_capabilities::releases::Digest;
use stoa_capabilities::variables::Secret;
use tokio::time::timeout;

use super::challenge::Challenge;
use super::credentials::Credentials;
use super::error::Error;
use super::reference::endpoint;
use crate::client::{innermost, is_loopback, show};

/// For a connection, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// For an answer that is short or has no body.
const QUERY_MAX: Duration = Duration::from_secs(60);
/// Between two pieces of a body, and for the first one of a download.
pub(super) const STALL_MAX: Duration = Duration::from_secs(60);
/// Redirects that are followed for one request.
pub(super) const REDIRECTS_MAX: usize = 5;
/// Bytes of an answer that holds a token, or of one that says what is wrong.
pub(super) const SMALL_BYTES_MAX: u64 = 256 * 1024;
/// Characters of a registry's error code.
const CODE_CHARS_MAX: usize = 64;
/// Bytes that are reserved for a body before the first of it has come.
const RESERVED_BYTES_MAX: u64 = 1024 * 1024;

/// A registry, and whoever asks it.
pub(super) struct Connection {
    http: reqwest::Client,
    base: Url,
    host: String,
    insecure: bool,
    credentials: Option<Credentials>,
    /// What a token must allow; nothing in particular for a login.
    scope: Option<String>,
    authorization: Option<HeaderValue>,
}

/// A request that can be sent again.
pub(super) struct Call {
    method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    body: Bytes,
    pub(super) limit: Duration,
}

/// Why a body is not whole.
pub(super) enum Cut {
    Short(String),
    TooLarge,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<Code>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

// === impl Connection ===

impl Connection {
    pub(super) fn new(
        host: &str,
        insecure: bool,
        credentials: Option<Credentials>,
        scope: Option<String>,
    ) -> Result<Self, Error> {
        let odd = |_| Error::SetUp(format!("`{host}` is no host"));
        let mut base = Url::parse(&format!("https://{}/", endpoint(host))).map_err(odd)?;
        // What runs on this machine seldom has a certificate, and nobody reads along.
        if insecure || is_loopback(&base) {
            base = Url::parse(&format!("http://{}/", endpoint(host))).map_err(odd)?;
        }
        Ok(Self {
            http: http(&base)?,
            base,
            host: host.to_owned(),
            insecure,
            credentials,
            scope,
            authorization: None,
        })
    }

    pub(super) fn url(&self, path: &str) -> Result<Url, Error> {
        self.base
            .join(path)
            .map_err(|_| self.odd(format!("`{}` is no path", show::plain(path))))
    }

    /// What was asked for is there.
    pub(super) async fn get(&mut self, call: &Call, what: &str) -> Result<Response, Error> {
        let response = self.send(call).await?;
        match response.status() {
            StatusCode::OK => Ok(response),
            _ => Err(self.refusal(response, what).await),
        }
    }

    /// Asks, says who asks if that is wanted, and follows where it is sent, if nothing is sent along.
    pub(super) async fn send(&mut self, call: &Call) -> Result<Response, Error> {
        let mut response = self.once(call, &call.url).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.is_own(&call.url) {
            self.authorize(response.headers()).await?;
            response = self.once(call, &call.url).await?;
        }
        let mut url = call.url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let following = [Method::GET, Method::HEAD].contains(&call.method);
            if !following || !response.status().is_redirection() {
                return Ok(response);
            }
            url = self.location(&url, &response)?;
            response = self.once(call, &url).await?;
        }
        Err(self.odd(format!("it redirects more than {REDIRECTS_MAX} times")))
    }

    async fn once(&self, call: &Call, url: &Url) -> Result<Response, Error> {
        let mut request = self
            .http
            .request(call.method.clone(), url.clone())
            .headers(call.headers.clone())
            .timeout(call.limit);
        if let Some(authorization) = &self.authorization
            && self.is_own(url)
        {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        if [Method::PUT, Method::POST].contains(&call.method) {
            // An empty body too: some registries want its length.
            request = request
                .header(header::CONTENT_LENGTH, call.body.len())
                .body(call.body.clone());
        }
        request.send().await.map_err(|error| self.broken(error))
    }

    /// Where an answer leads.
    pub(super) fn location(&self, from: &Url, response: &Response) -> Result<Url, Error> {
        let location = response.headers().get(header::LOCATION);
        let url = location
            .and_then(|value| from.join(value.to_str().ok()?).ok())
            .ok_or_else(|| self.odd("it does not say where to go on".to_owned()))?;
        match self.is_permitted(&url) {
            true => Ok(url),
            false => {
                Err(self.odd("it sends us where everybody on the way can read along".to_owned()))
            }
        }
    }

    /// Without TLS only from where there was none, and then only on this machine or where that was asked for.
    fn is_permitted(&self, url: &Url) -> bool {
        match url.scheme() {
            "https" => true,
            "http" => self.base.scheme() == "http" && (self.insecure || is_loopback(url)),
            _ => false,
        }
    }

    /// Whether it is the registry itself, by scheme, host and port.
    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    async fn authorize(&mut self, headers: &HeaderMap) -> Result<(), Error> {
        let written = match Challenge::find(headers) {
            None => return Err(self.odd("it asks who we are in a way we do not know".to_owned())),
            Some(Challenge::Basic) => match &self.credentials {
                Some(credentials) => basic(credentials),
                None => return Err(self.denied("it wants a name and a password")),
            },
            Some(Challenge::Bearer { realm, service }) => {
                let token = self.token(&realm, service.as_deref()).await?;
                Secret::new(format!("Bearer {}", token.expose()))
            }
        };
        self.authorization = Some(self.sensitive(&written)?);
        Ok(())
    }

    async fn token(&self, realm: &str, service: Option<&str>) -> Result<Secret, Error> {
        let mut url = Url::parse(realm)
            .ok()
            .filter(|url| self.is_permitted(url))
            .ok_or_else(|| {
                self.odd("it does not say, by `https://`, where tokens are".to_owned())
            })?;
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = service {
                query.append_pair("service", service);
            }
            if let Some(scope) = &self.scope {
                query.append_pair("scope", scope);
            }
        }
        let mut request = self.http.get(url).timeout(QUERY_MAX);
        if let Some(credentials) = &self.credentials {
            let written = self.sensitive(&basic(credentials))?;
            request = request.header(header::AUTHORIZATION, written);
        }
        let response = request.send().await.map_err(|error| self.broken(error))?;
        if response.status() != StatusCode::OK {
            let reason = match &self.credentials {
                Some(_) => "name and password are not those that it knows",
                None => "it gives no token to somebody without a name",
            };
            return Err(match response.status().is_client_error() {
                true => self.denied(reason),
                false => self.odd(format!(
                    "where tokens are, the status is {}",
                    response.status()
                )),
            });
        }
        let text = self.body(response, "a token", SMALL_BYTES_MAX).await?;
        // The reason would quote it.
        let token: Token = serde_json::from_slice(&text)
            .map_err(|_| self.odd("its token cannot be read".to_owned()))?;
        token
            .token
            .or(token.access_token)
            .map(Secret::new)
            .ok_or_else(|| self.odd("it gives no token".to_owned()))
    }

    fn sensitive(&self, written: &Secret) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::from_str(written.expose())
            .map_err(|_| self.odd("its token has characters that no token has".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A body of at most so many bytes.
    pub(super) async fn body(
        &self,
        response: Response,
        what: &str,
        most: u64,
    ) -> Result<Bytes, Error> {
        read(response, most).await.map_err(|cut| match cut {
            Cut::Short(reason) => Error::Unreachable {
                host: self.host.clone(),
                reason,
            },
            Cut::TooLarge => self.damaged(what, format!("it is larger than {most} bytes")),
        })
    }

    pub(super) fn same(&self, what: &str, expected: Digest, actual: Digest) -> Result<(), Error> {
        match expected == actual {
            true => Ok(()),
            false => Err(self.damaged(what, format!("it is {actual}, not {expected}"))),
        }
    }

    /// What an answer means that is not what was hoped for.
    pub(super) async fn refusal(&self, response: Response, what: &str) -> Error {
        let status = response.status();
        match status {
            StatusCode::UNAUTHORIZED => self.denied("it does not accept who asks"),
            StatusCode::NOT_FOUND => Error::Missing {
                what: what.to_owned(),
            },
            _ => {
                let said = self.code(response).await;
                let said = said.map_or_else(String::new, |code| format!(", {code}"));
                match status {
                    StatusCode::FORBIDDEN => self.denied(&format!("its status is {status}{said}")),
                    _ => self.odd(format!("its status for {what} is {status}{said}")),
                }
            }
        }
    }

    /// The registry's word for what is wrong. What else it says is not shown: it may be anything.
    async fn code(&self, response: Response) -> Option<String> {
        let text = self
            .body(response, "an error", SMALL_BYTES_MAX)
            .await
            .ok()?;
        let errors: Errors = serde_json::from_slice(&text).ok()?;
        let Code { code } = errors.errors.into_iter().next()?;
        let is_word = code.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        (is_word && code.len() <= CODE_CHARS_MAX).then_some(code)
    }

    /// Without the address: where a redirect leads may be a permission by itself.
    fn broken(&self, error: reqwest::Error) -> Error {
        Error::Unreachable {
            host: self.host.clone(),
            reason: innermost(&error.without_url()),
        }
    }

    fn odd(&self, reason: String) -> Error {
        Error::Answer {
            host: self.host.clone(),
            reason,
        }
    }

    fn denied(&self, reason: &str) -> Error {
        Error::Denied {
            host: self.host.clone(),
            reason: reason.to_owned(),
        }
    }

    fn damaged(&self, what: &str, reason: String) -> Error {
        Error::Damaged {
            host: self.host.clone(),
            what: what.to_owned(),
            reason,
        }
    }
}

// === impl Call ===

impl Call {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            limit: QUERY_MAX,
        }
    }

    pub(super) fn content(&mut self, media_type: &'static str, body: Bytes) {
        let media_type = HeaderValue::from_static(media_type);
        self.headers.insert(header::CONTENT_TYPE, media_type);
        self.body = body;
    }
}

// === functions ===

/// A client that follows no redirects: they are followed where it is known what may go where.
pub(super) fn http(base: &Url) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls())
        .connect_timeout(CONNECT_MAX)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("stoa/", env!("CARGO_PKG_VERSION")));
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| Error::SetUp(innermost(&error)))
}

/// A body of at most so many bytes, none of which is waited for too long.
pub(super) async fn read(mut response: Response, most: u64) -> Result<Bytes, Cut> {
    let reserved = usize::try_from(most.min(RESERVED_BYTES_MAX)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(reserved);
    loop {
        let chunk = timeout(STALL_MAX, response.chunk()).await;
        let stalled = |_| format!("nothing came for {} seconds", STALL_MAX.as_secs());
        let chunk = chunk.map_err(stalled).map_err(Cut::Short)?;
        // Without the address: where a redirect leads may be a permission by itself.
        let broken = |error: reqwest::Error| Cut::Short(innermost(&error.without_url()));
        let Some(chunk) = chunk.map_err(broken)? else {
            return Ok(bytes.into());
        };
        if bytes.len() as u64 + chunk.len() as u64 > most {
            return Err(Cut::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
}

fn basic(credentials: &Credentials) -> Secret {
    let pair = Secret::new(format!(
        "{}:{}",
        credentials.username,
        credentials.password.expose()
    ));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())))
}

fn tls() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
