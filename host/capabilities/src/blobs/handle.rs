//! A granted store: the only form in which a component ever holds one.

mod operation;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stoa_manifest::grants::Access;
use stoa_manifest::grants::blobs::Grant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::{info, warn};

use self::operation::{Operation, counter};
use self::writer::Arriving;
use super::presign::{Claims, Method};
use super::{
    BLOB_BYTES_MAX, Condition, ENTRIES_PER_PAGE_MAX, Error, Info, NAME_BYTES_MAX, OPEN_MAX,
    Options, Page, Part, Place, Range, Store, check,
};
use crate::metrics::BLOBS_REFUSED_TOTAL;
use crate::quota::{Exceeded, Rate, Stored};
use crate::{Bounds, Holder};

pub use reader::Reader;
pub use writer::Writer;

/// A store behind a component's grant. Cheap to clone; checks access, containers, names and sizes, bounds the wait and
/// what is open at once, counts and logs refusals. A backend behind it sees only requests that are allowed.
///
/// `calls_per_second_max` counts operations; the pieces that a reader or a writer moves are none.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    grant: Grant,
    holder: Holder,
    deadline: Duration,
    rate: Rate,
    stored: Stored,
    /// Bytes in blobs that are not finished: no store counts them.
    arriving: AtomicU64,
    readers: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    /// The writers that may be open, so that idle ones can be aborted.
    open: Mutex<Vec<Weak<writer::Inner>>>,
    /// Registered when the grant is resolved, so that a call that succeeds formats and looks up nothing.
    succeeded: [metrics::Counter; Operation::ALL.len()],
}

impl From<Exceeded> for Error {
    fn from(Exceeded(bound): Exceeded) -> Self {
        Self::Quota(bound)
    }
}

impl Handle {
    /// Puts `store` behind `grant`. `bounds` hold for every call, and each piece of a reader or writer.
    pub fn new(store: Arc<dyn Store>, grant: Grant, holder: Holder, bounds: Bounds) -> Self {
        let succeeded = Operation::ALL.map(|operation| counter(&holder, operation, "ok"));
        Self {
            inner: Arc::new(Inner {
                store,
                rate: Rate::new(grant.quota.calls_per_second_max),
                stored: Stored::new(grant.quota.bytes_max),
                grant,
                holder,
                deadline: bounds.deadline,
                arriving: AtomicU64::new(0),
                readers: Arc::new(Semaphore::new(OPEN_MAX)),
                writers: Arc::new(Semaphore::new(OPEN_MAX)),
                open: Mutex::default(),
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

    /// What is known of a blob, if there is one.
    pub async fn head(&self, place: Place) -> Result<Option<Info>, Error> {
        self.call(Operation::Head, async {
            self.visible(&place)?;
            self.inner.store.head(place).await
        })
        .await
    }

    /// Opens a blob for reading.
    pub async fn get(&self, place: Place, part: Part) -> Result<Reader, Error> {
        self.call(Operation::Get, async {
            self.visible(&place)?;
            let open = opened(&self.inner.readers, "readers")?;
            let source = self.inner.store.get(place, part).await?;
            Ok(Reader::new(self.clone(), source, open))
        })
        .await
    }

    /// A page of a container.
    pub async fn list(&self, container: String, range: Range) -> Result<Page, Error> {
        self.call(Operation::List, async {
            self.contains(&container)?;
            page(&range)?;
            self.inner.store.list(container, range).await
        })
        .await
    }

    /// Begins a blob.
    pub async fn put(&self, place: Place, options: Options) -> Result<Writer, Error> {
        self.call(Operation::Put, async {
            self.writable()?;
            self.visible(&place)?;
            let bytes_max = options.bytes_max.min(self.bytes_max());
            let options = Options {
                bytes_max,
                ..options
            };
            check::options(&options)?;
            self.abort_idle(Instant::now());
            let open = opened(&self.inner.writers, "writers")?;
            let sink = self.inner.store.put(place, options).await?;
            Ok(self.writer(sink, open))
        })
        .await
    }

    /// Copies a blob within the store.
    pub async fn copy(
        &self,
        source: Place,
        target: Place,
        condition: Condition,
    ) -> Result<Info, Error> {
        self.call(Operation::Copy, async {
            self.writable()?;
            self.visible(&source)?;
            self.visible(&target)?;
            let (bytes_max, name) = (self.bytes_max(), source.name.clone());
            let mut arriving = Arriving::of(self);
            let admitted = self.admit_copy(&source, &mut arriving).await?;
            let store = &self.inner.store;
            let copied = store.copy(source, target, bytes_max.min(admitted), condition);
            match copied.await {
                // It was replaced by one that no room was made for.
                Err(Error::TooLarge { .. }) if admitted < bytes_max => {
                    Err(Error::Conflict { name })
                }
                copied => copied,
            }
        })
        .await
    }

    /// Makes room for a copy. Answers how large its source may be.
    async fn admit_copy(&self, source: &Place, arriving: &mut Arriving) -> Result<u64, Error> {
        if self.inner.grant.quota.bytes_max.is_none() {
            return Ok(u64::MAX);
        }
        let info = self.inner.store.head(source.clone()).await?;
        let size = info.map_or(0, |info| info.size);
        arriving.add(size);
        self.admit(size).await?;
        Ok(size)
    }

    /// Deletes a blob; whether there was one.
    pub async fn delete(&self, place: Place) -> Result<bool, Error> {
        self.call(Operation::Delete, async {
            self.writable()?;
            self.visible(&place)?;
            self.inner.store.delete(place).await
        })
        .await
    }

    /// A URL that is good for so many seconds. Does not wait.
    pub fn presign(&self, place: Place, method: Method, seconds: u64) -> Result<String, Error> {
        let taken = self.inner.rate.take().map_err(Error::from);
        let outcome = taken.and_then(|()| self.sign(place, method, seconds));
        self.record(Operation::Presign, &outcome);
        outcome
    }

    fn sign(&self, place: Place, method: Method, seconds: u64) -> Result<String, Error> {
        self.visible(&place)?;
        let label = &self.inner.holder.label;
        let Some(seconds_max) = self.inner.grant.presign_seconds_max else {
            let message = format!("no URLs are signed for `{label}`");
            return Err(Error::Denied(message));
        };
        if method == Method::Put {
            self.writable()?;
            self.unbounded()?;
        }
        match seconds {
            0 => return Err(Error::Invalid("a URL is good for 1 second or more".into())),
            seconds if seconds > seconds_max => {
                let message = format!("`{label}` signs URLs for at most {seconds_max} seconds");
                return Err(Error::Denied(message));
            }
            _ => {}
        }
        self.inner.store.presign(&Claims {
            label: label.to_string(),
            place,
            method,
            expires: now() + seconds,
            bytes_max: self.bytes_max(),
        })
    }

    /// What comes in by a URL passes no handle, so no handle can count it.
    fn unbounded(&self) -> Result<(), Error> {
        match self.inner.grant.quota.bytes_max {
            None => Ok(()),
            Some(_) => Err(Error::Denied(format!(
                "`{}` bounds the bytes stored, which a URL to write could not keep",
                self.label()
            ))),
        }
    }

    /// Runs one call that the quota counts.
    async fn call<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.piece(operation, async {
            self.inner.rate.take()?;
            work.await
        })
        .await
    }

    /// Runs something under the deadline, counts it, and reports why it failed.
    async fn piece<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let limit = self.inner.deadline;
        let outcome = tokio::time::timeout(limit, work)
            .await
            .unwrap_or(Err(Error::Deadline { limit }));
        self.record(operation, &outcome);
        outcome
    }

    fn record<T>(&self, operation: Operation, outcome: &Result<T, Error>) {
        match outcome {
            Ok(_) => self.inner.succeeded[operation as usize].increment(1),
            Err(error) => self.report(operation, error),
        }
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
                metrics::counter!(BLOBS_REFUSED_TOTAL, "component" => component_, "label" => label_, "operation" => operation)
                    .increment(1);
                info!(%component, revision, %label, operation, %error, "blob call refused");
            }
            Error::Deadline { .. } | Error::Unavailable => {
                warn!(%component, revision, %label, operation, %error, "blob call failed");
            }
            Error::Invalid(_)
            | Error::TooLarge { .. }
            | Error::NotFound { .. }
            | Error::Conflict { .. } => {}
        }
    }

