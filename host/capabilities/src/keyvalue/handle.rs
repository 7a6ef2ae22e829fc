//! A granted store: the only form in which a component ever holds one.

mod budget;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::grants::Access;
use stoa_manifest::grants::keyvalue::Grant;
use tracing::{info, warn};

use self::stored::{Arriving, NUMBER_BYTES_MAX, Stored};
use super::{
    Action, CALL_BYTES_MAX, Change, Condition, Error, HELD_BYTES_MAX, KEY_BYTES_MAX,
    KEYS_PER_CALL_MAX, Page, Projection, Range, Store, TTL_MAX, TTL_MIN, VALUE_BYTES_MAX, Value,
    Version,
};
use crate::budget::{Budget, Full};
use crate::metrics::{KEYVALUE_CALLS_TOTAL, KEYVALUE_REFUSED_TOTAL};
use crate::quota::{Exceeded, Rate};
use crate::{Bounds, Holder};

/// A store behind a component's grant. Cheap to clone; checks access, prefix, sizes and quotas, bounds the wait and the
/// bytes in flight, counts and logs refusals. A backend behind it sees only requests that are allowed.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    grant: Grant,
    holder: Holder,
    bounds: Bounds,
    budget: Budget,
    rate: Rate,
    stored: Stored,
    /// Registered when the grant is resolved, so that a call that succeeds formats and looks up nothing.
    succeeded: [metrics::Counter; Operation::ALL.len()],
}

#[derive(Clone, Copy)]
enum Operation {
    Get,
    List,
    Apply,
    Increment,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Get, Self::List, Self::Apply, Self::Increment];

    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Apply => "apply",
            Self::Increment => "increment",
        }
    }
}

impl From<Exceeded> for Error {
    fn from(Exceeded(bound): Exceeded) -> Self {
        Self::Quota(bound)
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
        Self {
            inner: Arc::new(Inner {
                store,
                rate: Rate::new(grant.quota.calls_per_second_max),
                stored: Stored::new(grant.quota.bytes_max),
                grant,
                holder,
                bounds,
                budget: Budget::new(HELD_BYTES_MAX),
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
        self.inner.bounds.deadline
    }

    /// The value of `key`.
    pub async fn get(&self, key: String) -> Result<Option<Value>, Error> {
        let mut values = self.get_many(vec![key]).await?;
        Ok(values.pop().flatten())
    }

    /// The values of `keys`, in their order, all from one moment.
    pub async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<Value>>, Error> {
        self.call(Operation::Get, async {
            count(keys.len())?;
            keys.iter().try_for_each(|key| self.visible(key))?;
            let _held = self.inner.budget.room(budget::of_values(&keys)).await?;
            self.inner.store.get_many(keys).await
        })
        .await
    }

    /// A page of what the grant shows of `range`.
    pub async fn list(&self, range: Range) -> Result<Page, Error> {
        self.call(Operation::List, async {
            count(range.limit)?;
            let range = self.narrowed(range)?;
            let _held = self.inner.budget.room(budget::of_page(&range)).await?;
            self.inner.store.list(range).await
        })
        .await
    }

    /// Makes all changes, or none.
    pub async fn apply(&self, changes: Vec<Change>) -> Result<Version, Error> {
        self.call(Operation::Apply, async {
            self.writable()?;
            count(changes.len())?;
            changes
                .iter()
                .try_for_each(|change| self.visible(&change.key))?;
            self.batch(&changes)?;
            let _held = self.inner.budget.hold(budget::of_changes(&changes))?;
            let _arriving = self.admit(stored::of_changes(&changes)).await?;
            self.inner.store.apply(changes).await
        })
        .await
    }

    /// Gives `key` a value, whatever it had.
    pub async fn set(&self, key: String, bytes: Vec<u8>) -> Result<Version, Error> {
        self.apply(vec![Change {
            key,
            condition: Condition::Always,
            action: Action::Set(bytes),
        }])
        .await
    }

    /// Removes the value of `key`, if it has one.
    pub async fn delete(&self, key: String) -> Result<Version, Error> {
        self.apply(vec![Change {
            key,
            condition: Condition::Always,
            action: Action::Delete,
        }])
        .await
    }

    /// Adds to a decimal number and answers the sum.
    pub async fn increment(&self, key: String, delta: i64) -> Result<i64, Error> {
        self.call(Operation::Increment, async {
            self.writable()?;
            self.visible(&key)?;
            // How long the sum will be is not known before it is stored.
            fits(NUMBER_BYTES_MAX, self.value_bytes_max())?;
            let _arriving = self.admit(stored::of_sum(&key)).await?;
            self.inner.store.increment(key, delta).await
        })
        .await
    }

    /// All keys the grant shows, page by page: `after` is the last page's `next`.
    pub async fn keys(&self, after: Option<String>) -> Result<Page, Error> {
        let (prefix, limit) = (String::new(), KEYS_PER_CALL_MAX);
        self.list(Range {
            prefix,
            after,
            limit,
            projection: Projection::Keys,
        })
        .await
    }

    /// All keys the grant shows at once, for contracts that have no pages.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where they are over [`Bounds::result_bytes_max`], and what any page of them ends with.
    pub async fn all_keys(&self) -> Result<Vec<String>, Error> {
        let bytes_max = self.inner.bounds.result_bytes_max;
        // One deadline for the whole walk: each of its pages has the same for itself.
        self.timely(async {
            let (mut keys, mut held, mut total) = (Vec::new(), Vec::new(), 0);
            let mut after = None;
            loop {
                let page = self.keys(after).await?;
                let bytes = budget::of_keys(&page);
                total += bytes;
                if total > bytes_max {
                    return Err(Error::TooLarge { limit: bytes_max });
                }
                held.push(self.inner.budget.hold(bytes)?);
                keys.extend(page.entries.into_iter().map(|entry| entry.key));
                after = page.next;
                if after.is_none() {
                    return Ok(keys);
                }
            }
        })
        .await
    }

    /// Makes room within the quota.
    async fn admit(&self, bytes: usize) -> Result<Arriving<'_>, Error> {
        let Inner {
            store,
            grant,
            stored,
            ..
        } = &*self.inner;
        stored.admit(bytes, &**store, &grant.prefix).await
    }

    /// Runs one call that the quota counts under the deadline, counts it, and reports why it failed.
    async fn call<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let outcome = match self.inner.rate.take() {
            Ok(()) => self.timely(work).await,
            Err(exceeded) => Err(exceeded.into()),
        };
        match &outcome {
            Ok(_) => self.inner.succeeded[operation as usize].increment(1),
            Err(error) => self.report(operation, error),
        }
        outcome
    }

    async fn timely<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let limit = self.inner.bounds.deadline;
        tokio::time::timeout(limit, work)
            .await
            .unwrap_or(Err(Error::Deadline { limit }))
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
                metrics::counter!(KEYVALUE_REFUSED_TOTAL, "component" => component_, "label" => label_, "operation" => operation)
                    .increment(1);
                info!(%component, revision, %label, operation, %error, "key-value call refused");
            }
            Error::Deadline { .. } | Error::Unavailable => {
                warn!(%component, revision, %label, operation, %error, "key-value call failed");
            }
            Error::Invalid(_) | Error::TooLarge { .. } | Error::Conflict { .. } => {}
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

