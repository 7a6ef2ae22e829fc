//! Where the next page of a listing starts, as an opaque text that needs no escaping.

use crate::hex;

/// The store has no longer ones, and would not answer a question about one.
const CURSOR_BYTES_MAX: usize = 16 * 1024;

/// What clients are given for a cursor of the store.
pub(crate) fn encode(cursor: &str) -> String {
    hex::encode(cursor.bytes())
}

/// The cursor of the store again; `None` for anything that no listing gave out. Whether it belongs to the query that it
/// comes with, the store says.
pub(crate) fn decode(text: &str) -> Option<String> {
    let cursor = String::from_utf8(hex::decode(text)?).ok()?;
    (1..=CURSOR_BYTES_MAX)
        .contains(&cursor.len())
        .then_some(cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_the_store() {
        let cursor = "[\"καφές\",2]".to_owned();
        assert_eq!(decode(&encode(&cursor)), Some(cursor));
    }

    #[test]
    fn refused_when_no_listing_gave_it_out() {
        assert_eq!(decode(&encode(&"a".repeat(16 * 1024 + 1))), None);
        assert_eq!(decode("product"), None);
        assert_eq!(decode("ff"), None);
        assert_eq!(decode(""), None);
    }
}
