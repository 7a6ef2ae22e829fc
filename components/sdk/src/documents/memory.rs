//! Stores in memory, for a service under test. They keep what the contract promises: versions, preconditions, filters,
//! order, unique indexes. Search is simpler than a host's: it folds case, but not accents, and ranks by weight alone.
//!
//! Every label names a store with whatever collections are asked for, and every test has its own, because a test has a
//! thread of its own.

mod check;
mod collection;
mod condition;
mod facet;
mod operate;
mod order;
mod page;
mod search;
#[cfg(test)]
mod tests;
mod value;

use super::{Bucket, Document, Error, Facet, Filter, Page, Precondition, Query, update, write};
use collection::Collection;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

thread_local! {
    static STORES: RefCell<BTreeMap<String, Rc<RefCell<Data>>>> = const { RefCell::new(BTreeMap::new()) };
}

/// A store this component was granted. Bodies are JSON.
pub(crate) struct Store {
    label: String,
    data: Rc<RefCell<Data>>,
}

#[derive(Default)]
struct Data {
    collections: BTreeMap<String, Collection>,
    /// What the next operations answer; `None` lets one through.
    refusals: VecDeque<Option<Error>>,
}

impl Store {
    pub(crate) fn open(label: &str) -> Result<Self, Error> {
        let data =
            STORES.with_borrow_mut(|stores| Rc::clone(stores.entry(label.to_owned()).or_default()));
        Ok(Self {
            label: label.to_owned(),
            data,
        })
    }

    pub(super) fn label(&self) -> String {
        self.label.clone()
    }

    pub(super) async fn get(
        &self,
        collection: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document<String>>>, Error> {
        self.call(collection, |collection| collection.get(&ids))
    }

    pub(super) async fn find(&self, collection: &str, query: Query) -> Result<Page<String>, Error> {
        self.call(collection, |collection| collection.find(query))
    }

    pub(super) async fn count(
        &self,
        collection: &str,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Error> {
        self.call(collection, |collection| {
            collection.count(filter, search.as_deref())
        })
    }

    pub(super) async fn facets(
        &self,
        collection: &str,
        filter: Filter,
        search: Option<String>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        self.call(collection, |collection| {
            collection.facets(filter, search.as_deref(), &facets)
        })
    }

    pub(super) async fn put(
        &self,
        collection: &str,
        writes: Vec<write::Encoded>,
    ) -> Result<Vec<Result<u64, Error>>, Error> {
        self.call(collection, |collection| collection.put(&writes))
    }

    pub(super) async fn find_and_update(
        &self,
        collection: &str,
        update: update::Encoded,
    ) -> Result<Option<Document<String>>, Error> {
        self.call(collection, |collection| collection.find_and_update(update))
    }

    pub(super) async fn delete(
        &self,
        collection: &str,
        id: &str,
        precondition: Precondition,
    ) -> Result<bool, Error> {
        self.call(collection, |collection| collection.delete(id, precondition))
    }

    pub(super) async fn delete_matching(
        &self,
        collection: &str,
        filter: Filter,
        limit: u32,
    ) -> Result<u32, Error> {
        self.call(collection, |collection| {
            collection.delete_matching(filter, limit)
        })
    }

    /// Lets no two documents of a collection have the same values at these paths.
    pub(crate) fn unique(&self, collection: &str, index: &str, paths: Vec<String>) {
        self.with(collection, |collection| collection.unique(index, paths));
    }

    /// Lets text search read these paths of a collection; a hit weighs so much.
    pub(crate) fn searched(&self, collection: &str, paths: Vec<(String, u32)>) {
        self.with(collection, |collection| collection.searched(paths));
    }

    /// Answers the next operation with this error.
    pub(crate) fn refuse(&self, error: Error) {
        self.data.borrow_mut().refusals.push_back(Some(error));
    }

    /// Lets an operation through before what is refused after this.
    pub(crate) fn allow(&self) {
        self.data.borrow_mut().refusals.push_back(None);
    }

    /// How many documents were written or removed, each time counted.
    pub(crate) fn changes(&self) -> u64 {
        let data = self.data.borrow();
        data.collections.values().map(Collection::changes).sum()
    }

    fn call<T>(
        &self,
        collection: &str,
        work: impl FnOnce(&mut Collection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let refusal = self.data.borrow_mut().refusals.pop_front().flatten();
        refusal.map_or_else(|| self.with(collection, work), Err)
    }

    fn with<T>(&self, collection: &str, work: impl FnOnce(&mut Collection) -> T) -> T {
        let mut data = self.data.borrow_mut();
        work(data.collections.entry(collection.to_owned()).or_default())
    }
}
