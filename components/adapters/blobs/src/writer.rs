//! A blob on its way in: it is hashed and cut into pieces as it comes, and seen when the index names it.
//!
//! Nothing is asked of the database when a writer is dropped: whoever drops it may be in the middle of another call. What
//! it wrote goes when its lease has run out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use crate::blob::{CHUNK_BYTES_MAX, Info, Options, Place, WRITER_IDLE_MS_MAX};
use crate::database::Database;
use crate::error::Error;
use crate::index::{self, Found, Index};
use crate::pieces::{Content, PIECE_BYTES};
use crate::store::{Shared, Taken};

/// After so long, in milliseconds, the database is told that a writer is still there.
const RENEWED_MS: u64 = 60_000;
/// A piece as it is gathered.
const PIECE: usize = PIECE_BYTES as usize;

/// A blob that is being written.
pub(crate) struct Writer<D> {
    shared: Rc<Shared<D>>,
    label: Rc<str>,
    written: Cell<u64>,
    /// Nothing once it has ended, well or not, and while a call is under way.
    open: RefCell<Option<Box<Open>>>,
}

struct Open {
    place: Place,
    options: Options,
    bytes_max: u64,
    content: Content,
    /// The pieces that are written.
    pieces: u64,
    /// The beginning of the next one.
    gathered: Vec<u8>,
    hash: Sha256,
    size: u64,
    used_ms: u64,
    renewed_ms: u64,
    _taken: Taken,
}

impl<D: Database> Writer<D> {
    pub(crate) fn begin(
        shared: Rc<Shared<D>>,
        label: Rc<str>,
        place: Place,
        options: Options,
        bytes_max: u64,
        taken: Taken,
    ) -> Result<Self, Error> {
        let content = Content::begin(&shared.database)?;
        let now = shared.database.now_ms();
        let open = Open {
            place,
            options,
            bytes_max,
            content,
            pieces: 0,
            gathered: Vec::new(),
            hash: Sha256::new(),
            size: 0,
            used_ms: now,
            renewed_ms: now,
            _taken: taken,
        };
        Ok(Self {
            shared,
            label,
            written: Cell::new(0),
            open: RefCell::new(Some(Box::new(open))),
        })
    }

    pub(crate) fn written(&self) -> u64 {
        self.written.get()
    }

    /// Appends bytes. After an error the blob cannot be finished.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        // Put back only after success: whatever else happens, this writer has ended.
        let mut open = self.taken()?;
        if bytes.len() > CHUNK_BYTES_MAX {
            return Err(Error::TooLarge(CHUNK_BYTES_MAX as u64));
        }
        open.take(&self.shared.database, bytes)?;
        self.written.set(open.size);
        *self.open.borrow_mut() = Some(open);
        Ok(())
    }

    /// Makes the blob visible.
    pub(crate) fn finish(&self) -> Result<Info, Error> {
        let open = *self.taken()?;
        let database = &self.shared.database;
        let index = Index {
            database,
            store: &self.label,
        };
        open.finish(&index)
    }

    fn taken(&self) -> Result<Box<Open>, Error> {
        let mut open = self.open.take().ok_or_else(|| {
            Error::Invalid("the writer has ended, or another call uses it".to_owned())
        })?;
        let now = self.shared.database.now_ms();
        if now.saturating_sub(open.used_ms) >= WRITER_IDLE_MS_MAX {
            return Err(aborted());
        }
        open.used_ms = now;
        Ok(open)
    }
}

impl Open {
    fn take(&mut self, database: &impl Database, bytes: &[u8]) -> Result<(), Error> {
        let size = self.size + bytes.len() as u64;
        if self.options.size.is_some_and(|announced| size > announced) {
            return Err(Error::Invalid(
                "more bytes came than were announced".to_owned(),
            ));
        }
        if size > self.bytes_max {
            return Err(Error::TooLarge(self.bytes_max));
        }
        self.size = size;
        self.hash.update(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PIECE - self.gathered.len()));
            self.gathered.extend_from_slice(now);
            rest = later;
            if self.gathered.len() == PIECE {
                self.flush(database)?;
            }
        }
        self.renew(database)
    }

    fn flush(&mut self, database: &impl Database) -> Result<(), Error> {
        let piece = std::mem::take(&mut self.gathered);
        let written = self.content.append(database, self.pieces, piece)?;
        self.pieces += 1;
        written.then_some(()).ok_or_else(aborted)
    }

    /// One that writes little fills no piece for a long time.
    fn renew(&mut self, database: &impl Database) -> Result<(), Error> {
        if self.used_ms.saturating_sub(self.renewed_ms) < RENEWED_MS {
            return Ok(());
        }
        self.renewed_ms = self.used_ms;
        let renewed = self.content.renew(database)?;
        renewed.then_some(()).ok_or_else(aborted)
    }

    fn finish<D: Database>(mut self, index: &Index<'_, D>) -> Result<Info, Error> {
        if self
            .options
            .size
            .is_some_and(|announced| self.size != announced)
        {
            return Err(Error::Invalid(
                "fewer bytes came than were announced".to_owned(),
            ));
        }
        if !self.gathered.is_empty() {
            self.flush(index.database)?;
        }
        let condition = self.options.condition.clone();
        let (etag, modified) = (hexadecimal(&self.hash.finalize()), index.database.now_ms());
        let info = index::info(&self.place.name, self.options, self.size, etag, modified);
        let blob = Found {
            info,
            content: self.content,
        };
        match index.commit(&self.place.container, &blob, &condition)? {
            true => Ok(blob.info),
            false => Err(aborted()),
        }
    }
}

fn aborted() -> Error {
    let seconds = WRITER_IDLE_MS_MAX / 1000;
    Error::Invalid(format!(
        "the writer was not used for {seconds} seconds and is aborted"
    ))
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
