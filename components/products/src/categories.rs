//! Categories: how products are grouped, and what is to be said of each group.
//!
//! All of them are one document. They are few, they are read together, and what must hold for them speaks of several at
//! once: a parent exists, nothing is its own ancestor, nothing that is used is removed. One document is one decision,
//! whoever else changes the tree. A product may name a category of which nothing is said yet, so that an import stays
//! simple.

mod asked;
mod shown;
mod tree;

use crate::catalogue::{categories, products};
use crate::product::rules;
use crate::{document, etag, faults, preconditions};
use asked::Said;
use shown::Shown;
use std::collections::BTreeMap;
use stoa_sdk::clock;
use stoa_sdk::documents::{Bucket, Error, Facet, Filter, Precondition, Scalar, Write, field};
use stoa_sdk::http::{Problem, Request, Response};
use tree::{Category, Tree};

/// The id of the document.
const TREE: &str = "tree";
/// The products of at most so many categories are counted: those with the most.
const COUNTED_MAX: u32 = 1000;
/// How often a change is decided anew because somebody else was faster.
const ATTEMPTS_MAX: usize = 5;

/// `GET /v1/categories`: those of which something is said, in their order, then those that products name.
pub(crate) async fn list() -> Result<Response, Problem> {
    let (tree, _) = load().await?;
    let counts = counts().await?;
    // Where all are counted, one that is not among them has none.
    let uncounted = (counts.len() < COUNTED_MAX as usize).then_some(0);
    let mut items: Vec<_> = tree
        .iter()
        .map(|(slug, category)| {
            let products = counts.get(slug).copied().or(uncounted);
            Shown::of(slug, category).with_products(products)
        })
        .collect();
    items.sort_by_key(Shown::order);
    let named = counts.iter().filter(|(slug, _)| tree.get(slug).is_none());
    items.extend(named.map(|(slug, count)| Shown::named(slug).with_products(Some(*count))));
    Ok(Response::json(200, &serde_json::json!({ "items": items })))
}

/// `GET /v1/categories/{slug}`
pub(crate) async fn get(request: &Request, slug: &str) -> Result<Response, Problem> {
    expect_slug(slug)?;
    let (tree, version) = load().await?;
    let (Some(category), Some(version)) = (tree.get(slug), version) else {
        return named(slug).await;
    };
    preconditions::expect_match(request, version)?;
    Ok(match preconditions::is_known(request, version) {
        true => Response::new(304).header("etag", etag::of(version)),
        false => answered(200, slug, category, version),
    })
}

/// `PUT /v1/categories/{slug}`: says what is to be said of it, instead of what was.
pub(crate) async fn put(mut request: Request, slug: &str) -> Result<Response, Problem> {
    expect_slug(slug)?;
    let document = document::read(&mut request, "accept", &["application/json"]).await?;
    let said = asked::said(&document).map_err(document::invalid)?;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(response) = put_once(&request, slug, &said).await? {
            return Ok(response);
        }
    }
    Err(faults::busy())
}

/// `None` if somebody else changed the tree meanwhile.
async fn put_once(request: &Request, slug: &str, said: &Said) -> Result<Option<Response>, Problem> {
    let (mut tree, version) = load().await?;
    let before = tree.get(slug).cloned();
    match (&before, version) {
        (Some(_), Some(version)) => preconditions::expect_change(request, version)?,
        _ => preconditions::expect_nothing(request)?,
    }
    let category = Category::of(said.clone(), before.as_ref(), clock::now());
    if let (Some(before), Some(version)) = (&before, version)
        && before.is_said_by(said)
    {
        return Ok(Some(answered(200, slug, before, version)));
    }
    tree.put(slug, category.clone()).map_err(shown::refusal)?;
    let status = if before.is_some() { 200 } else { 201 };
    let written = save(&tree, version).await?;
    Ok(written.map(|version| answered(status, slug, &category, version)))
}

/// `DELETE /v1/categories/{slug}`
pub(crate) async fn delete(request: &Request, slug: &str) -> Result<Response, Problem> {
    expect_slug(slug)?;
    for _ in 0..ATTEMPTS_MAX {
        let (mut tree, version) = load().await?;
        let Some(version) = version.filter(|_| tree.get(slug).is_some()) else {
            return Err(shown::absent());
        };
        preconditions::expect_change(request, version)?;
        tree.remove(slug).map_err(shown::refusal)?;
        if count(slug).await? > 0 {
            return Err(shown::in_use());
        }
        if save(&tree, Some(version)).await?.is_some() {
            return Ok(Response::new(204));
        }
    }
    Err(faults::busy())
}

/// One that only products name. It has no version, because nothing is said of it.
async fn named(slug: &str) -> Result<Response, Problem> {
    match count(slug).await? {
        0 => Err(shown::absent()),
        _ => Ok(Response::json(200, &Shown::named(slug))),
    }
}

fn answered(status: u16, slug: &str, category: &Category, version: u64) -> Response {
    let response = Response::json(status, &Shown::of(slug, category));
    let response = response.header("etag", etag::of(version));
    match status {
        201 => response.header("location", format!("/v1/categories/{slug}")),
        _ => response,
    }
}

fn expect_slug(slug: &str) -> Result<(), Problem> {
    rules::category(slug).map_err(|_| shown::absent())
}

// === the store ===

/// The tree and its version; an empty one without, where nothing was ever said.
async fn load() -> Result<(Tree, Option<u64>), Problem> {
    let found = categories()?.get(TREE).await;
    let found = found.map_err(|error| faults::store(&error))?;
    Ok(match found {
        Some(document) => (document.body, Some(document.version)),
        None => (Tree::default(), None),
    })
}

/// The new version, or `None` if somebody else changed it since.
async fn save(tree: &Tree, version: Option<u64>) -> Result<Option<u64>, Problem> {
    let precondition = version.map_or(Precondition::Absent, Precondition::Version);
    let write = Write::new(TREE, tree).when(precondition);
    match categories()?.write(write).await {
        Ok(version) => Ok(Some(version)),
        Err(Error::Conflict(_)) => Ok(None),
        Err(Error::TooLarge { .. }) => Err(shown::refusal(tree::Refusal::Full)),
        Err(error) => Err(faults::store(&error)),
    }
}

async fn count(slug: &str) -> Result<u64, Problem> {
    let count = products()?
        .count(field("category").equals(slug), None)
        .await;
    count.map_err(|error| faults::store(&error))
}

/// How many products each category has.
async fn counts() -> Result<BTreeMap<String, u64>, Problem> {
    let facets = vec![Facet::of("category").limit(COUNTED_MAX)];
    let counted = products()?.facets(Filter::everything(), None, facets).await;
    let counted = counted.map_err(|error| faults::store(&error))?;
    Ok(counted.into_iter().flatten().filter_map(slug_of).collect())
}

/// `None` for what is no text because somebody else wrote it.
fn slug_of(bucket: Bucket) -> Option<(String, u64)> {
    match bucket.value {
        Scalar::Text(slug) => Some((slug, bucket.count)),
        _ => None,
    }
}
