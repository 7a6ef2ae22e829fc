//! What a product is: as a client describes it, and as it is stored.

pub(crate) mod id;
pub(crate) mod read;
mod reader;
mod rules;

use serde::{Deserialize, Serialize};
use stoa_sdk::clock::Timestamp;

pub(crate) use reader::Violation;

/// What a client says of a product. One that exists is valid: it comes out of `read`, or out of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) category: String,
    pub(crate) brand: String,
    pub(crate) price: Price,
    pub(crate) stock: u64,
    pub(crate) tags: Vec<String>,
}

/// An amount in the currency's minor unit, such as cents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub(crate) amount: u64,
    pub(crate) currency: String,
}

/// A product as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) draft: Draft,
    pub(crate) created: String,
    pub(crate) updated: String,
}

impl Product {
    /// A product that has not existed before.
    pub(crate) fn new(draft: Draft, now: Timestamp) -> Self {
        let now = now.to_string();
        Self {
            id: id::of(&draft.sku),
            draft,
            created: now.clone(),
            updated: now,
        }
    }

    /// The same product, described anew.
    pub(crate) fn redrafted(self, draft: Draft, now: Timestamp) -> Self {
        Self {
            draft,
            updated: now.to_string(),
            ..self
        }
    }

    /// As it is stored.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and lists of them are JSON")
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
