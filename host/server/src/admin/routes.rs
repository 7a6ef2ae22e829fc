//! The routes, and what each answers. `openapi.json` beside this file describes them; a test holds one against the other.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use axum::{Extension, Router};
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body::Body as _;
use serde::{Deserialize, Serialize};
use stoa_capabilities::releases::{Digest, FILE_BYTES_MAX, InvalidDigest};
use tracing::error;

use super::api::{Api, Stored};
use super::gate::Caller;
use super::messages::{Deploy, Digests, Move, Strategy};
use super::refusal::Refusal;
use super::{Behind, body, history, lines};

/// The one route without a token.
pub(super) const HEALTH: &str = "/v1/health";
const DEPLOYS: &str = "/v1/deploys";
const PROMOTE: &str = "/v1/promote";
const ROLLBACK: &str = "/v1/rollback";
const ARTIFACTS: &str = "/v1/artifacts/";

/// Bytes of a note: a list of releases holds a thousand.
pub(super) const NOTE_BYTES_MAX: usize = 4 * 1024;
/// From the first byte of a file to its last: the largest one at 150 kB/s.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(30 * 60);

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const OPENAPI: &str = include_str!("openapi.json");

/// What a handler answers.
pub(super) type Answer = Result<Response, Refusal>;

/// One line of the table of routes. No path has two methods.
pub(super) struct Route<B> {
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "a test holds it against the OpenAPI document")
    )]
    pub(super) method: Method,
    pub(super) path: &'static str,
    handler: MethodRouter<Api<B>>,
}

/// The table of routes.
pub(super) fn routes<B: Behind>() -> Vec<Route<B>> {
    let table: [(Method, &str, MethodRouter<Api<B>>); 14] = [
        (Method::GET, HEALTH, get(health::<B>)),
        (Method::GET, "/v1/openapi.json", get(openapi)),
        (Method::POST, "/v1/artifacts/missing", post(missing::<B>)),
        (Method::PUT, "/v1/artifacts/{digest}", put(upload::<B>)),
        (Method::POST, DEPLOYS, post(deploy::<B>)),
        (Method::POST, PROMOTE, post(promote::<B>)),
        (Method::POST, ROLLBACK, post(rollback::<B>)),
        (Method::GET, "/v1/status", get(status::<B>)),
        (Method::GET, "/v1/differences", get(differences::<B>)),
        (Method::GET, "/v1/releases", get(history::releases::<B>)),
        (
            Method::GET,
            "/v1/releases/{number}",
            get(history::release::<B>),
        ),
        (Method::GET, "/v1/changes", get(history::changes::<B>)),
        (Method::GET, "/v1/audit", get(history::audit::<B>)),
        (Method::GET, "/v1/logs", get(lines::lines::<B>)),
    ];
    let route = |(method, path, handler)| Route {
        method,
        path,
        handler,
    };
    table.into_iter().map(route).collect()
}

pub(super) fn router<B: Behind>(api: Api<B>) -> Router {
    routes::<B>()
        .into_iter()
        .fold(Router::new(), |router, route| {
            router.route(route.path, route.handler)
        })
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(api)
}

/// What a request would change, as the audit log calls it: for requests that no handler sees.
pub(super) fn change_of(request: &Request<Body>) -> Option<&'static str> {
    match (request.method(), request.uri().path()) {
        (&Method::POST, DEPLOYS) => Some("deploy"),
        (&Method::POST, PROMOTE) => Some("promote"),
        (&Method::POST, ROLLBACK) => Some("rollback"),
        (&Method::PUT, path) if path.starts_with(ARTIFACTS) => Some("upload"),
        _ => None,
    }
}

/// A success in JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => ([(header::CONTENT_TYPE, JSON)], text).into_response(),
        Err(error) => {
            error!(%error, "an answer could not be written as JSON");
            Refusal::broken().into_response()
        }
    }
}

async fn unknown_path() -> Refusal {
    let title = "there is nothing here: `/v1/openapi.json` has all that is";
    Refusal::new(StatusCode::NOT_FOUND, "unknown-path", title)
}

async fn wrong_method() -> Refusal {
    let title = "this path has another method: see `/v1/openapi.json`";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", title)
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, JSON)], OPENAPI).into_response()
}

/// Says nothing more than that: it needs no token.
async fn health<B: Behind>(State(api): State<Api<B>>) -> Answer {
    match api.stop().is_cancelled() {
        true => Err(Refusal::stopping()),
        false => Ok(json(&serde_json::json!({ "status": "serving" }))),
    }
}

