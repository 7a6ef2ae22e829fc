//! From method and path to endpoint. `HEAD` is the SDK's: it arrives here as `GET`.

use crate::{catalogue, import};
use stoa_sdk::http::{Method, Problem, Request, Response};

const COLLECTION: &str = "/v1/products";

/// Answers one request.
pub(crate) async fn handle(request: Request) -> Response {
    route(request).await.unwrap_or_else(Response::from)
}

async fn route(request: Request) -> Result<Response, Problem> {
    let path = request.path().to_owned();
    match path.strip_prefix(COLLECTION) {
        Some("") => collection(request).await,
        Some(":import") => importing(request),
        Some(rest) => match rest.strip_prefix('/') {
            Some(id) if !id.is_empty() && !id.contains('/') => item(request, id).await,
            _ => Err(Problem::new(404)),
        },
        None => Err(Problem::new(404)),
    }
}

async fn collection(request: Request) -> Result<Response, Problem> {
    match request.method() {
        Method::Get => catalogue::list(&request).await,
        Method::Post => catalogue::create(request).await,
        _ => Err(not_allowed("GET, HEAD, POST")),
    }
}

fn importing(request: Request) -> Result<Response, Problem> {
    match request.method() {
        Method::Post => import::start(request),
        _ => Err(not_allowed("POST")),
    }
}

async fn item(request: Request, id: &str) -> Result<Response, Problem> {
    match request.method() {
        Method::Get => catalogue::get(&request, id).await,
        Method::Patch => catalogue::patch(request, id).await,
        Method::Delete => catalogue::delete(&request, id).await,
        _ => Err(not_allowed("GET, HEAD, PATCH, DELETE")),
    }
}

fn not_allowed(allowed: &str) -> Problem {
    Problem::new(405)
        .detail(format!("only {allowed} here"))
        .header("allow", allowed)
}
