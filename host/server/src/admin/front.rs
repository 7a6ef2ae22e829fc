//! What every request passes before a handler sees it.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, header};
use tower::ServiceExt;
use tracing::warn;

use super::Behind;
use super::api::Api;
use super::attempts::Attempts;
use super::gate::{self, Caller, Peer};
use super::refusal::Refusal;
use super::routes::{self, HEALTH};
use super::tokens::{NOBODY, Tokens};

/// The API of one listener.
pub(super) struct Front<B> {
    api: Api<B>,
    router: Router,
    tokens: Tokens,
    attempts: Attempts,
    /// Whether it listens on loopback, where browsers of this machine can be sent to.
    loopback: bool,
}

impl<B: Behind> Front<B> {
    pub(super) fn new(api: Api<B>, tokens: Tokens, loopback: bool) -> Self {
        Self {
            router: routes::router(api.clone()),
            attempts: Attempts::new(),
            api,
            tokens,
            loopback,
        }
    }

    /// Answers a request. Only changes are finished when the client leaves.
    pub(super) async fn answer(&self, peer: &Peer, request: Request<Body>) -> Response {
        let mut response = self.admit(peer, request).await;
        // Whatever it says is of this moment, and for who asked.
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    async fn admit(&self, peer: &Peer, mut request: Request<Body>) -> Response {
        if self.loopback && !gate::is_local(&request) {
            return Refusal::foreign_host().into_response();
        }
        if request.uri().path() == HEALTH {
            return self.route(request).await;
        }
        match gate::identify(&self.tokens, peer, request.headers()) {
            Some(caller) => {
                request.extensions_mut().insert(caller);
                self.route(request).await
            }
            None => {
                let change = routes::change_of(&request);
                self.turn_away(peer, change).await.into_response()
            }
        }
    }

    async fn route(&self, request: Request<Body>) -> Response {
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// `change` is what the request would have changed.
    async fn turn_away(&self, peer: &Peer, change: Option<&str>) -> Refusal {
        let Some(_place) = self.attempts.place() else {
            return Refusal::too_many_attempts();
        };
        let failed = self.attempts.failed(Instant::now());
        if failed.recorded {
            let from = peer.address.to_string();
            warn!(
                from,
                "an admin request came without a valid token or certificate"
            );
            self.record(change, from).await;
        }
        tokio::time::sleep(failed.delay).await;
        Refusal::unauthenticated()
    }

    async fn record(&self, action: Option<&str>, from: String) {
        let Some(action) = action else {
            return;
        };
        let caller = Caller {
            by: NOBODY.to_owned(),
            from,
        };
        let outcome = format!("refused: {}", Refusal::unauthenticated().code());
        self.api.record(caller, action.to_owned(), outcome).await;
    }
}