async fn status<B: Behind>(State(api): State<Api<B>>) -> Response {
    json(&api.behind().status().await)
}

/// Two releases to compare.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sides {
    from: Option<u64>,
    to: Option<u64>,
}

async fn differences<B: Behind>(
    State(api): State<Api<B>>,
    sides: Result<Query<Sides>, QueryRejection>,
) -> Answer {
    let Query(Sides { from, to }) = sides?;
    Ok(json(&api.behind().differences(from, to).await?))
}

async fn missing<B: Behind>(State(api): State<Api<B>>, body: Body) -> Answer {
    let Digests { digests } = body::json(body).await?;
    let digests = api.behind().store().missing(&digests).await?;
    Ok(json(&Digests { digests }))
}

async fn upload<B: Behind>(
    State(api): State<Api<B>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Answer {
    let named = digest(path);
    let action = named
        .as_ref()
        .map_or_else(|_| "upload".to_owned(), |digest| format!("upload {digest}"));
    let announced = body.size_hint().exact();
    let Some(place) = api.upload_place(announced).await else {
        let why = "too many files are uploaded at once";
        return Err(api.busy(caller, action, why).await);
    };
    let read = match named {
        Ok(digest) => body::whole(body, FILE_BYTES_MAX as u64, UPLOAD_TIME_MAX)
            .await
            .map(|bytes| (digest, bytes)),
        Err(refusal) => Err(refusal),
    };
    let store = Arc::clone(api.behind().store());
    let work = async move {
        let _place = place;
        let (digest, bytes) = read?;
        store.put(digest, bytes).await?;
        Ok::<_, Refusal>(Stored)
    };
    let Stored = api.change(caller, action, work).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn digest(path: Result<Path<String>, PathRejection>) -> Result<Digest, Refusal> {
    let Path(written) = path?;
    let wrong = |error: InvalidDigest| Refusal::malformed(error.to_string());
    written.parse().map_err(wrong)
}

async fn deploy<B: Behind>(
    State(api): State<Api<B>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Answer {
    let read = body::json::<Deploy>(body).await;
    let read = read.and_then(|deploy| noted(&deploy.note).map(|()| deploy));
    let action = read
        .as_ref()
        .map_or_else(|_| "deploy".to_owned(), deploy_in_words);
    let (behind, by) = (api.behind().clone(), caller.by.clone());
    let work = async move { behind.deploy(read?, &by).await };
    Ok(json(&api.change(caller, action, work).await?))
}

async fn promote<B: Behind>(
    State(api): State<Api<B>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Answer {
    let read = order(body).await;
    let (behind, by) = (api.behind().clone(), caller.by.clone());
    let work = async move { behind.promote(read?, &by).await };
    Ok(json(&api.change(caller, "promote".to_owned(), work).await?))
}

async fn rollback<B: Behind>(
    State(api): State<Api<B>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Answer {
    let read = order(body).await;
    let to = read.as_ref().ok().and_then(|read| read.release);
    let action = to.map_or_else(
        || "rollback".to_owned(),
        |release| format!("rollback to release {release}"),
    );
    let (behind, by) = (api.behind().clone(), caller.by.clone());
    let work = async move { behind.rollback(read?, &by).await };
    Ok(json(&api.change(caller, action, work).await?))
}

async fn order(body: Body) -> Result<Move, Refusal> {
    let order: Move = body::json(body).await?;
    noted(&order.note).map(|()| order)
}

fn noted(note: &str) -> Result<(), Refusal> {
    match note.len() > NOTE_BYTES_MAX {
        true => Err(Refusal::malformed(format!(
            "`note` is longer than {NOTE_BYTES_MAX} bytes"
        ))),
        false => Ok(()),
    }
}

/// What was asked for, without what the client wrote: the release has its note.
fn deploy_in_words(deploy: &Deploy) -> String {
    let strategy = match deploy.strategy {
        Strategy::AllAtOnce => "",
        Strategy::BlueGreen => " blue-green",
        Strategy::Canary(_) => " canary",
        Strategy::Ab(_) => " ab",
        Strategy::Mirror(_) => " mirror",
    };
    let allowed = match (deploy.allow_new_grants, deploy.allow_contracting) {
        (false, false) => "",
        (true, false) => ", new grants allowed",
        (false, true) => ", contracting allowed",
        (true, true) => ", new grants and contracting allowed",
    };
    let dry = if deploy.dry_run { ", dry run" } else { "" };
    format!("deploy{strategy}{allowed}{dry}")
}
