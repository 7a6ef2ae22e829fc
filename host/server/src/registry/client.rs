//! The distribution API, as far as images need it: blobs and manifests of one repository, one request after the other.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use stoa_capabilities::releases::Digest;

use super::DOCUMENT_BYTES_MAX;
use super::connection::{Call, Connection};
use super::credentials::Credentials;
use super::error::Error;
use super::image::{MANIFEST, MANIFEST_TYPES};
use super::reference::Reference;

/// For one blob: the largest one at 150 kB/s.
const BLOB_MAX: Duration = Duration::from_secs(30 * 60);

/// Pages of a list of tags, and how many tags there are on each if the registry agrees.
const PAGES_MAX: usize = 20;
const PAGE_TAGS: usize = 1_000;

/// The header in which a registry says what it sends or has taken.
const DIGEST: &str = "docker-content-digest";

/// What is done with a repository, and so what a token must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Pull,
    Push,
}

/// One repository of a registry.
pub(crate) struct Registry {
    connection: Connection,
    reference: Reference,
    repository: String,
}

/// A page of tags.
#[derive(Deserialize)]
struct Tags {
    /// Null where there is none.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// Asks a registry whether it knows these credentials.
pub(crate) async fn check_login(
    host: &str,
    insecure: bool,
    credentials: Credentials,
) -> Result<(), Error> {
    let mut connection = Connection::new(host, insecure, Some(credentials), None)?;
    let call = Call::new(Method::GET, connection.url("/v2/")?);
    let response = connection.send(&call).await?;
    match response.status() {
        StatusCode::OK => Ok(()),
        _ => Err(connection.refusal(response, "/v2/").await),
    }
}

// === impl Registry ===

impl Registry {
    /// Asks nothing yet.
    pub(crate) fn new(
        reference: Reference,
        purpose: Purpose,
        insecure: bool,
        credentials: Option<Credentials>,
    ) -> Result<Self, Error> {
        let repository = reference.repository();
        let actions = match purpose {
            Purpose::Pull => "pull",
            Purpose::Push => "pull,push",
        };
        let scope = format!("repository:{repository}:{actions}");
        let connection = Connection::new(reference.host(), insecure, credentials, Some(scope))?;
        Ok(Self {
            connection,
            reference,
            repository,
        })
    }

    /// An image that is not to be used, and why.
    pub(super) fn unusable(&self, reason: impl Into<String>) -> Error {
        Error::Unusable {
            reference: self.reference.to_string(),
            reason: reason.into(),
        }
    }

    /// The manifest that the reference stands for, and its digest. A digest that was asked for decides alone.
    pub(super) async fn manifest(&mut self) -> Result<(Bytes, Digest), Error> {
        let name = self.reference.digest().map(|digest| digest.to_string());
        let name = name.unwrap_or_else(|| self.reference.tag().to_owned());
        let mut call = self.call(Method::GET, &format!("manifests/{name}"))?;
        let accepted = HeaderValue::from_static(MANIFEST_TYPES);
        call.headers.insert(header::ACCEPT, accepted);
        let shown = self.reference.to_string();
        let response = self.connection.get(&call, &shown).await?;
        let claimed = response.headers().get(DIGEST).cloned();
        let text = self
            .connection
            .body(response, &shown, DOCUMENT_BYTES_MAX)
            .await?;
        let digest = Digest::of(&text);
        let claimed = claimed.and_then(|value| value.to_str().ok()?.parse::<Digest>().ok());
        for expected in self.reference.digest().into_iter().chain(claimed) {
            self.connection.same(&shown, expected, digest)?;
        }
        Ok((text, digest))
    }

    /// A blob of this size.
    pub(super) async fn blob(&mut self, digest: Digest, size: u64) -> Result<Bytes, Error> {
        let mut call = self.call(Method::GET, &format!("blobs/{digest}"))?;
        call.limit = BLOB_MAX;
        let shown = digest.to_string();
        let response = self.connection.get(&call, &shown).await?;
        let bytes = self.connection.body(response, &shown, size).await?;
        self.connection.same(&shown, digest, Digest::of(&bytes))?;
        Ok(bytes)
    }

    /// The tags of the repository, as far as they fit on so many pages.
    pub(super) async fn tags(&mut self) -> Result<Vec<String>, Error> {
        let shown = self.reference.to_string();
        let mut call = self.call(Method::GET, &format!("tags/list?n={PAGE_TAGS}"))?;
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let response = self.connection.get(&call, &shown).await?;
            let next = next_page(&call.url, &response);
            let text = self
                .connection
                .body(response, &shown, DOCUMENT_BYTES_MAX)
                .await?;
            let page: Tags = serde_json::from_slice(&text)
                .map_err(|_| self.unusable("its list of tags cannot be read"))?;
            all.extend(page.tags.unwrap_or_default());
            match next {
                Some(url) => call.url = url,
                None => break,
            }
        }
        Ok(all)
    }

    pub(super) async fn has(&mut self, digest: Digest) -> Result<bool, Error> {
        let call = self.call(Method::HEAD, &format!("blobs/{digest}"))?;
        let response = self.connection.send(&call).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.connection.refusal(response, &digest.to_string()).await),
        }
    }

    /// In two requests: one asks where to, the other sends it there at once.
    pub(super) async fn upload(&mut self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        let begin = self.call(Method::POST, "blobs/uploads/")?;
        let response = self.connection.send(&begin).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.connection.refusal(response, "a new file").await);
        }
        let mut url = self.connection.location(&begin.url, &response)?;
        url.query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let mut call = Call::new(Method::PUT, url);
        call.limit = BLOB_MAX;
        call.content("application/octet-stream", bytes);
        let response = self.connection.send(&call).await?;
        match response.status() {
            StatusCode::CREATED => Ok(()),
            _ => Err(self.connection.refusal(response, &digest.to_string()).await),
        }
    }

    pub(super) async fn put_manifest(&mut self, text: Bytes) -> Result<Digest, Error> {
        let digest = Digest::of(&text);
        let path = format!("manifests/{}", self.reference.tag());
        let mut call = self.call(Method::PUT, &path)?;
        call.content(MANIFEST, text);
        let shown = self.reference.to_string();
        let response = self.connection.send(&call).await?;
        if response.status() != StatusCode::CREATED {
            return Err(self.connection.refusal(response, &shown).await);
        }
        let claimed = response.headers().get(DIGEST);
        if let Some(claimed) = claimed.and_then(|value| value.to_str().ok()?.parse::<Digest>().ok())
        {
            self.connection.same(&shown, digest, claimed)?;
        }
        Ok(digest)
    }

    fn call(&self, method: Method, path: &str) -> Result<Call, Error> {
        let path = format!("/v2/{}/{path}", self.repository);
        Ok(Call::new(method, self.connection.url(&path)?))
    }
}

/// Where a list goes on (RFC 8288): `</v2/…?last=x>; rel="next"`. Nowhere but at the same registry.
fn next_page(url: &Url, response: &Response) -> Option<Url> {
    let link = response.headers().get(header::LINK)?.to_str().ok()?;
    let (target, relation) = link.trim().strip_prefix('<')?.split_once('>')?;
    let next = url.join(target).ok()?;
    (relation.contains("next") && next.origin() == url.origin()).then_some(next)
}
