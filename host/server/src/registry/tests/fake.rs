//! A small registry: the distribution API of one repository, with tokens, redirects and lies where a test wants them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Url;
use stoa_capabilities::releases::Digest;
use tokio::net::TcpListener;

/// The only token that it gives.
pub(super) const TOKEN: &str = "t0ken";

/// Whom it answers.
#[derive(Clone, Default)]
pub(super) enum Access {
    #[default]
    Everybody,
    Basic {
        pair: &'static str,
    },
    Token {
        pair: &'static str,
        realm: String,
    },
}

#[derive(Default)]
pub(super) struct Contents {
    pub(super) access: Access,
    pub(super) blobs: BTreeMap<String, Bytes>,
    /// By tag and by digest.
    pub(super) manifests: BTreeMap<String, Bytes>,
    /// Where blobs really are.
    pub(super) blobs_elsewhere: Option<String>,
    /// Where uploads go.
    pub(super) uploads_elsewhere: Option<String>,
    /// Method, path and query, and `Authorization` of each request.
    pub(super) seen: Vec<(String, String, Option<String>)>,
}

pub(super) struct Fake {
    pub(super) address: SocketAddr,
    pub(super) contents: Arc<Mutex<Contents>>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let contents = Arc::<Mutex<Contents>>::default();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&contents));
        // It ends with the test's executor.
        drop(tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        }));
        Self { address, contents }
    }

    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().expect("nobody panicked")
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn answer(State(contents): State<Arc<Mutex<Contents>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut contents = contents.lock().expect("nobody panicked");
    contents.answer(&parts, body)
}

impl Contents {
    pub(super) fn blob(&mut self, bytes: impl Into<Bytes>) -> (Digest, usize) {
        let bytes = bytes.into();
        let (digest, size) = (Digest::of(&bytes), bytes.len());
        self.blobs.insert(digest.to_string(), bytes);
        (digest, size)
    }

    pub(super) fn manifest(&mut self, tag: &str, text: impl Into<Bytes>) -> Digest {
        let text = text.into();
        let digest = Digest::of(&text);
        self.manifests.insert(tag.to_owned(), text.clone());
        self.manifests.insert(digest.to_string(), text);
        digest
    }

    /// How many requests had this method.
    pub(super) fn count(&self, method: &str) -> usize {
        self.seen.iter().filter(|(it, _, _)| it == method).count()
    }

    fn answer(&mut self, parts: &Parts, body: Bytes) -> Response<Body> {
        let written = parts.uri.to_string();
        let url = Url::parse("http://fake")
            .and_then(|base| base.join(&written))
            .expect("it is a URL");
        let authorization = authorization(&parts.headers);
        self.seen
            .push((parts.method.to_string(), written, authorization.clone()));
        if let Some(refusal) = self.refuse(url.path(), authorization.as_deref()) {
            return refusal;
        }
        if url.path() == "/v2/" {
            return empty(StatusCode::OK);
        }
        let Some(path) = url.path().strip_prefix("/v2/shop/") else {
            return empty(StatusCode::NOT_FOUND);
        };
        match (&parts.method, path.split_once('/')) {
            (&Method::POST, Some(("blobs", "uploads/"))) => {
                let host = self.uploads_elsewhere.clone().unwrap_or_default();
                let location = format!("{host}/v2/shop/blobs/uploads/1?state=x");
                redirect(StatusCode::ACCEPTED, &location)
            }
            (&Method::PUT, Some(("blobs", "uploads/1"))) => self.store(&url, body),
            (&Method::PUT, Some(("manifests", tag))) => {
                let digest = self.manifest(tag, body);
                with_digest(StatusCode::CREATED, digest, Bytes::new())
            }
            (method, Some(("blobs", digest))) => {
                match (&self.blobs_elsewhere, self.blobs.get(digest)) {
                    (Some(host), _) if method == Method::GET => {
                        let location = format!("{host}/v2/shop/blobs/{digest}");
                        redirect(StatusCode::TEMPORARY_REDIRECT, &location)
                    }
                    (_, Some(bytes)) => Response::new(Body::from(bytes.clone())),
                    (_, None) => empty(StatusCode::NOT_FOUND),
                }
            }
            (&Method::GET, Some(("manifests", name))) => match self.manifests.get(name) {
                Some(text) => with_digest(StatusCode::OK, Digest::of(text), text.clone()),
                None => empty(StatusCode::NOT_FOUND),
            },
            _ => empty(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    fn refuse(&self, path: &str, authorization: Option<&str>) -> Option<Response<Body>> {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        let (expected, challenge) = match &self.access {
            Access::Everybody => return None,
            Access::Basic { pair } => (basic(pair), "Basic realm=\"shop\"".to_owned()),
            Access::Token { pair, .. } if path == "/token" => {
                return Some(match authorization == Some(basic(pair).as_str()) {
                    true => Response::new(Body::from(format!("{{\"token\":\"{TOKEN}\"}}"))),
                    false => empty(StatusCode::UNAUTHORIZED),
                });
            }
            Access::Token { realm, .. } => (
                format!("Bearer {TOKEN}"),
                format!("Bearer realm=\"{realm}\",service=\"fake\""),
            ),
        };
        if authorization == Some(expected.as_str()) {
            return None;
        }
        let mut response = empty(StatusCode::UNAUTHORIZED);
        let challenge = challenge.parse().expect("it is a header's value");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
        Some(response)
    }

    fn store(&mut self, url: &Url, body: Bytes) -> Response<Body> {
        let claimed = url.query_pairs().find(|(name, _)| name == "digest");
        let claimed = claimed.map(|(_, digest)| digest.into_owned());
        let (digest, _) = self.blob(body);
        match claimed == Some(digest.to_string()) {
            true => empty(StatusCode::CREATED),
            false => empty(StatusCode::BAD_REQUEST),
        }
    }
}

fn authorization(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?;
    Some(value.to_str().expect("it is text").to_owned())
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn redirect(status: StatusCode, location: &str) -> Response<Body> {
    let mut response = empty(status);
    let location = location.parse().expect("it is a header's value");
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn with_digest(status: StatusCode, digest: Digest, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let digest = digest.to_string().parse().expect("it is a header's value");
    response
        .headers_mut()
        .insert("docker-content-digest", digest);
    response
}
