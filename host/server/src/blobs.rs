//! Blobs by signed URLs: the URL is the permission, the store does the rest, no component runs.
//!
//! A client learns nothing from a refusal: a URL that is forged, expired or for something else is 403 alike. The grant
//! that a URL was signed under is not looked at again, so the URL carries its bounds.

mod body;
mod range;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use stoa_capabilities::blobs::presign::{self, Claims, Signer};
use stoa_capabilities::blobs::{
    CHUNK_BYTES_MAX, CONTENT_TYPE_DEFAULT, Condition, Error, Info, Options, Part, Sink, Store,
    check,
};
use stoa_gateway::Failure;
use stoa_manifest::Label;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::debug;

pub(crate) use self::body::{AnswerBody, Body, of_blob, of_component};

/// One call of a store takes at most so long.
const CALL_MAX: Duration = Duration::from_secs(10);
/// A blob is at most so long on its way; the gateway bounds the wait between two reads or writes.
const TRANSFER_MAX: Duration = Duration::from_secs(3600);
/// Blobs on their way at once. Fewer than the gateway takes requests: clients that are slow on purpose leave room for
/// components, and what waits for them fits in memory.
const TRANSFERS_MAX: usize = 1024;
/// How much is moved at once, in both directions. As much waits in memory for each client that is slow.
const PIECE_BYTES_MAX: usize = 64 * 1024;
const _: () = assert!(PIECE_BYTES_MAX <= CHUNK_BYTES_MAX, "a store takes it");
/// How long a client is asked to wait when a store is overloaded.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Answers signed URLs. One per host.
pub(crate) struct SignedBlobs {
    signer: Arc<Signer>,
    stores: BTreeMap<Label, Arc<dyn Store>>,
    places: Arc<Semaphore>,
}

/// Why there is no answer with a blob: a status that says all, or what the gateway words.
enum Refusal {
    Status(StatusCode),
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(match error {
            Error::NotFound { .. } => return Self::Status(StatusCode::NOT_FOUND),
            Error::Conflict { .. } => return Self::Status(StatusCode::PRECONDITION_FAILED),
            Error::Denied(_) | Error::Quota(_) => return Self::Status(StatusCode::FORBIDDEN),
            Error::Invalid(_) => Failure::Malformed("the store does not take such a blob"),
            Error::TooLarge { limit } => Failure::BodyTooLarge { limit },
            Error::Deadline { .. } => Failure::Deadline,
            Error::Unavailable => Failure::Unavailable {
                retry_after: RETRY_AFTER,
            },
        })
    }
}

impl SignedBlobs {
    pub(crate) fn new(signer: Arc<Signer>, stores: BTreeMap<Label, Arc<dyn Store>>) -> Self {
        Self {
            signer,
            stores,
            places: Arc::new(Semaphore::new(TRANSFERS_MAX)),
        }
    }

    /// Answers one request. Dropping the future aborts an upload: nothing of it is kept.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Result<Response<Body>, Failure>
    where
        B: http_body::Body<Data = Bytes, Error: Send> + Send,
    {
        let (head, body) = request.into_parts();
        let outcome = match head.method {
            Method::GET | Method::HEAD => self.read(&head).await,
            Method::PUT => self.write(&head, body).await,
            _ => return Ok(not_allowed()),
        };
        match outcome {
            Ok(response) => Ok(response),
            Err(Refusal::Status(status)) => Ok(empty(status)),
            Err(Refusal::Failed(failure)) => Err(failure),
        }
    }

    /// What the URL lets its holder do, and the store it is about.
    fn claims(
        &self,
        head: &Parts,
        method: presign::Method,
    ) -> Result<(Claims, &Arc<dyn Store>), Refusal> {
        let forbidden = || Refusal::Status(StatusCode::FORBIDDEN);
        let (path, query) = (head.uri.path(), head.uri.query());
        let checked = self.signer.check(path, query, method, now());
        let claims = checked.map_err(|refused| {
            debug!(%refused, "signed URL refused");
            forbidden()
        })?;
        let store = self.stores.get(claims.label.as_str());
        let store = store.ok_or_else(forbidden)?;
        Ok((claims, store))
    }

