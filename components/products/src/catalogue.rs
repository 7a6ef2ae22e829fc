//! Products one by one: reading and changing them.

mod patch;
mod store;

use crate::product::{Product, Stored, id, read};
use crate::{document, etag, faults, preconditions, reservations};
use serde_json::Value;
use stoa_sdk::clock;
use stoa_sdk::documents::{Error, Precondition};
use stoa_sdk::http::{Problem, Request, Response};

pub(crate) use store::{
    Readable, absent, categories, expect_id, find, images, load, products, records, save,
};

/// How often a change is decided anew because somebody else was faster.
const ATTEMPTS_MAX: usize = 5;

/// `GET /v1/products/{id}`
pub(crate) async fn get(request: &Request, id: &str) -> Result<Response, Problem> {
    let (stored, version) = reservations::current(id).await?;
    preconditions::expect_match(request, version)?;
    Ok(if preconditions::is_known(request, version) {
        Response::new(304).header("etag", etag::of(version))
    } else {
        shown(200, id, &stored, version)
    })
}

/// `POST /v1/products`
pub(crate) async fn create(mut request: Request) -> Result<Response, Problem> {
    let document = document::read(&mut request, "accept", &["application/json"]).await?;
    let draft = read::draft(&document).map_err(document::invalid)?;
    let stored = Stored::new(draft, clock::now());
    let id = id::of(&stored.sku);
    match products()?.insert(&id, &stored).await {
        Ok(version) => {
            let location = format!("/v1/products/{id}");
            Ok(shown(201, &id, &stored, version).header("location", location))
        }
        Err(Error::Conflict(_)) => Err(Problem::new(409).detail("a product with this sku exists")),
        Err(error) => Err(faults::store(&error)),
    }
}

/// `PATCH /v1/products/{id}`, a JSON merge patch (RFC 7396).
pub(crate) async fn patch(mut request: Request, id: &str) -> Result<Response, Problem> {
    let accepted = ["application/merge-patch+json", "application/json"];
    let patch = document::read(&mut request, "accept-patch", &accepted).await?;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(response) = patch_once(&request, id, &patch).await? {
            return Ok(response);
        }
    }
    Err(faults::busy())
}

/// `None` if somebody else changed the product meanwhile.
async fn patch_once(
    request: &Request,
    id: &str,
    patch: &Value,
) -> Result<Option<Response>, Problem> {
    let (stored, version) = load(id).await?;
    preconditions::expect_change(request, version)?;
    let before = stored.draft();
    let draft = patch::patched(&before, patch).map_err(document::invalid)?;
    if draft == before {
        return Ok(Some(shown(200, id, &stored, version)));
    }
    if draft.stock < stored.stock.reserved && reservations::sweep(id, &stored).await? {
        return Ok(None);
    }
    let stored = stored.redrafted(draft, clock::now());
    let stored = stored.map_err(|oversold| reservations::below_reserved(oversold.reserved))?;
    let written = save(id, &stored, version).await?;
    Ok(written.map(|version| shown(200, id, &stored, version)))
}

/// `DELETE /v1/products/{id}`. What is no product can be removed; what somebody reserved cannot, because it may be paid.
pub(crate) async fn delete(request: &Request, id: &str) -> Result<Response, Problem> {
    for _ in 0..ATTEMPTS_MAX {
        let (stored, version) = store::peek(id).await?;
        preconditions::expect_change(request, version)?;
        if stored.is_some_and(|stored| is_held(&stored)) {
            return Err(Problem::new(409).detail("pieces of the product are reserved"));
        }
        match products()?.delete(id, Precondition::Version(version)).await {
            Ok(_) => {
                crate::images::forget(&format!("{id}/")).await;
                return Ok(Response::new(204));
            }
            Err(Error::Conflict(_)) => {}
            Err(error) => return Err(faults::store(&error)),
        }
    }
    Err(faults::busy())
}

fn is_held(stored: &Stored) -> bool {
    let now = clock::now();
    stored.reservations.iter().any(|held| !held.is_over(now))
}

fn shown(status: u16, id: &str, stored: &Stored, version: u64) -> Response {
    Response::json(status, &Product::of(id, stored)).header("etag", etag::of(version))
}
