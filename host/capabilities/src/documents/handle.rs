//! A granted store: the only form in which a component ever holds one.

mod budget;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::grants::Access;
use stoa_manifest::grants::documents::Grant;
use tracing::{info, warn};

use super::{
    Bucket, DOCUMENT_BYTES_MAX, Document, Error, Facet, Filter, HELD_BYTES_MAX, Page, Precondition,
    Query, Store, Update, Version, Write, body, checks,
};
use crate::budget::{Budget, Full};
use crate::metrics::{DOCUMENTS_CALLS_TOTAL, DOCUMENTS_REFUSED_TOTAL};
use crate::quota::{Rate, Stored};
use crate::{Bounds, Holder};

/// A store behind a component's grant. Cheap to clone; checks access, collection and sizes, bounds the wait, the rate and
/// the bytes, counts and logs refusals. A backend behind it sees only requests that are allowed.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    grant: Grant,
    holder: Holder,
    deadline: Duration,
    budget: Budget,
    rate: Rate,
    stored: Stored,
    /// Registered when the grant is resolved, so that a call that succeeds formats and looks up nothing.
    succeeded: [metrics::Counter; Operation::ALL.len()],
}

#[derive(Clone, Copy)]
enum Operation {
    Get,
    Find,
    Count,
    Facets,
    Put,
    Update,
    Delete,
    DeleteMatching,
}

impl Operation {
    const ALL: [Self; 8] = [
        Self::Get,
        Self::Find,
        Self::Count,
        Self::Facets,
        Self::Put,
        Self::Update,
        Self::Delete,
        Self::DeleteMatching,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Find => "find",
            Self::Count => "count",
            Self::Facets => "facets",
            Self::Put => "put",
            Self::Update => "find-and-update",
            Self::Delete => "delete",
            Self::DeleteMatching => "delete-matching",
        }
    }
}

impl From<Full> for Error {
    fn from(_: Full) -> Self {
        Self::Unavailable
    }
}

impl Handle {
    /// Puts `store` behind `grant`. `bounds` hold for every call.
    pub fn new(store: Arc<dyn Store>, grant: Grant, holder: Holder, bounds: Bounds) -> Self {
        let succeeded = Operation::ALL.map(|operation| counter(&holder, operation, "ok"));
        let (rate, stored) = (
            Rate::new(grant.quota.calls_per_second_max),
            Stored::new(grant.quota.bytes_max),
        );
        Self {
            inner: Arc::new(Inner {
                store,
                grant,
                holder,
                deadline: bounds.deadline,
                budget: Budget::new(HELD_BYTES_MAX),
                rate,
                stored,
                succeeded,
            }),
        }
    }

    /// The label it was granted under.
    pub fn label(&self) -> &str {
        self.inner.holder.label.as_str()
    }

    /// The longest that a call takes.
    pub fn deadline(&self) -> Duration {
        self.inner.deadline
    }

    /// The largest body that the grant allows, in bytes.
    pub fn document_bytes_max(&self) -> usize {
        let granted = self.inner.grant.document_bytes_max;
        granted
            .and_then(|bytes| usize::try_from(bytes).ok())
            .map_or(DOCUMENT_BYTES_MAX, |bytes| bytes.min(DOCUMENT_BYTES_MAX))
    }

