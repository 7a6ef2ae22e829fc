//! A product as clients see it: never who reserved what.

use super::{Price, Stored};
use crate::images;
use serde::Serialize;

/// What clients see of a product.
#[derive(Serialize)]
pub(crate) struct Product<'a> {
    id: &'a str,
    sku: &'a str,
    name: &'a str,
    description: &'a str,
    category: &'a str,
    brand: &'a str,
    price: &'a Price,
    /// The pieces on hand.
    stock: u64,
    /// Those of them that nobody reserved.
    available: u64,
    tags: &'a [String],
    images: Vec<images::Shown<'a>>,
    created: &'a str,
    updated: &'a str,
}

impl<'a> Product<'a> {
    pub(crate) fn of(id: &'a str, stored: &'a Stored) -> Self {
        let images = stored.images.iter();
        let images = images.map(|image| images::Shown::of(id, image));
        Self {
            id,
            sku: &stored.sku,
            name: &stored.name,
            description: &stored.description,
            category: &stored.category,
            brand: &stored.brand,
            price: &stored.price,
            stock: stored.stock.on_hand(),
            available: stored.stock.available,
            tags: &stored.tags,
            images: images.collect(),
            created: &stored.created,
            updated: &stored.updated,
        }
    }
}
