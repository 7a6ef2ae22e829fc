//! Document stores in memory: what a manifest would declare, and failures.

use crate::documents::{Error, memory::Store};

/// A document store, from outside the service.
pub struct Documents(Store);

/// The document store of this label. It has every collection; without more, none has a unique index or is searched.
///
/// ```
/// use stoa_sdk::documents::{Error, Query, Store};
/// use stoa_sdk::testing::{block_on, documents};
///
/// documents("catalogue")
///     .unique("products", "sku", ["sku"])
///     .search("products", [("name", 10)]);
/// let products = Store::open("catalogue")?.collection("products");
/// let boots = serde_json::json!({ "sku": "b-1", "name": "Winter boots" });
/// block_on(products.insert("p1", &boots))?;
/// assert_eq!(block_on(products.insert("p2", &boots)), Err(Error::Conflict("sku".to_owned())));
/// assert_eq!(block_on(products.count(Default::default(), Some("bots")))?, 1);
/// # Ok::<(), Error>(())
/// ```
pub fn documents(label: &str) -> Documents {
    Documents(Store::open(label).expect("in memory every label is granted"))
}

impl Documents {
    /// Declares a unique index: no two documents of a collection have the same values at these paths.
    pub fn unique<P: Into<String>>(
        &self,
        collection: &str,
        index: &str,
        paths: impl IntoIterator<Item = P>,
    ) -> &Self {
        let paths = paths.into_iter().map(Into::into).collect();
        self.0.unique(collection, index, paths);
        self
    }

    /// Declares which paths text search reads, and what a hit in each weighs.
    pub fn search<P: Into<String>>(
        &self,
        collection: &str,
        paths: impl IntoIterator<Item = (P, u32)>,
    ) -> &Self {
        let paths = paths
            .into_iter()
            .map(|(path, weight)| (path.into(), weight));
        self.0.searched(collection, paths.collect());
        self
    }

    /// Answers the next operation, whichever, with an error. Several queue up.
    pub fn refuse(&self, error: Error) -> &Self {
        self.0.refuse(error);
        self
    }

    /// Lets so many operations through before what is refused after this.
    pub fn allow(&self, operations: usize) -> &Self {
        (0..operations).for_each(|_| self.0.allow());
        self
    }

    /// How many documents were written or removed, each time counted.
    pub fn changes(&self) -> u64 {
        self.0.changes()
    }
}