    /// The documents of `ids`, in their order, all from one moment.
    pub async fn get(
        &self,
        collection: String,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document>>, Error> {
        self.call(Operation::Get, &collection.clone(), async {
            checks::documents(ids.len())?;
            ids.iter().try_for_each(|id| checks::id(id))?;
            let _held = self.inner.budget.room(budget::of_ids(ids.len())).await?;
            self.inner.store.get(collection, ids).await
        })
        .await
    }

    /// A page of a query.
    pub async fn find(&self, collection: String, query: Query) -> Result<Page, Error> {
        self.call(Operation::Find, &collection.clone(), async {
            checks::query(&query)?;
            let _held = self.inner.budget.room(budget::OF_PAGE).await?;
            self.inner.store.find(collection, query).await
        })
        .await
    }

    /// How many documents fulfil the filter and the search.
    pub async fn count(
        &self,
        collection: String,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Error> {
        self.call(Operation::Count, &collection.clone(), async {
            checks::search(search.as_deref())?;
            self.inner.store.count(collection, filter, search).await
        })
        .await
    }

    /// The buckets of each facet, all from one moment.
    pub async fn facets(
        &self,
        collection: String,
        filter: Filter,
        search: Option<String>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        self.call(Operation::Facets, &collection.clone(), async {
            checks::search(search.as_deref())?;
            checks::facets(&facets)?;
            let room = budget::of_facets(&facets);
            let _held = self.inner.budget.room(room).await?;
            let store = &self.inner.store;
            store.facets(collection, filter, search, facets).await
        })
        .await
    }

    /// Writes each document on its own. A document that is wrong in itself is refused by itself, too.
    pub async fn put(
        &self,
        collection: String,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<Version, Error>>, Error> {
        self.call(Operation::Put, &collection.clone(), async {
            self.writable()?;
            checks::documents(writes.len())?;
            let bytes = checks::batch(&writes)?;
            let _held = self.inner.budget.hold(bytes)?;
            let checked = checks::writes(&writes, self.document_bytes_max());
            let good = checks::good(writes, &checked);
            self.admit(|| good.iter().map(written_bytes).sum()).await?;
            let written = match good.is_empty() {
                true => Vec::new(),
                false => self.inner.store.put(collection, good).await?,
            };
            Ok(checks::merged(checked, written))
        })
        .await
    }

    /// Finds one document and changes it in one atomic step. The update's own bound of bytes is narrowed to the grant's.
    pub async fn find_and_update(
        &self,
        collection: String,
        mut update: Update,
    ) -> Result<Option<Document>, Error> {
        self.call(Operation::Update, &collection.clone(), async {
            self.writable()?;
            let bytes = checks::update(&update)?;
            update.document_bytes_max = update.document_bytes_max.min(self.document_bytes_max());
            // The document comes back, and is no larger than that.
            let _held = self.inner.budget.hold(bytes + DOCUMENT_BYTES_MAX)?;
            // By how much it grows is not known before; by no more than what the operators bring.
            self.admit(|| checks::growth(&update)).await?;
            self.inner.store.find_and_update(collection, update).await
        })
        .await
    }

    /// Removes one document; answers whether it was there.
    pub async fn delete(
        &self,
        collection: String,
        id: String,
        precondition: Precondition,
    ) -> Result<bool, Error> {
        self.call(Operation::Delete, &collection.clone(), async {
            self.writable()?;
            checks::id(&id)?;
            self.inner.store.delete(collection, id, precondition).await
        })
        .await
    }

    /// Removes up to `limit` documents that fulfil the filter; answers how many.
    pub async fn delete_matching(
        &self,
        collection: String,
        filter: Filter,
        limit: usize,
    ) -> Result<usize, Error> {
        self.call(Operation::DeleteMatching, &collection.clone(), async {
            self.writable()?;
            checks::documents(limit)?;
            let store = &self.inner.store;
            store.delete_matching(collection, filter, limit).await
        })
        .await
    }

    /// Makes room in the quota for what is about to be written. Without a quota, its size is nobody's business.
    async fn admit(&self, bytes: impl FnOnce() -> usize) -> Result<(), Error> {
        if self.inner.grant.quota.bytes_max.is_none() {
            return Ok(());
        }
        let bytes = bytes() as u64;
        let collections = self.inner.grant.collections.keys().cloned().collect();
        let measure = self.inner.store.bytes(collections);
        self.inner.stored.admit(bytes, measure).await
    }

    /// Runs one call on a granted collection under the rate and the deadline, counts it, and reports why it failed.
    async fn call<T>(
        &self,
        operation: Operation,
        collection: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let limit = self.inner.deadline;
        let allowed = async {
            self.inner.rate.take()?;
            self.visible(collection)?;
            work.await
        };
        let outcome = tokio::time::timeout(limit, allowed)
            .await
            .unwrap_or(Err(Error::Deadline { limit }));
        match &outcome {
            Ok(_) => self.inner.succeeded[operation as usize].increment(1),
            Err(error) => self.report(operation, error),
        }
        outcome
    }

    fn report(&self, operation: Operation, error: &Error) {
        let Holder {
            component,
            revision,
            label,
        } = &self.inner.holder;
        counter(&self.inner.holder, operation, error.code()).increment(1);
        let operation = operation.name();
        match error {
            Error::Denied(_) | Error::Quota(_) => {
                let (component_, label_) = (component.to_string(), label.to_string());
                metrics::counter!(DOCUMENTS_REFUSED_TOTAL, "component" => component_, "label" => label_, "operation" => operation)
                    .increment(1);
                info!(%component, revision, %label, operation, %error, "document call refused");
            }
            Error::Deadline { .. } | Error::Unavailable => {
                warn!(%component, revision, %label, operation, %error, "document call failed");
            }
            Error::Invalid(_) | Error::TooLarge { .. } | Error::Conflict(_) => {}
        }
    }

    fn writable(&self) -> Result<(), Error> {
        match self.inner.grant.access {
            Access::ReadWrite => Ok(()),
            Access::Read => Err(Error::Denied(format!(
                "`{}` may only be read",
                self.inner.holder.label
            ))),
        }
    }

    /// What is not granted does not exist: the answer is one, whether there is such a collection or could be.
    fn visible(&self, collection: &str) -> Result<(), Error> {
        match self.inner.grant.collections.contains_key(collection) {
            true => Ok(()),
            false => Err(Error::Denied(format!(
                "no such collection is granted of `{}`",
                self.inner.holder.label
            ))),
        }
    }
}

/// What a write adds to a store that does not have the document yet, at most.
fn written_bytes(write: &Write) -> usize {
    write.id.len() + body::written_bytes(&write.body)
}

fn counter(holder: &Holder, operation: Operation, outcome: &'static str) -> metrics::Counter {
    let operation = operation.name();
    metrics::counter!(DOCUMENTS_CALLS_TOTAL, "label" => holder.label.to_string(), "operation" => operation, "outcome" => outcome)
}
