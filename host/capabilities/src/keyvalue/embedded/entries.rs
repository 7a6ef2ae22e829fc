//! What calls do to the entries, within the transaction that they share.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::expiry::{self, live};
use crate::keyvalue::{Action, Change, Condition, Error, Version};

/// Entries that have ended and are removed by one commit, at most.
pub(super) const SWEPT_ENTRIES_MAX: usize = 1000;
/// When the values that a commit removes have grown to so many bytes, it removes no more: each page of them is touched.
/// It is what a commit writes at most.
const SWEPT_BYTES_MAX: i64 = 48 * 1024 * 1024;

/// Why a call changed nothing: its own fault, or the database's.
pub(super) enum Failure {
    Call(Error),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// How far a sweep came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swept {
    /// Nothing that has ended is left.
    All,
    /// There is more.
    Part,
}

/// The entries at one moment, in a transaction.
pub(super) struct Entries<'a> {
    connection: &'a Connection,
    /// The last version that was given out.
    version: i64,
    now: i64,
}

impl<'a> Entries<'a> {
    /// The version is read in every transaction: another process may have the file open, and the version of a deleted
    /// key must not come again, so it is not taken from the entries.
    pub(super) fn read(connection: &'a Connection) -> rusqlite::Result<Self> {
        let version = connection.query_row("SELECT version FROM sequence", [], |row| row.get(0))?;
        let now = expiry::now();
        Ok(Self {
            connection,
            version,
            now,
        })
    }

    /// Keeps the last version that was given out.
    pub(super) fn write_back(&self) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE sequence SET version = ?1")?
            .execute([self.version])?;
        Ok(())
    }

    pub(super) fn apply(&mut self, changes: &[Change]) -> Result<Version, Failure> {
        for change in changes {
            self.check(change)?;
        }
        self.version += 1;
        for Change { key, action, .. } in changes {
            match action {
                Action::Set(bytes) => self.set(key, bytes, None)?,
                Action::SetExpiring { bytes, ttl } => self.set(key, bytes, Some(self.end(*ttl)))?,
                Action::Expire(ttl) => self.expire(key, ttl.map(|ttl| self.end(ttl)))?,
                Action::Delete => self.delete(key)?,
            }
        }
        Ok(self.version.cast_unsigned())
    }

    pub(super) fn increment(&mut self, key: &str, delta: i64) -> Result<i64, Failure> {
        let (number, end) = self.number(key)?;
        let sum = number
            .checked_add(delta)
            .ok_or_else(|| invalid("the sum does not fit into 64 bits"))?;
        self.version += 1;
        self.set(key, sum.to_string().as_bytes(), end)?;
        Ok(sum)
    }

    /// Removes some of what has ended.
    pub(super) fn sweep(&self) -> rusqlite::Result<Swept> {
        let (ended, swept) = self.ended()?;
        if !ended.is_empty() {
            let mut delete = self
                .connection
                .prepare_cached("DELETE FROM entries WHERE rowid = ?1")?;
            for row in ended {
                delete.execute([row])?;
            }
        }
        Ok(swept)
    }

    /// The first to end, as many as one commit removes.
    fn ended(&self) -> rusqlite::Result<(Vec<i64>, Swept)> {
        let mut statement = self.connection.prepare_cached(
            "SELECT rowid, length(value) FROM entries WHERE expires_at <= ?1 ORDER BY expires_at",
        )?;
        let mut rows = statement.query([self.now])?;
        let (mut ended, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            if ended.len() == SWEPT_ENTRIES_MAX || bytes >= SWEPT_BYTES_MAX {
                return Ok((ended, Swept::Part));
            }
            ended.push(row.get(0)?);
            bytes += row.get::<_, i64>(1)?;
        }
        Ok((ended, Swept::All))
    }

    fn end(&self, ttl: Duration) -> i64 {
        expiry::end(self.now, ttl)
    }

    fn check(&self, change: &Change) -> Result<(), Failure> {
        let holds = match change.condition {
            Condition::Always => true,
            Condition::Absent => self.current(&change.key)?.is_none(),
            Condition::Present => self.current(&change.key)?.is_some(),
            Condition::Version(expected) => {
                self.current(&change.key)? == Some(expected.cast_signed())
            }
        };
        match holds {
            true => Ok(()),
            false => Err(Failure::Call(Error::Conflict {
                key: change.key.clone(),
            })),
        }
    }

    fn current(&self, key: &str) -> rusqlite::Result<Option<i64>> {
        self.connection
            .prepare_cached(concat!(
                "SELECT version FROM entries WHERE key = ?1 AND ",
                live!("?2")
            ))?
            .query_row((key.as_bytes(), self.now), |row| row.get(0))
            .optional()
    }

    /// Without an end it does not end.
    fn set(&self, key: &str, bytes: &[u8], end: Option<i64>) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO entries (key, value, version, expires_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (key) DO UPDATE SET
                     value = excluded.value, version = excluded.version, expires_at = excluded.expires_at",
            )?
            .execute((key.as_bytes(), bytes, self.version, end))?;
        Ok(())
    }

    fn expire(&self, key: &str, end: Option<i64>) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(concat!(
                "UPDATE entries SET expires_at = ?3 WHERE key = ?1 AND ",
                live!("?2")
            ))?
            .execute((key.as_bytes(), self.now, end))?;
        Ok(())
    }

    fn delete(&self, key: &str) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM entries WHERE key = ?1")?
            .execute([key.as_bytes()])?;
        Ok(())
    }

    /// A number and its end; one that is not there is 0 and has none.
    fn number(&self, key: &str) -> Result<(i64, Option<i64>), Failure> {
        let stored: Option<(Vec<u8>, Option<i64>)> = self
            .connection
            .prepare_cached(concat!(
                "SELECT value, expires_at FROM entries WHERE key = ?1 AND ",
                live!("?2")
            ))?
            .query_row((key.as_bytes(), self.now), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((bytes, end)) = stored else {
            return Ok((0, None));
        };
        let text = std::str::from_utf8(&bytes).ok();
        let number = text.and_then(|text| text.parse().ok());
        let number =
            number.ok_or_else(|| invalid("the value is not a decimal number of 64 bits"))?;
        Ok((number, end))
    }
}

