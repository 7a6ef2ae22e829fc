//! The documents of one collection.

use super::check::{self, DOCUMENTS_MAX, ID_PATH};
use super::condition::holds;
use super::facet::buckets;
use super::operate;
use super::order::{self, Place};
use super::page::{self, projected};
use super::search::Search;
use super::value::{compare, lookup, scalar};
use crate::documents::{
    Bucket, Document, Error, Facet, Filter, Moment, Order, Page, Precondition, Query, Scalar,
    update, write,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A query shows at most so many paths of each body.
const FIELDS_MAX: usize = 64;
/// One call asks for at most so many facets.
const FACETS_MAX: usize = 8;
/// One update has at most so many operators.
const OPERATORS_MAX: usize = 64;

#[derive(Default)]
pub(super) struct Collection {
    documents: BTreeMap<String, Stored>,
    /// Counts what was written or removed, and numbers the versions.
    changes: u64,
    /// The paths of each unique index.
    unique: BTreeMap<String, Vec<String>>,
    /// What text search reads, and what a hit weighs.
    searched: Vec<(String, u32)>,
}

#[derive(Clone)]
pub(super) struct Stored {
    version: u64,
    /// With the id, which conditions and sorts may name.
    body: Value,
}

impl Collection {
    pub(super) fn get(&self, ids: &[String]) -> Result<Vec<Option<Document<String>>>, Error> {
        check::at_most(DOCUMENTS_MAX, ids.len(), "ids")?;
        ids.iter().try_for_each(|id| check::id(id))?;
        let stored = ids.iter().map(|id| self.documents.get(id));
        let documents: Vec<_> = stored.map(|stored| Some(stored?.document(None))).collect();
        let bodies = documents.iter().flatten().map(|found| found.body.len());
        check::call_bytes(bodies.sum())?;
        Ok(documents)
    }

    pub(super) fn find(&self, query: Query) -> Result<Page<String>, Error> {
        let limit = check::limit(query.limit)?;
        let fields = query.fields.as_deref();
        check::at_most(FIELDS_MAX, fields.map_or(0, <[_]>::len), "fields")?;
        fields
            .unwrap_or(&[])
            .iter()
            .try_for_each(|path| check::path(path))?;
        let digest = order::digest(&query);
        let after = query.after.as_deref();
        let after = after.map(|cursor| Place::from_cursor(cursor, digest));
        let after = after.transpose()?;
        let mut found = self.sorted(query.filter, query.search.as_deref(), &query.sort)?;
        if let Some(after) = after {
            found.retain(|(place, _)| place.compare(&after, &query.sort).is_gt());
        }
        Ok(page::of(found, limit, fields, digest))
    }

    pub(super) fn count(&self, filter: Filter, search: Option<&str>) -> Result<u64, Error> {
        let found = self.matching(filter, search)?.len();
        Ok(u64::try_from(found).expect("a length fits"))
    }

    pub(super) fn facets(
        &self,
        filter: Filter,
        search: Option<&str>,
        facets: &[Facet],
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        check::at_most(FACETS_MAX, facets.len(), "facets")?;
        let found = self.matching(filter, search)?;
        let bodies: Vec<_> = found.iter().map(|(stored, _)| &stored.body).collect();
        let facets = facets.iter().map(|facet| buckets(&bodies, facet));
        facets.collect()
    }

    pub(super) fn put(
        &mut self,
        writes: &[write::Encoded],
    ) -> Result<Vec<Result<u64, Error>>, Error> {
        check::at_most(DOCUMENTS_MAX, writes.len(), "writes")?;
        check::call_bytes(writes.iter().map(|write| write.body.len()).sum())?;
        Ok(writes.iter().map(|write| self.write(write)).collect())
    }

    pub(super) fn find_and_update(
        &mut self,
        update: update::Encoded,
    ) -> Result<Option<Document<String>>, Error> {
        check::at_most(OPERATORS_MAX, update.operators.len(), "operators")?;
        let found = self.sorted(update.filter, None, &update.sort)?;
        let Some(before) = found.first().map(|(_, stored)| (*stored).clone()) else {
            return Ok(None);
        };
        let mut body = before.body.clone();
        for operator in update.operators {
            operate::change(&mut body, operator)?;
        }
        // As it would be written: neither too large nor too deep.
        check::body(&without_id(&body).to_string())?;
        let version = self.store(before.id(), body.clone())?;
        Ok(Some(match update.answer {
            Moment::Before => before.document(None),
            Moment::After => Stored { version, body }.document(None),
        }))
    }

    pub(super) fn delete(&mut self, id: &str, precondition: Precondition) -> Result<bool, Error> {
        check::id(id)?;
        self.allows(id, precondition)?;
        Ok(self.remove(id))
    }

    pub(super) fn delete_matching(&mut self, filter: Filter, limit: u32) -> Result<u32, Error> {
        let limit = check::limit(limit)?;
        let found = self.matching(filter, None)?.into_iter().take(limit);
        let ids: Vec<_> = found.map(|(stored, _)| stored.id().to_owned()).collect();
        let removed = ids.iter().filter(|id| self.remove(id)).count();
        Ok(u32::try_from(removed).expect("no more than the limit"))
    }

    pub(super) fn unique(&mut self, index: &str, paths: Vec<String>) {
        self.unique.insert(index.to_owned(), paths);
    }

    pub(super) fn searched(&mut self, paths: Vec<(String, u32)>) {
        self.searched = paths;
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// What fulfils the filter and the search, by id, with what it weighs.
    fn matching(&self, filter: Filter, search: Option<&str>) -> Result<Vec<(&Stored, u64)>, Error> {
        let conditions = filter.flatten();
        check::filter(&conditions)?;
        let search = search.map(Search::of).transpose()?;
        if search.is_some() && self.searched.is_empty() {
            return Err(check::invalid("no field of the collection is searched"));
        }
        let rank = |stored: &Stored| match &search {
            None => Some(0),
            Some(search) => search.rank(&stored.body, &self.searched),
        };
        let found = self.documents.values();
        let found = found.filter(|stored| holds(&conditions, &stored.body));
        Ok(found
            .filter_map(|stored| Some((stored, rank(stored)?)))
            .collect())
    }

    fn sorted(
        &self,
        filter: Filter,
        search: Option<&str>,
        sort: &[Order],
    ) -> Result<Vec<(Place, &Stored)>, Error> {
        check::sort(sort)?;
        let found = self.matching(filter, search)?.into_iter();
        let mut found: Vec<_> = found
            .map(|(stored, rank)| (Place::of(&stored.body, sort, rank), stored))
            .collect();
        found.sort_by(|(left, _), (right, _)| left.compare(right, sort));
        Ok(found)
    }

    fn write(&mut self, write: &write::Encoded) -> Result<u64, Error> {
        check::id(&write.id)?;
        let mut body = check::body(&write.body)?;
        self.allows(&write.id, write.precondition)?;
        body[ID_PATH] = Value::from(write.id.as_str());
        self.store(&write.id, body)
    }

    fn allows(&self, id: &str, precondition: Precondition) -> Result<(), Error> {
        let stored = self.documents.get(id);
        let holds = match precondition {
            Precondition::Always => true,
            Precondition::Absent => stored.is_none(),
            Precondition::Present => stored.is_some(),
            Precondition::Version(version) => stored.is_some_and(|found| found.version == version),
        };
        match holds {
            true => Ok(()),
            false => Err(Error::Conflict(id.to_owned())),
        }
    }

    fn store(&mut self, id: &str, body: Value) -> Result<u64, Error> {
        if let Some(index) = self.index_that_holds(id, &body) {
            return Err(Error::Conflict(index.to_owned()));
        }
        self.changes += 1;
        let version = self.changes;
        self.documents
            .insert(id.to_owned(), Stored { version, body });
        Ok(version)
    }

    /// The unique index in which another document has the values of this one.
    fn index_that_holds(&self, id: &str, body: &Value) -> Option<&str> {
        let others = || {
            self.documents
                .values()
                .filter(move |stored| stored.id() != id)
        };
        let holds = |paths: &[String]| {
            let values = indexed(body, paths);
            values.is_some_and(|values| {
                others()
                    .filter_map(|other| indexed(&other.body, paths))
                    .any(|other| same(&values, &other))
            })
        };
        let (index, _) = self.unique.iter().find(|(_, paths)| holds(paths))?;
        Some(index)
    }

    fn remove(&mut self, id: &str) -> bool {
        let removed = self.documents.remove(id).is_some();
        self.changes += u64::from(removed);
        removed
    }
}

impl Stored {
    fn id(&self) -> &str {
        self.body[ID_PATH]
            .as_str()
            .expect("a stored document holds its id")
    }

    pub(super) fn document(&self, fields: Option<&[String]>) -> Document<String> {
        let body = without_id(&self.body);
        let body = match fields {
            Some(fields) => projected(&body, fields),
            None => body,
        };
        Document {
            id: self.id().to_owned(),
            version: self.version,
            body: body.to_string(),
        }
    }
}

fn without_id(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(object) = body.as_object_mut() {
        object.remove(ID_PATH);
    }
    body
}

/// What a unique index holds of a document; nothing where one of the values is missing or null.
fn indexed(body: &Value, paths: &[String]) -> Option<Vec<Scalar>> {
    let value = |path: &String| scalar(lookup(body, path)?).filter(|value| *value != Scalar::Null);
    paths.iter().map(value).collect()
}

fn same(left: &[Scalar], right: &[Scalar]) -> bool {
    left.iter()
        .zip(right)
        .all(|(left, right)| compare(left, right).is_eq())
}
