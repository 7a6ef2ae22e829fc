//! What a page shows of the documents that were found.

use super::collection::Stored;
use super::operate;
use super::order::Place;
use super::value::lookup;
use crate::documents::Page;
use serde_json::{Map, Value};

/// A page ends early when its bodies have grown to this.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// These paths of a body.
pub(super) fn projected(body: &Value, fields: &[String]) -> Value {
    let mut shown = Value::Object(Map::new());
    for path in fields {
        if let Some(value) = lookup(body, path) {
            operate::set(&mut shown, path, value.clone()).expect("the way is of objects");
        }
    }
    shown
}

/// The first of what was found, as many as fit. `digest` is that of the query.
pub(super) fn of(
    found: Vec<(Place, &Stored)>,
    limit: usize,
    fields: Option<&[String]>,
    digest: u64,
) -> Page<String> {
    let mut documents = Vec::new();
    let (mut bytes, mut last) = (0, None::<Place>);
    for (place, stored) in found {
        let document = stored.document(fields);
        bytes += document.body.len();
        let full = documents.len() == limit || bytes > PAGE_BYTES_MAX;
        if let Some(last) = last.filter(|_| full) {
            let next = Some(last.cursor(digest));
            return Page { documents, next };
        }
        documents.push(document);
        last = Some(place);
    }
    Page {
        documents,
        next: None,
    }
}