    /// Asked for after the signature was found good: forgeries take no places.
    fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| Failure::Unavailable {
            retry_after: RETRY_AFTER,
        })
    }

    async fn read(&self, head: &Parts) -> Result<Response<Body>, Refusal> {
        let (claims, store) = self.claims(head, presign::Method::Get)?;
        let place = self.place()?;
        let open = |part| within(store.get(claims.place.clone(), part));
        let wanted = range::wanted(&head.method, &head.headers);
        let mut ranged = wanted.is_some();
        let mut source = open(wanted.unwrap_or_default()).await?;
        // A range of another version than the client has would be put together with the wrong rest.
        if ranged && !range::fits(&head.headers, &tag(source.info())) {
            ranged = false;
            source = open(Part::Whole).await?;
        }
        let (info, span) = (source.info().clone(), source.span());
        if replaced(&head.headers, &tag(&info)) {
            return Err(Refusal::Status(StatusCode::PRECONDITION_FAILED));
        }
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.extend(validators(&info, claims.expires));
        if known(&head.headers, &tag(&info)) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        if ranged && span.is_empty() {
            headers.insert(
                header::CONTENT_RANGE,
                value(format!("bytes */{}", info.size)),
            );
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok(response);
        }
        headers.extend(description(&info));
        headers.insert(header::CONTENT_LENGTH, (span.end - span.start).into());
        if ranged {
            let (first, last, size) = (span.start, span.end - 1, info.size);
            let range = format!("bytes {first}-{last}/{size}");
            headers.insert(header::CONTENT_RANGE, value(range));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        Ok(match head.method {
            Method::HEAD => response,
            _ => response.map(|_| Body::of(source, place)),
        })
    }

    async fn write<B>(&self, head: &Parts, body: B) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body<Data = Bytes, Error: Send> + Send,
    {
        let (claims, store) = self.claims(head, presign::Method::Put)?;
        let _place = self.place()?;
        let options = options(&head.headers, claims.bytes_max)?;
        let sink = within(store.put(claims.place, options)).await?;
        let uploaded = tokio::time::timeout(TRANSFER_MAX, upload(sink, body)).await;
        let info = uploaded.map_err(|_| Failure::Deadline)??;
        let mut response = empty(StatusCode::CREATED);
        response
            .headers_mut()
            .insert(header::ETAG, value(tag(&info)));
        Ok(response)
    }
}

/// Moves a body into a store.
async fn upload<B>(mut sink: Box<dyn Sink>, body: B) -> Result<Info, Refusal>
where
    B: http_body::Body<Data = Bytes, Error: Send> + Send,
{
    let mut body = pin!(body);
    let mut piece = Vec::new();
    while let Some(frame) = body.frame().await {
        let broken = Failure::Malformed("the body broke off");
        let Ok(data) = frame.map_err(|_| broken)?.into_data() else {
            continue;
        };
        piece.extend_from_slice(&data);
        while piece.len() >= PIECE_BYTES_MAX {
            let rest = piece.split_off(PIECE_BYTES_MAX);
            within(sink.write(std::mem::replace(&mut piece, rest))).await?;
        }
    }
    if !piece.is_empty() {
        within(sink.write(piece)).await?;
    }
    Ok(within(sink.finish()).await?)
}

async fn within<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let limit = CALL_MAX;
    let outcome = tokio::time::timeout(limit, call).await;
    outcome.unwrap_or(Err(Error::Deadline { limit }))
}

// === what a client says of its upload ===

