//! Where a page ended, as text that guests carry and do not read.
//!
//! A cursor holds the keys of the last document and its id, and a digest of what was asked. It is no secret and gives no
//! rights: whoever makes one up gets documents of the collection that he may ask for anyway.

use std::fmt::Write as _;

use crate::key::Key;
use crate::{CURSOR_BYTES_MAX, Error, Query};

/// The place behind a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The keys of what is sorted by, one for each path.
    pub keys: Vec<Key>,
    /// The document's id.
    pub id: String,
}

impl Cursor {
    /// The text of it, for a query.
    pub fn write(&self, query: &Query) -> String {
        let mut bytes = digest(query).to_be_bytes().to_vec();
        for key in &self.keys {
            // A missing key is written as the length that no key has.
            let length = key.as_ref().map_or(u16::MAX, |key| key.len() as u16);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(key.as_deref().unwrap_or_default());
        }
        bytes.extend_from_slice(self.id.as_bytes());
        hex(&bytes)
    }

    /// The cursor of a query's `after`. `keys` is how many keys it has.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no cursor, or that of another query.
    pub fn read(query: &Query, keys: usize) -> Result<Option<Self>, Error> {
        let Some(after) = &query.after else {
            return Ok(None);
        };
        let cursor = parse(after, digest(query), keys);
        let refused = || Error::invalid("`after` is not the `next` of a page of this query");
        cursor.map(Some).ok_or_else(refused)
    }
}

fn parse(text: &str, expected: u64, keys: usize) -> Option<Cursor> {
    if text.len() > CURSOR_BYTES_MAX {
        return None;
    }
    let bytes = unhex(text)?;
    let (digest, mut rest) = bytes.split_first_chunk::<8>()?;
    if u64::from_be_bytes(*digest) != expected {
        return None;
    }
    let mut read = Vec::with_capacity(keys);
    for _ in 0..keys {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (key, after) = match u16::from_be_bytes(*length) {
            u16::MAX => (None, after),
            length => {
                let (key, after) = after.split_at_checked(usize::from(length))?;
                (Some(key.to_vec()), after)
            }
        };
        read.push(key);
        rest = after;
    }
    let id = String::from_utf8(rest.to_vec()).ok()?;
    Some(Cursor { keys: read, id })
}

/// FNV-1a of what decides which documents come in which order. It stays the same across hosts and versions, as long as
/// filters are written the same.
fn digest(query: &Query) -> u64 {
    let asked = format!("{:?} {:?} {:?}", query.filter, query.search, query.sort);
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    asked.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a text does not fail");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    digits.chunks_exact(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, Filter, Order};

    fn query(path: &str, after: Option<String>) -> Query {
        Query {
            filter: Filter::default(),
            search: None,
            sort: vec![Order {
                path: path.into(),
                direction: Direction::Ascending,
            }],
            fields: None,
            after,
            limit: 1,
        }
    }

    #[test]
    fn a_cursor_is_read_back_by_its_query_alone() {
        for key in [None, Some(vec![]), Some(vec![0x30, 0xff, 0])] {
            let cursor = Cursor {
                keys: vec![key],
                id: "é".into(),
            };
            let text = cursor.write(&query("a", None));
            let read = Cursor::read(&query("a", Some(text.clone())), 1);
            assert_eq!(read, Ok(Some(cursor)));
            let other = Cursor::read(&query("b", Some(text)), 1);
            assert!(matches!(other, Err(Error::Invalid(_))));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let whole = Cursor {
            keys: vec![Some(vec![1; 9])],
            id: "a".into(),
        };
        let mut cut = whole.write(&query("a", None));
        cut.truncate(24);
        let long = "0".repeat(CURSOR_BYTES_MAX + 2);
        for after in ["", "0", "zz", "é", &cut, &long] {
            let outcome = Cursor::read(&query("a", Some(after.to_owned())), 1);
            assert!(matches!(outcome, Err(Error::Invalid(_))), "{after}");
        }
    }
}
