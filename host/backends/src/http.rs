//! The host's own calls over HTTP, to whom its operator named: what they are made with, and how much of an answer is
//! read.

#[cfg(test)]
pub(crate) mod fake;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Response, Url, redirect};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

/// How long a connection may take to be there.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long a piece of an answer's body may take.
const STALL_MAX: Duration = Duration::from_secs(60);

/// Why an answer's body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("it is too large")]
    TooLarge,
    #[error("it broke off: {0}")]
    Short(String),
}

/// A client that follows no redirects: tokens are for whom the operator named, not for wherever that one points to.
pub(crate) fn client(base: &Url) -> Result<Client, String> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls())
        .connect_timeout(CONNECT_MAX)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("stoa/", env!("CARGO_PKG_VERSION")));
    if matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(innermost)
}

/// A body of at most so many bytes.
pub(crate) async fn read(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, Cut> {
    let mut bytes = Vec::new();
    loop {
        let chunk = timeout(STALL_MAX, response.chunk()).await;
        let chunk = chunk.map_err(|_| Cut::Short("nothing came for too long".to_owned()))?;
        let Some(chunk) = chunk.map_err(|error| Cut::Short(innermost(error)))? else {
            return Ok(bytes);
        };
        if bytes.len() + chunk.len() > bytes_max {
            return Err(Cut::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// What went wrong at the bottom, without the address.
pub(crate) fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn StdError = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
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

#[cfg(test)]
mod tests {
    use super::fake::{Answer, Fake};
    use super::*;

    async fn answered(answer: Answer) -> Response {
        let fake = Fake::answering(move |_| answer.clone()).await;
        let url: Url = fake.url().parse().expect("it is a URL");
        let client = client(&url).expect("a client can be made");
        client.get(url).send().await.expect("it answers")
    }

    #[tokio::test]
    async fn no_more_is_read_than_is_allowed() {
        let large = Answer::new(200, "x".repeat(1025));
        let outcome = read(answered(large.clone()).await, 1024).await;
        assert!(matches!(outcome, Err(Cut::TooLarge)), "{outcome:?}");
        let whole = read(answered(large).await, 1025).await;
        assert_eq!(whole.expect("it fits").len(), 1025);
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let elsewhere = Answer::new(307, "").with("location: http://127.0.0.1:1/");
        assert_eq!(answered(elsewhere).await.status(), 307);
    }
}
