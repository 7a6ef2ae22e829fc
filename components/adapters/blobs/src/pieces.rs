//! The bytes of a content, and the lease under which they are written.
//!
//! Whoever writes a content has its line among the loose ones, which says until when. A line that ran out is as good as
//! none: nothing is written under it, and no blob is made of it, because its pieces may be on their way out already.

use crate::database::{Database, Value, malformed, of_number};
use crate::error::Error;
use crate::schema::now;

/// A piece holds so many bytes; only the last of a content holds fewer.
pub(crate) const PIECE_BYTES: u64 = 256 * 1024;
/// A writer's content is kept for so long, in seconds, after it was heard of. Longer than a writer may be silent: one
/// minute, and another in which it writes too little to tell the database.
macro_rules! lease_seconds {
    () => {
        "300"
    };
}
/// A line of a content that has not run out, `?1`.
macro_rules! leased {
    () => {
        concat!(
            "EXISTS (SELECT 1 FROM \"blobs/loose\" WHERE content = ?1 AND until >= ",
            now!(),
            ")"
        )
    };
}

/// The content that a writer fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content(pub(crate) i64);

impl Content {
    /// A new one, which nobody sees. If its writer is not heard of any more, it goes by itself.
    pub(crate) fn begin(database: &impl Database) -> Result<Self, Error> {
        // Without a sign: what is read back is the same number for everybody.
        let content = Self((database.random() >> 1).cast_signed());
        database.execute(
            concat!(
                "INSERT INTO \"blobs/loose\" (content, until) VALUES (?1, ",
                now!(),
                " + ",
                lease_seconds!(),
                ")"
            ),
            vec![content.value()],
        )?;
        Ok(content)
    }

    pub(crate) fn value(self) -> Value {
        Value::Integer(self.0)
    }

    /// Tells that its writer is still there. False where it was given up.
    pub(crate) fn renew(self, database: &impl Database) -> Result<bool, Error> {
        let renewed = database.execute(
            concat!(
                "UPDATE \"blobs/loose\" SET until = ",
                now!(),
                " + ",
                lease_seconds!(),
                " WHERE content = ?1 AND until >= ",
                now!(),
                " RETURNING 1"
            ),
            vec![self.value()],
        )?;
        Ok(!renewed.is_empty())
    }

    /// Whether it was not given up.
    pub(crate) fn is_leased(self, database: &impl Database) -> Result<bool, Error> {
        let leased = database.execute(concat!("SELECT 1 WHERE ", leased!()), vec![self.value()])?;
        Ok(!leased.is_empty())
    }

    /// Appends a piece. False where it was given up.
    pub(crate) fn append(
        self,
        database: &impl Database,
        number: u64,
        bytes: Vec<u8>,
    ) -> Result<bool, Error> {
        let written = database.execute(
            concat!(
                "INSERT INTO \"blobs/pieces\" (content, number, bytes) SELECT ?1, ?2, ?3 WHERE ",
                leased!(),
                " RETURNING 1"
            ),
            vec![self.value(), of_number(number), Value::Blob(bytes)],
        )?;
        Ok(!written.is_empty())
    }

    /// Bytes from `offset` on: `length` of them, or as many as their piece has. They must be there.
    pub(crate) fn read(
        self,
        database: &impl Database,
        offset: u64,
        length: u64,
    ) -> Result<Vec<u8>, Error> {
        let (number, within) = (offset / PIECE_BYTES, offset % PIECE_BYTES);
        let length = length.min(PIECE_BYTES - within);
        let rows = database.execute(
            "SELECT substr(bytes, ?1, ?2) FROM \"blobs/pieces\" WHERE content = ?3 AND number = ?4",
            vec![
                // SQLite counts from one.
                of_number(within + 1),
                of_number(length),
                self.value(),
                of_number(number),
            ],
        )?;
        let Some(mut row) = rows.into_iter().next() else {
            return Err(Error::reader_over());
        };
        let bytes = row
            .pop()
            .and_then(Value::into_bytes)
            .ok_or_else(malformed)?;
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(malformed()),
        }
    }
}
