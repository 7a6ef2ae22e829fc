//! The host's own paths, by Spin's names: `health` for whoever watches it, `info` for what it serves.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{Either, Full};
use serde_json::json;
use stoa_manifest::App;
use stoa_manifest::pattern::RESERVED_PREFIX;
use tower::{Layer, Service, layer::layer_fn};

use super::{AsIs, Then};
use crate::rescue::Rejection;
use crate::stack::PublicBody;

/// `info` is what [`info`] made of the application.
pub(crate) fn layer<S>(info: Bytes) -> impl Layer<S, Service = WellKnown<S>> + Clone {
    layer_fn(move |inner| WellKnown {
        inner,
        info: info.clone(),
    })
}

/// The answer to `info`, as Spin gives it.
pub(crate) fn info(app: &App) -> Bytes {
    let mut info = json!({ "name": app.name });
    if !app.version.is_empty() {
        info["version"] = json!(app.version);
    }
    Bytes::from(format!("{info:#}"))
}

#[derive(Clone)]
pub(crate) struct WellKnown<S> {
    inner: S,
    info: Bytes,
}

impl<S, I, B> Service<Request<I>> for WellKnown<S>
where
    S: Service<Request<I>, Response = Response<PublicBody<B>>, Error = Rejection>,
{
    type Response = S::Response;
    type Error = Rejection;
    type Future = Then<S::Future, AsIs, Result<S::Response, Rejection>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        match request.uri().path().strip_prefix(RESERVED_PREFIX) {
            None => Then::new(self.inner.call(request), AsIs),
            Some(name) => Then::decided(answer(name, &self.info)),
        }
    }
}

fn answer<B>(name: &str, info: &Bytes) -> Result<Response<PublicBody<B>>, Rejection> {
    match name {
        "health" => Ok(fixed(Bytes::from_static(b"OK"))),
        "info" => {
            let mut response = fixed(info.clone());
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            Ok(response)
        }
        _ => Err(Rejection::NoRoute),
    }
}

fn fixed<B>(body: Bytes) -> Response<PublicBody<B>> {
    Response::new(Either::Left(Full::new(body)))
}
