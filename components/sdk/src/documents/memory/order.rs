//! Where a document stands among others.

use super::check::{ID_PATH, invalid};
use super::value::{compare, lookup, scalar};
use crate::documents::{Direction, Error, Order, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Where a document stands. As JSON, with a digest of what was asked, it is the cursor of a page.
#[derive(Serialize, Deserialize)]
pub(super) struct Place {
    /// The greatest comes first.
    rank: u64,
    /// What is sorted by; arrays and objects are empty, as nothing in them is compared.
    values: Vec<Value>,
    id: String,
}

impl Place {
    /// The place of a document that holds its id. The rank of a search counts where nothing else is sorted by.
    pub(super) fn of(document: &Value, sort: &[Order], rank: u64) -> Self {
        let id = document.get(ID_PATH).and_then(Value::as_str);
        Self {
            rank: if sort.is_empty() { rank } else { 0 },
            values: sort.iter().map(|order| key(document, order)).collect(),
            id: id.expect("a stored document holds its id").to_owned(),
        }
    }

    pub(super) fn from_cursor(cursor: &str, digest: u64) -> Result<Self, Error> {
        serde_json::from_str::<(u64, Self)>(cursor)
            .ok()
            .filter(|(of, _)| *of == digest)
            .map(|(_, place)| place)
            .ok_or_else(|| invalid("`after` is not of this query"))
    }

    pub(super) fn cursor(&self, digest: u64) -> String {
        serde_json::to_string(&(digest, self)).expect("a place is JSON")
    }

    pub(super) fn compare(&self, other: &Self, sort: &[Order]) -> Ordering {
        let values = self.values.iter().zip(&other.values).zip(sort);
        let values = values.map(|((left, right), order)| directed(left, right, order.direction));
        let ranked = other.rank.cmp(&self.rank);
        values
            .fold(ranked, Ordering::then)
            .then_with(|| self.id.cmp(&other.id))
    }
}

/// Of what a query asks, apart from how much of it.
pub(super) fn digest(query: &Query) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{:?}", (&query.filter, &query.search, &query.sort)).hash(&mut hasher);
    hasher.finish()
}

/// A missing value comes as null.
fn key(document: &Value, order: &Order) -> Value {
    match lookup(document, &order.path) {
        None => Value::Null,
        Some(Value::Array(_)) => Value::Array(Vec::new()),
        Some(Value::Object(_)) => Value::Object(Map::new()),
        Some(value) => value.clone(),
    }
}

fn directed(left: &Value, right: &Value, direction: Direction) -> Ordering {
    let ascending = match (scalar(left), scalar(right)) {
        (Some(left), Some(right)) => compare(&left, &right),
        // After all texts come objects, and then arrays.
        _ => behind_texts(left).cmp(&behind_texts(right)),
    };
    match direction {
        Direction::Ascending => ascending,
        Direction::Descending => ascending.reverse(),
    }
}

fn behind_texts(value: &Value) -> u8 {
    match value {
        Value::Array(_) => 2,
        Value::Object(_) => 1,
        _ => 0,
    }
}
