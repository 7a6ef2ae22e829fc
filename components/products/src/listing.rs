//! `GET /v1/products`: pages of products, found, filtered, sorted and counted by the store.

mod asked;
mod parameters;

use crate::catalogue::{Readable, products};
use crate::product::{Product, Stored};
use crate::{cursor, faults, reservations};
use asked::{Asked, Counted};
use serde::Serialize;
use std::collections::BTreeMap;
use stoa_sdk::documents::{Bucket, Collection, Document, Error, Facet, Filter, Page, Scalar};
use stoa_sdk::http::{Problem, Request, Response};

/// A facet names its most frequent values, at most so many.
const FACET_VALUES_MAX: u32 = 100;
/// A longer link is left out: the `next` of the body says the same, and no header is refused for its size.
const LINK_BYTES_MAX: usize = 4096;

#[derive(Serialize)]
struct Listing<'a> {
    items: Vec<Product<'a>>,
    next: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<Facets>,
}

type Facets = BTreeMap<&'static str, Vec<Count>>;

#[derive(Serialize)]
struct Count {
    value: String,
    count: u64,
}

/// One page. It may hold fewer products than asked for, or none; there are more exactly if it names a `next`.
pub(crate) async fn list(request: &Request) -> Result<Response, Problem> {
    let asked = Asked::read(request.query())?;
    if asked.cursor.is_none() {
        reservations::sweep_due().await?;
    }
    let products = products()?;
    let page = page(&products, &asked).await?;
    let (total, facets) = (
        total(&products, &asked).await?,
        facets(&products, &asked).await?,
    );
    let next = page.next.as_deref().map(cursor::encode);
    let listing = Listing {
        items: page.documents.iter().filter_map(product).collect(),
        next: next.as_deref(),
        total,
        facets,
    };
    let response = Response::json(200, &listing);
    Ok(match next.and_then(|next| link(request, &asked, &next)) {
        Some(link) => response.header("link", link),
        None => response,
    })
}

async fn page(products: &Collection, asked: &Asked) -> Result<Page<Readable<Stored>>, Problem> {
    let found = products.find(asked.query()).await;
    found.map_err(|error| match error {
        // All else of the query was written here.
        Error::Invalid(_) if asked.cursor.is_some() => parameters::bad_cursor(),
        error => faults::store(&error),
    })
}

async fn total(products: &Collection, asked: &Asked) -> Result<Option<u64>, Problem> {
    if !asked.total {
        return Ok(None);
    }
    let total = products
        .count(asked.filter(), asked.search.as_deref())
        .await;
    total.map(Some).map_err(|error| faults::store(&error))
}

/// Whoever chose one value of a facet may want another as well: what was chosen of a facet does not narrow its own counts.
async fn facets(products: &Collection, asked: &Asked) -> Result<Option<Facets>, Problem> {
    if asked.facets.is_empty() {
        return Ok(None);
    }
    let (chosen, others): (Vec<Counted>, Vec<Counted>) = asked
        .facets
        .iter()
        .copied()
        .partition(|(_, path)| asked.is_chosen(path));
    let mut facets = Facets::new();
    if !others.is_empty() {
        facets.extend(counts(products, asked, asked.filter(), &others).await?);
    }
    for facet in chosen {
        let filter = asked.filter_without(facet.1);
        facets.extend(counts(products, asked, filter, &[facet]).await?);
    }
    Ok(Some(facets))
}

async fn counts(
    products: &Collection,
    asked: &Asked,
    filter: Filter,
    counted: &[Counted],
) -> Result<Facets, Problem> {
    let facet = |(_, path): &Counted| Facet::of(*path).limit(FACET_VALUES_MAX);
    let wanted = counted.iter().map(facet).collect();
    let buckets = products
        .facets(filter, asked.search.as_deref(), wanted)
        .await;
    let buckets = buckets.map_err(|error| faults::store(&error))?;
    let names = counted.iter().map(|(name, _)| *name);
    let counts = buckets
        .into_iter()
        .map(|buckets| buckets.into_iter().filter_map(count).collect());
    Ok(names.zip(counts).collect())
}

/// `None` for a brand that was left empty, and for what is no text because somebody else wrote it.
fn count(bucket: Bucket) -> Option<Count> {
    match bucket.value {
        Scalar::Text(value) if !value.is_empty() => Some(Count {
            value,
            count: bucket.count,
        }),
        _ => None,
    }
}

/// `None` for a document that is no product: one that somebody else wrote must not hide the others of its page.
fn product(document: &Document<Readable<Stored>>) -> Option<Product<'_>> {
    match &document.body.0 {
        Ok(stored) => Some(Product::of(&document.id, stored)),
        Err(error) => {
            faults::note_unreadable(&document.id, error);
            None
        }
    }
}

/// The next page of the same question.
fn link(request: &Request, asked: &Asked, next: &str) -> Option<String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &asked.limit.to_string());
    for (name, value) in request.query() {
        if parameters::is_kept(name) {
            query.append_pair(name, value);
        }
    }
    query.append_pair("cursor", next);
    let link = format!("</v1/products?{}>; rel=\"next\"", query.finish());
    (link.len() <= LINK_BYTES_MAX).then_some(link)
}
