//! `GET /v1/products`: pages of products in the order of their ids.

use super::store;
use crate::product::{Product, id};
use crate::{cursor, faults};
use serde::Serialize;
use stoa_sdk::http::{Problem, Request, Response};
use stoa_sdk::keyvalue::{Entry, Range};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;

#[derive(Serialize)]
struct Listing {
    items: Vec<Product>,
    next: Option<String>,
}

/// One page. It may hold fewer products than asked for, or none; there are more exactly if it names a `next`.
pub(crate) async fn list(request: &Request) -> Result<Response, Problem> {
    let limit = limit(request.query_value("limit"))?;
    let after = request.query_value("cursor").map(key_of).transpose()?;
    let range = Range::prefix(id::PREFIX)
        .after(after)
        .limit(limit)
        .with_values();
    let page = store()?
        .list(range)
        .await
        .map_err(|error| faults::store(&error))?;
    let items = page.entries.into_iter().filter_map(product).collect();
    let next = page.next.as_deref().map(cursor::encode);
    Ok(answered(Listing { items, next }, limit))
}

fn answered(listing: Listing, limit: u32) -> Response {
    let response = Response::json(200, &listing);
    match listing.next {
        Some(next) => response.header(
            "link",
            format!("</v1/products?limit={limit}&cursor={next}>; rel=\"next\""),
        ),
        None => response,
    }
}

/// `None` for a value that is no product: one that somebody else wrote must not hide the others of its page.
fn product(entry: Entry) -> Option<Product> {
    Product::decode(&entry.value?.bytes)
        .inspect_err(|error| faults::note_unreadable(&entry.key, error))
        .ok()
}

fn limit(text: Option<&str>) -> Result<u32, Problem> {
    let Some(text) = text else {
        return Ok(LIMIT_DEFAULT);
    };
    match text.parse::<u32>() {
        Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
        _ => {
            Err(Problem::new(400).detail(format!("limit must be an integer from 1 to {LIMIT_MAX}")))
        }
    }
}

fn key_of(cursor: &str) -> Result<String, Problem> {
    cursor::decode(cursor)
        .ok_or_else(|| Problem::new(400).detail("cursor must be the `next` of another page"))
}
