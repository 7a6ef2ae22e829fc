//! An open blob, as a component holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::{Handle, Operation};
use crate::blobs::{CHUNK_BYTES_MAX, Error, Info, Source};

/// A blob that is being read. Cheap to clone: clones read the same bytes on, one call at a time.
#[derive(Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

struct Inner {
    handle: Handle,
    info: Info,
    remaining: AtomicU64,
    source: Mutex<Box<dyn Source>>,
    _open: OwnedSemaphorePermit,
}

impl Reader {
    pub(super) fn new(handle: Handle, source: Box<dyn Source>, open: OwnedSemaphorePermit) -> Self {
        let span = source.span();
        Self {
            inner: Arc::new(Inner {
                handle,
                info: source.info().clone(),
                remaining: AtomicU64::new(span.end - span.start),
                source: Mutex::new(source),
                _open: open,
            }),
        }
    }

    /// The blob.
    pub fn info(&self) -> &Info {
        &self.inner.info
    }

    /// How many bytes are still to be read.
    pub fn remaining(&self) -> u64 {
        self.inner.remaining.load(Ordering::Relaxed)
    }

    /// The next bytes: 1 to `max` and at most [`CHUNK_BYTES_MAX`], none exactly at the end.
    pub async fn read(&self, max: usize) -> Result<Vec<u8>, Error> {
        let inner = &self.inner;
        inner
            .handle
            .piece(Operation::Read, async {
                if max == 0 {
                    return Err(Error::Invalid("at least one byte is read".to_owned()));
                }
                // Refused, not queued: the bytes of calls that run at once would come in no order.
                let mut source = inner.source.try_lock().map_err(|_| busy())?;
                let bytes = source.read(max.min(CHUNK_BYTES_MAX)).await?;
                let read = bytes.len() as u64;
                inner.remaining.fetch_sub(read, Ordering::Relaxed);
                Ok(bytes)
            })
            .await
    }
}

pub(super) fn busy() -> Error {
    Error::Invalid("a reader or writer takes one call at a time".to_owned())
}
