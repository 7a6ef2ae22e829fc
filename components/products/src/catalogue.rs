//! Products one by one: reading and changing them.

mod document;
mod listing;
mod patch;
mod preconditions;

use crate::product::{Product, id, read};
use crate::{etag, faults};
use serde_json::Value;
use stoa_sdk::clock;
use stoa_sdk::http::{Problem, Request, Response};
use stoa_sdk::keyvalue::{self, Change, Condition, Error, Store};

pub(crate) use listing::list;

/// Under which the store is granted.
const STORE_LABEL: &str = "products";

/// How often a change is decided anew because somebody else was faster.
const ATTEMPTS_MAX: usize = 5;

/// Opens the store of products.
pub(crate) fn store() -> Result<Store, Problem> {
    Store::open(STORE_LABEL).map_err(|error| faults::store(&error))
}

/// `GET /v1/products/{id}`
pub(crate) async fn get(request: &Request, id: &str) -> Result<Response, Problem> {
    let (product, version) = find(&store()?, id).await?;
    preconditions::expect_match(request, version)?;
    Ok(if preconditions::is_known(request, version) {
        Response::new(304).header("etag", etag::of(version))
    } else {
        shown(200, &product, version)
    })
}

/// `POST /v1/products`
pub(crate) async fn create(mut request: Request) -> Result<Response, Problem> {
    let document = document::read(&mut request, "accept", &["application/json"]).await?;
    let draft = read::draft(&document).map_err(document::invalid)?;
    let product = Product::new(draft, clock::now());
    let change = Change::set(id::key(&product.id), product.encode()).when(Condition::Absent);
    match store()?.apply(vec![change]).await {
        Ok(version) => {
            let location = format!("/v1/products/{}", product.id);
            Ok(shown(201, &product, version).header("location", location))
        }
        Err(Error::Conflict(_)) => Err(Problem::new(409).detail("a product with this sku exists")),
        Err(error) => Err(faults::store(&error)),
    }
}

/// `PATCH /v1/products/{id}`, a JSON merge patch (RFC 7396).
pub(crate) async fn patch(mut request: Request, id: &str) -> Result<Response, Problem> {
    let accepted = ["application/merge-patch+json", "application/json"];
    let patch = document::read(&mut request, "accept-patch", &accepted).await?;
    let store = store()?;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(response) = patch_once(&store, &request, id, &patch).await? {
            return Ok(response);
        }
    }
    Err(faults::busy())
}

/// `None` if somebody else changed the product meanwhile.
async fn patch_once(
    store: &Store,
    request: &Request,
    id: &str,
    patch: &Value,
) -> Result<Option<Response>, Problem> {
    let (product, version) = find(store, id).await?;
    preconditions::expect_change(request, version)?;
    let draft = patch::patched(&product.draft, patch).map_err(document::invalid)?;
    if draft == product.draft {
        return Ok(Some(shown(200, &product, version)));
    }
    let product = product.redrafted(draft, clock::now());
    let change = Change::set(id::key(id), product.encode()).when(Condition::Version(version));
    let written = apply(store, change).await?;
    Ok(written.map(|version| shown(200, &product, version)))
}

/// `DELETE /v1/products/{id}`. The version alone decides, so that a value that is no product can be removed.
pub(crate) async fn delete(request: &Request, id: &str) -> Result<Response, Problem> {
    let store = store()?;
    for _ in 0..ATTEMPTS_MAX {
        let version = stored(&store, id).await?.version;
        preconditions::expect_change(request, version)?;
        let change = Change::delete(id::key(id)).when(Condition::Version(version));
        if apply(&store, change).await?.is_some() {
            return Ok(Response::new(204));
        }
    }
    Err(faults::busy())
}

/// The new version, or `None` if the condition did not hold.
async fn apply(store: &Store, change: Change) -> Result<Option<u64>, Problem> {
    match store.apply(vec![change]).await {
        Ok(version) => Ok(Some(version)),
        Err(Error::Conflict(_)) => Ok(None),
        Err(error) => Err(faults::store(&error)),
    }
}

async fn find(store: &Store, id: &str) -> Result<(Product, u64), Problem> {
    let value = stored(store, id).await?;
    let product = Product::decode(&value.bytes).map_err(|error| {
        faults::note_unreadable(&id::key(id), &error);
        Problem::new(500)
    })?;
    Ok((product, value.version))
}

async fn stored(store: &Store, id: &str) -> Result<keyvalue::Value, Problem> {
    let absent = || Problem::new(404).detail("no product has this id");
    if !id::is_id(id) {
        return Err(absent());
    }
    store
        .get(&id::key(id))
        .await
        .map_err(|error| faults::store(&error))?
        .ok_or_else(absent)
}

fn shown(status: u16, product: &Product, version: u64) -> Response {
    Response::json(status, product).header("etag", etag::of(version))
}
