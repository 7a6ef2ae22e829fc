//! What a product is: as a client describes it, as it is stored, and as it is shown.

pub(crate) mod id;
pub(crate) mod read;
mod reader;
pub(crate) mod rules;
mod shown;
#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};
use stoa_sdk::clock::Timestamp;

pub(crate) use reader::{Reader, Violation};
pub(crate) use shown::Product;

/// What a client says of a product. One that exists is valid: it comes out of `read`, or out of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Draft {
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) category: String,
    pub(crate) brand: String,
    pub(crate) price: Price,
    /// The pieces on hand, the reserved ones among them.
    pub(crate) stock: u64,
    pub(crate) tags: Vec<String>,
}

/// An amount in the currency's minor unit, such as cents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub(crate) amount: u64,
    pub(crate) currency: String,
}

/// A product as the store has it: one document, so that no half-written state can exist. Its id is the document's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) category: String,
    pub(crate) brand: String,
    pub(crate) price: Price,
    pub(crate) tags: Vec<String>,
    pub(crate) stock: Stock,
    /// Those that hold pieces. Listings do not load them.
    #[serde(default)]
    pub(crate) reservations: Vec<Reservation>,
    /// The last that ended, the oldest first.
    #[serde(default)]
    pub(crate) finished: Vec<Finished>,
    #[serde(default)]
    pub(crate) images: Vec<Image>,
    pub(crate) created: String,
    pub(crate) updated: String,
}

/// The pieces on hand. Reservations move them in one step of the store, so that neither goes below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stock {
    /// Whoever comes first may have them.
    pub(crate) available: u64,
    /// Kept for somebody.
    pub(crate) reserved: u64,
    /// How many reservations keep them: a filter can compare a number, but cannot count an array.
    #[serde(default)]
    pub(crate) holds: u64,
    /// How many reservations ever ended.
    #[serde(default)]
    pub(crate) ended: u64,
    /// When to look for reservations whose time is up, in milliseconds since 1970; none where nothing is reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<u64>,
}

/// Pieces that are kept for somebody, for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reservation {
    /// Whoever reserves names it.
    pub(crate) id: String,
    pub(crate) quantity: u64,
    /// In milliseconds since 1970; it never changes. At that moment it holds no more.
    pub(crate) expires: u64,
}

/// What became of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finished {
    pub(crate) id: String,
    pub(crate) quantity: u64,
    pub(crate) state: End,
}

/// How a reservation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum End {
    /// The pieces are sold and not on hand any more.
    Confirmed,
    /// The pieces are available again.
    Released,
    /// As released, because the time was up.
    Expired,
}

/// What is known of an image; its bytes lie elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Image {
    /// Unique within the product, and fit for a path.
    pub(crate) id: String,
    pub(crate) content_type: String,
    /// In pixels, as `height`.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The size of the original.
    pub(crate) bytes: u64,
}

/// A stock that would be less than what is reserved of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Oversold {
    pub(crate) reserved: u64,
}

impl Stored {
    /// A product that has not existed before.
    pub(crate) fn new(draft: Draft, now: Timestamp) -> Self {
        let now = now.to_string();
        let stock = Stock {
            available: draft.stock,
            reserved: 0,
            holds: 0,
            ended: 0,
            due: None,
        };
        Self {
            sku: draft.sku,
            name: draft.name,
            description: draft.description,
            category: draft.category,
            brand: draft.brand,
            price: draft.price,
            tags: draft.tags,
            stock,
            reservations: Vec::new(),
            finished: Vec::new(),
            images: Vec::new(),
            created: now.clone(),
            updated: now,
        }
    }

    /// The same product, described anew. What is reserved stays reserved.
    pub(crate) fn redrafted(self, draft: Draft, now: Timestamp) -> Result<Self, Oversold> {
        let reserved = self.stock.reserved;
        let available = draft.stock.checked_sub(reserved);
        let stock = Stock {
            available: available.ok_or(Oversold { reserved })?,
            ..self.stock
        };
        Ok(Self {
            stock,
            reservations: self.reservations,
            finished: self.finished,
            images: self.images,
            created: self.created,
            ..Self::new(draft, now)
        })
    }

    /// As a client would describe it.
    pub(crate) fn draft(&self) -> Draft {
        Draft {
            sku: self.sku.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            category: self.category.clone(),
            brand: self.brand.clone(),
            price: self.price.clone(),
            stock: self.stock.on_hand(),
            tags: self.tags.clone(),
        }
    }
}

impl Reservation {
    /// Whether its time is up.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.expires <= now.unix_ms()
    }
}

impl End {
    /// As clients read it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

impl Stock {
    pub(crate) fn on_hand(self) -> u64 {
        self.available.saturating_add(self.reserved)
    }
}