/// Whether something has ended that is still there.
pub(super) fn any_ended(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM entries WHERE expires_at <= ?1)")?
        .query_row([expiry::now()], |row| row.get(0))
}

fn invalid(message: &str) -> Failure {
    Failure::Call(Error::Invalid(message.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyvalue::embedded::schema;

    /// So many entries of so many bytes that have ended, and one that has not.
    fn ended(count: usize, bytes: i64) -> Connection {
        let mut connection = Connection::open_in_memory().expect("it opens");
        schema::prepare(&mut connection).expect("the tables can be made");
        let far = expiry::end(expiry::now(), Duration::from_secs(3600));
        for number in 0..=count {
            let end = if number == count { far } else { 1 };
            connection
                .execute(
                    "INSERT INTO entries VALUES (?1, zeroblob(?2), 1, ?3)",
                    (format!("k{number}").as_bytes(), bytes, end),
                )
                .expect("the entry can be made");
        }
        connection
    }

    fn sweep(connection: &Connection) -> (Swept, i64) {
        let entries = Entries::read(connection).expect("there is a sequence");
        let swept = entries.sweep().expect("they can be removed");
        let left = connection.query_row("SELECT count(*) FROM entries", [], |row| row.get(0));
        (swept, left.expect("they can be counted"))
    }

    #[test]
    fn a_commit_removes_a_bounded_number_of_entries() {
        let connection = ended(SWEPT_ENTRIES_MAX + 1, 1);
        assert_eq!(any_ended(&connection), Ok(true));
        assert_eq!(sweep(&connection), (Swept::Part, 2));
        assert_eq!(sweep(&connection), (Swept::All, 1));
        assert_eq!(any_ended(&connection), Ok(false));
    }

    #[test]
    fn a_commit_removes_a_bounded_number_of_bytes() {
        let connection = ended(3, SWEPT_BYTES_MAX / 2);
        assert_eq!(sweep(&connection), (Swept::Part, 2));
        assert_eq!(sweep(&connection), (Swept::All, 1));
    }

    #[test]
    fn the_ended_are_found_without_stepping_over_the_others() {
        let connection = ended(1, 1);
        let plan: String = connection
            .query_row(
                "EXPLAIN QUERY PLAN SELECT rowid, length(value) FROM entries
                 WHERE expires_at <= ?1 ORDER BY expires_at",
                [1],
                |row| row.get(3),
            )
            .expect("it has a plan");
        assert!(plan.contains("USING INDEX entries_by_end"), "{plan}");
    }
}
