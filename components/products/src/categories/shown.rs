//! What clients are told of categories.

use super::tree::{Category, Refusal};
use crate::document;
use crate::product::Violation;
use serde::Serialize;
use stoa_sdk::http::Problem;

#[derive(Serialize)]
pub(super) struct Shown<'a> {
    slug: &'a str,
    name: &'a str,
    description: &'a str,
    parent: Option<&'a str>,
    /// Null, like the times, where nothing is said of it.
    position: Option<u64>,
    created: Option<&'a str>,
    updated: Option<&'a str>,
    /// Only in a listing: null where it was not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    products: Option<Option<u64>>,
}

impl<'a> Shown<'a> {
    pub(super) fn of(slug: &'a str, category: &'a Category) -> Self {
        Self {
            slug,
            name: &category.name,
            description: &category.description,
            parent: category.parent.as_deref(),
            position: Some(category.position),
            created: Some(&category.created),
            updated: Some(&category.updated),
            products: None,
        }
    }

    /// One that products name, and of which nothing is said.
    pub(super) fn named(slug: &'a str) -> Self {
        Self {
            slug,
            name: slug,
            description: "",
            parent: None,
            position: None,
            created: None,
            updated: None,
            products: None,
        }
    }

    pub(super) fn with_products(self, products: Option<u64>) -> Self {
        Self {
            products: Some(products),
            ..self
        }
    }

    /// By position, then by name.
    pub(super) fn order(&self) -> (Option<u64>, &'a str, &'a str) {
        (self.position, self.name, self.slug)
    }
}

// === refusals ===

pub(super) fn absent() -> Problem {
    Problem::new(404).detail("no category has this slug")
}

pub(super) fn in_use() -> Problem {
    Problem::new(409).detail("products are in this category")
}

pub(super) fn refusal(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoParent => bad_parent("is not the slug of a category"),
        Refusal::Cycle => bad_parent("is below this category, or itself"),
        Refusal::TooDeep => bad_parent("leaves no level for this category and those below it"),
        Refusal::Full => Problem::new(409).detail("there is no room for another category"),
        Refusal::HasChildren => Problem::new(409).detail("other categories are below this one"),
    }
}

fn bad_parent(detail: &str) -> Problem {
    document::invalid(vec![Violation {
        pointer: "#/parent".to_owned(),
        detail: detail.to_owned(),
    }])
}