    fn visible(&self, key: &str) -> Result<(), Error> {
        if key.is_empty() {
            return Err(Error::Invalid("a key needs at least one byte".into()));
        }
        fits(key.len(), KEY_BYTES_MAX)?;
        match key.starts_with(&self.inner.grant.prefix) {
            true => Ok(()),
            false => Err(self.outside()),
        }
    }

    /// Sizes and times, and each key at most once: "all or none" has no order in which a key could be written twice.
    fn batch(&self, changes: &[Change]) -> Result<(), Error> {
        let value_bytes_max = self.value_bytes_max();
        let mut total = 0;
        let mut keys = HashSet::with_capacity(changes.len());
        for Change { key, action, .. } in changes {
            keys.insert(key);
            action.ttl().map_or(Ok(()), in_bounds)?;
            let bytes = action.value().map_or(0, <[u8]>::len);
            fits(bytes, value_bytes_max)?;
            total += bytes;
        }
        fits(total, CALL_BYTES_MAX)?;
        match keys.len() == changes.len() {
            true => Ok(()),
            false => Err(Error::Invalid("a batch names each key once".into())),
        }
    }

    fn value_bytes_max(&self) -> usize {
        let granted = self.inner.grant.value_bytes_max.unwrap_or(u64::MAX);
        usize::try_from(granted).map_or(VALUE_BYTES_MAX, |granted| granted.min(VALUE_BYTES_MAX))
    }

    fn outside(&self) -> Error {
        Error::Denied(format!(
            "keys of `{}` must start with `{}`",
            self.inner.holder.label, self.inner.grant.prefix
        ))
    }

    /// The part of `range` that the grant shows: a wider range is narrowed, so that "list everything" lists everything
    /// the component may see; a range beside the grant is refused.
    fn narrowed(&self, mut range: Range) -> Result<Range, Error> {
        let longest = range
            .prefix
            .len()
            .max(range.after.as_ref().map_or(0, String::len));
        fits(longest, KEY_BYTES_MAX)?;
        let granted = &self.inner.grant.prefix;
        if range.prefix.starts_with(granted) {
            return Ok(range);
        }
        if !granted.starts_with(&range.prefix) {
            return Err(self.outside());
        }
        range.prefix.clone_from(granted);
        Ok(range)
    }
}

fn counter(holder: &Holder, operation: Operation, outcome: &'static str) -> metrics::Counter {
    let operation = operation.name();
    metrics::counter!(KEYVALUE_CALLS_TOTAL, "label" => holder.label.to_string(), "operation" => operation, "outcome" => outcome)
}

fn count(keys: usize) -> Result<(), Error> {
    match keys {
        1..=KEYS_PER_CALL_MAX => Ok(()),
        _ => Err(Error::Invalid(format!(
            "a call names 1 to {KEYS_PER_CALL_MAX} keys"
        ))),
    }
}

fn fits(bytes: usize, limit: usize) -> Result<(), Error> {
    match bytes <= limit {
        true => Ok(()),
        false => Err(Error::TooLarge { limit }),
    }
}

fn in_bounds(ttl: Duration) -> Result<(), Error> {
    match (TTL_MIN..=TTL_MAX).contains(&ttl) {
        true => Ok(()),
        false => Err(Error::Invalid("a value lives for 1 ms to 10 years".into())),
    }
}