fn options(headers: &HeaderMap, bytes_max: u64) -> Result<Options, Refusal> {
    // RFC 9110, section 14.5: a server that knows no partial PUT must refuse one.
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Failure::Malformed("a blob is written as a whole").into());
    }
    let content_type = match headers.get(header::CONTENT_TYPE) {
        Some(value) => value.to_str().unwrap_or_default(),
        None => CONTENT_TYPE_DEFAULT,
    };
    let size = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let options = Options {
        content_type: content_type.to_owned(),
        size,
        bytes_max,
        condition: condition(headers)?,
        ..Options::default()
    };
    check::options(&options)?;
    Ok(options)
}

/// A condition that is not understood must not be passed over.
fn condition(headers: &HeaderMap) -> Result<Condition, Refusal> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let etag = |text: &str| Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    match (text(header::IF_NONE_MATCH), text(header::IF_MATCH)) {
        (None, None) => Ok(Condition::Always),
        (Some("*"), None) => Ok(Condition::Absent),
        (None, Some(wanted)) if !wanted.contains(',') => etag(wanted)
            .map(Condition::Etag)
            .ok_or_else(|| misunderstood().into()),
        _ => Err(misunderstood().into()),
    }
}

fn misunderstood() -> Failure {
    Failure::Malformed("a write takes `If-None-Match: *` or `If-Match` with one entity tag")
}

// === what a client is told of a blob ===

fn tag(info: &Info) -> String {
    format!("\"{}\"", info.etag)
}

/// Whether the client wants other bytes than these (RFC 9110, section 13.1.1): the rest of what it has a part of.
fn replaced(headers: &HeaderMap, tag: &str) -> bool {
    headers.contains_key(header::IF_MATCH)
        && !tags(headers, header::IF_MATCH).any(|one| one == "*" || one == tag)
}

/// Whether the client has these bytes already.
fn known(headers: &HeaderMap, tag: &str) -> bool {
    tags(headers, header::IF_NONE_MATCH)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// Our own tags hold no comma, so others may be torn apart.
fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// A copy may be kept for as long as the URL is good, and only by the client that has the URL.
fn validators(info: &Info, expires: u64) -> [(HeaderName, HeaderValue); 2] {
    let seconds = expires.saturating_sub(now());
    let caching = format!("private, max-age={seconds}");
    [
        (header::ETAG, value(tag(info))),
        (header::CACHE_CONTROL, value(caching)),
    ]
}

/// The bytes are some user's, and this is the application's origin: they are what they were said to be, and nothing in
/// them runs.
fn description(info: &Info) -> [(HeaderName, HeaderValue); 5] {
    [
        (header::CONTENT_TYPE, value(told_type(info))),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
        (header::CONTENT_DISPOSITION, value(disposition(info))),
    ]
}

/// What the bytes were said to be, without parameters.
fn essence(info: &Info) -> String {
    let essence = info.content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// A page of the application that trusts its own origin would run a script or a style sheet of that type, whatever the
/// disposition; with `nosniff`, it runs no plain text.
fn told_type(info: &Info) -> String {
    const SCRIPTS: [&str; 4] = ["javascript", "ecmascript", "jscript", "livescript"];
    let essence = essence(info);
    match essence == "text/css" || SCRIPTS.iter().any(|script| essence.contains(script)) {
        true => "text/plain".to_owned(),
        false => info.content_type.clone(),
    }
}

/// Only what cannot hold a script is shown in place; SVG can.
fn disposition(info: &Info) -> String {
    let essence = essence(info);
    let (kind, of) = essence.split_once('/').unwrap_or_default();
    let shown = match kind {
        "image" => !of.contains("svg") && !of.contains("xml"),
        "audio" | "video" => true,
        _ => false,
    };
    let how = if shown { "inline" } else { "attachment" };
    let file = info.name.rsplit('/').next().unwrap_or_default();
    format!("{how}; filename*=UTF-8''{}", presign::encode(file))
}

/// All that is said of a blob was found to be printable ASCII before it was stored.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn not_allowed() -> Response<Body> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    let allowed = HeaderValue::from_static("GET, HEAD, PUT");
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

/// In seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