    fn writable(&self) -> Result<(), Error> {
        match self.inner.grant.access {
            Access::ReadWrite => Ok(()),
            Access::Read => Err(Error::Denied(format!(
                "`{}` may only be read",
                self.label()
            ))),
        }
    }

    fn visible(&self, place: &Place) -> Result<(), Error> {
        self.contains(&place.container)?;
        check::name(&place.name)
    }

    /// Whether a container is there is never looked at, so that those that are not granted answer alike.
    fn contains(&self, container: &str) -> Result<(), Error> {
        let granted = &self.inner.grant.containers;
        match granted.iter().any(|granted| granted == container) {
            true => Ok(()),
            false => Err(Error::Denied(format!(
                "`{}` is granted with other containers",
                self.label()
            ))),
        }
    }

    fn bytes_max(&self) -> u64 {
        let granted = self.inner.grant.blob_bytes_max;
        granted.map_or(BLOB_BYTES_MAX, |bytes| bytes.min(BLOB_BYTES_MAX))
    }

    /// Makes room for bytes before they are written. They are counted as arriving already.
    async fn admit(&self, bytes: u64) -> Result<(), Error> {
        let inner = &self.inner;
        let measure = async {
            let containers = inner.grant.containers.clone();
            let stored = inner.store.stored(containers).await?;
            let others = inner.arriving.load(Ordering::Relaxed).saturating_sub(bytes);
            Ok::<_, Error>(stored.saturating_add(others))
        };
        inner.stored.admit(bytes, measure).await
    }

    fn writer(&self, sink: Box<dyn super::Sink>, open: OwnedSemaphorePermit) -> Writer {
        let writer = Writer::new(self.clone(), sink, open);
        let mut writers = self
            .inner
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        writers.retain(|writer| writer.strong_count() > 0);
        writers.push(writer.downgrade());
        writer
    }

    /// Makes room for a new writer. Nobody else needs the room of an idle one, so nothing else looks for them.
    fn abort_idle(&self, now: Instant) {
        let writers = self
            .inner
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let open = writers.iter().filter_map(Weak::upgrade);
        open.for_each(|writer| writer.abort_if_idle(now));
    }
}

/// A place among those that are open at once.
fn opened(places: &Arc<Semaphore>, what: &'static str) -> Result<OwnedSemaphorePermit, Error> {
    let place = Arc::clone(places).try_acquire_owned();
    place.map_err(|_| Error::Quota(what))
}

/// A prefix and a cursor are texts to compare with, not names: any that could be of use is taken.
fn page(range: &Range) -> Result<(), Error> {
    if !(1..=ENTRIES_PER_PAGE_MAX).contains(&range.limit) {
        let message = format!("a page lists 1 to {ENTRIES_PER_PAGE_MAX} blobs");
        return Err(Error::Invalid(message));
    }
    let after = range.after.as_ref().map_or(0, String::len);
    match range.prefix.len().max(after) <= NAME_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::TooLarge {
            limit: NAME_BYTES_MAX as u64,
        }),
    }
}

/// In seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
