//! Named stores of JSON documents, in collections: `stoa:documents` as plain Rust.
//!
//! A label names a store that the manifest grants to this component, with the collections it may use, their indexes and
//! the fields that text search reads. Nothing here caches or retries: what to do about a [`Error::Conflict`] is the
//! service's decision.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use stoa_sdk::documents::{Error, Query, Store, Update, field};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Product {
//!     name: String,
//!     available: i64,
//! }
//!
//! /// Takes some of a product away, if there are enough; answers how many are left.
//! async fn take(id: &str, count: i64) -> Result<Option<i64>, Error> {
//!     let products = Store::open("catalogue")?.collection("products");
//!     let enough = field("_id").equals(id) & field("available").at_least(count);
//!     let update = Update::of(enough).increment("available", -count);
//!     let product = products.find_and_update::<Product>(update).await?;
//!     Ok(product.map(|product| product.body.available))
//! }
//!
//! # stoa_sdk::testing::block_on(async {
//! let products = Store::open("catalogue")?.collection("products");
//! let boots = Product { name: "Boots".to_owned(), available: 3 };
//! products.insert("p1", &boots).await?;
//! assert_eq!(take("p1", 2).await?, Some(1));
//! assert_eq!(take("p1", 2).await?, None);
//!
//! let scarce = Query::of(field("available").below(5)).ascending("name").limit(20);
//! let page = products.find::<Product>(scarce).await?;
//! assert_eq!(page.documents[0].body.name, "Boots");
//! # Ok::<(), Error>(())
//! # }).expect("in memory nothing is refused");
//! ```
//!
//! A path names a value inside a document: keys, joined by dots (`price.amount`); the id is at `_id`. Where the value
//! at a path is an array, a comparison holds if it holds for one of its elements.

mod collection;
mod error;
mod filter;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod memory;
mod query;
mod scalar;
mod update;
#[cfg(target_family = "wasm")]
mod wasi;
mod write;

pub use collection::Collection;
pub use error::Error;
pub use filter::{Field, Filter, element, field};
pub use query::{Bucket, Direction, Facet, Order, Page, Query};
pub use scalar::Scalar;
pub use update::{Moment, Update};
pub use write::{Precondition, Write};

#[cfg(not(target_family = "wasm"))]
use memory as backend;
#[cfg(target_family = "wasm")]
use wasi as backend;

use std::rc::Rc;

/// A store this component was granted. Cheap to clone.
#[derive(Clone)]
pub struct Store(Rc<backend::Store>);

/// A document: `version` changes with every write and is never used again for that id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<T> {
    /// Unique in its collection, 1 to 256 bytes.
    pub id: String,
    /// For [`Precondition::Version`].
    pub version: u64,
    /// What the JSON object was read as.
    pub body: T,
}

impl Store {
    /// Opens the store that was granted under `label`. Never waits.
    pub fn open(label: &str) -> Result<Self, Error> {
        Ok(Self(Rc::new(backend::Store::open(label)?)))
    }

    /// The label it was opened under.
    pub fn label(&self) -> String {
        self.0.label()
    }

    /// A collection of this store. Never waits, and refuses nothing: the operations do.
    pub fn collection(&self, name: impl Into<String>) -> Collection {
        Collection::new(Rc::clone(&self.0), name.into())
    }
}
