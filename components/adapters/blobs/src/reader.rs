//! An open blob: its content stays what it is, whatever becomes of the blob.

use std::cell::Cell;
use std::rc::Rc;

use crate::blob::{CHUNK_BYTES_MAX, Info, Part};
use crate::database::Database;
use crate::error::Error;
use crate::index::Found;
use crate::pieces::Content;
use crate::store::{Shared, Taken};

/// A blob that is being read.
pub(crate) struct Reader<D> {
    shared: Rc<Shared<D>>,
    info: Info,
    content: Content,
    /// The next byte.
    next: Cell<u64>,
    end: u64,
    _taken: Taken,
}

impl<D: Database> Reader<D> {
    pub(crate) fn new(shared: Rc<Shared<D>>, found: Found, part: Part, taken: Taken) -> Self {
        let Found { info, content } = found;
        let span = part.of(info.size);
        Self {
            shared,
            info,
            content,
            next: Cell::new(span.start),
            end: span.end,
            _taken: taken,
        }
    }

    pub(crate) fn info(&self) -> &Info {
        &self.info
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.end - self.next.get()
    }

    /// The next bytes: 1 to `max`, none exactly at the end.
    pub(crate) fn read(&self, max: usize) -> Result<Vec<u8>, Error> {
        let length = self.remaining().min(max.min(CHUNK_BYTES_MAX) as u64);
        if max == 0 {
            return Err(Error::Invalid("at least one byte is read".to_owned()));
        }
        if length == 0 {
            return Ok(Vec::new());
        }
        let next = self.next.get();
        let bytes = self.content.read(&self.shared.database, next, length)?;
        self.next.set(next + bytes.len() as u64);
        Ok(bytes)
    }
}
