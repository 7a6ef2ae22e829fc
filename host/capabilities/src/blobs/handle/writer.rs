//! A blob on its way in, as a component holds it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio::time::Instant;

use super::reader::busy;
use super::{Handle, Operation};
use crate::blobs::{CHUNK_BYTES_MAX, Error, Info, Sink, WRITER_IDLE_MAX};

/// A blob that is being written. Cheap to clone; when the last clone is dropped before [`Writer::finish`], there never
/// was one.
#[derive(Clone)]
pub struct Writer {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    handle: Handle,
    written: AtomicU64,
    /// `None` once it has ended, well or not.
    open: Mutex<Option<Open>>,
}

struct Open {
    sink: Box<dyn Sink>,
    used: Instant,
    arriving: Arriving,
    _place: OwnedSemaphorePermit,
}

/// The bytes of a blob that no store counts yet.
pub(super) struct Arriving {
    handle: Handle,
    bytes: u64,
}

impl Arriving {
    pub(super) fn of(handle: &Handle) -> Self {
        Self {
            handle: handle.clone(),
            bytes: 0,
        }
    }

    /// Before room is made for them: whoever measures meanwhile must see them.
    pub(super) fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        let arriving = &self.handle.inner.arriving;
        arriving.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let arriving = &self.handle.inner.arriving;
        arriving.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Open {
    fn idle(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= WRITER_IDLE_MAX
    }
}

impl Inner {
    /// One that is in a call is not idle.
    pub(super) fn abort_if_idle(&self, now: Instant) {
        if let Ok(mut open) = self.open.try_lock()
            && open.as_ref().is_some_and(|open| open.idle(now))
        {
            *open = None;
        }
    }
}

impl Writer {
    pub(super) fn new(handle: Handle, sink: Box<dyn Sink>, place: OwnedSemaphorePermit) -> Self {
        let open = Open {
            sink,
            used: Instant::now(),
            arriving: Arriving::of(&handle),
            _place: place,
        };
        Self {
            inner: Arc::new(Inner {
                handle,
                written: AtomicU64::new(0),
                open: Mutex::new(Some(open)),
            }),
        }
    }

    pub(super) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    /// How many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.inner.written.load(Ordering::Relaxed)
    }

    /// Appends at most [`CHUNK_BYTES_MAX`] bytes. After an error, or given up, the blob cannot be finished.
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), Error> {
        let inner = &self.inner;
        let work = async {
            let mut place = inner.open.try_lock().map_err(|_| busy())?;
            // Put back only after success: whatever else happens, this writer has ended.
            let mut open = taken(&mut place)?;
            let length = length(&bytes)?;
            open.arriving.add(length);
            inner.handle.admit(length).await?;
            open.sink.write(bytes).await?;
            open.used = Instant::now();
            *place = Some(open);
            inner.written.fetch_add(length, Ordering::Relaxed);
            Ok(())
        };
        inner.handle.piece(Operation::Write, work).await
    }

    /// Makes the blob visible.
    pub async fn finish(&self) -> Result<Info, Error> {
        let inner = &self.inner;
        let work = async {
            let mut place = inner.open.try_lock().map_err(|_| busy())?;
            let open = taken(&mut place)?;
            open.sink.finish().await
        };
        inner.handle.piece(Operation::Finish, work).await
    }
}

fn taken(place: &mut Option<Open>) -> Result<Open, Error> {
    let open = place.take();
    let ended = || Error::Invalid("the writer has ended".to_owned());
    let open = open.ok_or_else(ended)?;
    match open.idle(Instant::now()) {
        false => Ok(open),
        true => Err(Error::Invalid(format!(
            "the writer was not used for {WRITER_IDLE_MAX:?} and is aborted"
        ))),
    }
}

fn length(bytes: &[u8]) -> Result<u64, Error> {
    match bytes.len() <= CHUNK_BYTES_MAX {
        true => Ok(bytes.len() as u64),
        false => Err(Error::TooLarge {
            limit: CHUNK_BYTES_MAX as u64,
        }),
    }
}
