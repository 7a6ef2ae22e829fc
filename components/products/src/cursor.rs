//! Where the next page of a listing starts, as an opaque text.

use crate::hex;
use crate::product::id;

/// The cursor for what comes after this key.
pub(crate) fn encode(key: &str) -> String {
    hex::encode(key.bytes())
}

/// No store has longer keys, and none would answer a question about one.
const KEY_BYTES_MAX: usize = 1024;

/// The key a cursor was made of; `None` for anything that no listing gave out. Any key under the prefix may be one: a
/// page ends where it ends, be it at a value that is no product.
pub(crate) fn decode(cursor: &str) -> Option<String> {
    let key = String::from_utf8(hex::decode(cursor)?).ok()?;
    let is_ours = key.starts_with(id::PREFIX) && key.len() <= KEY_BYTES_MAX;
    is_ours.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_key() {
        let key = id::key(&id::of("A-1"));
        assert_eq!(decode(&encode(&key)), Some(key));
    }

    #[test]
    fn every_key_under_the_prefix_has_a_cursor() {
        let key = "product/by somebody else".to_owned();
        assert_eq!(decode(&encode(&key)), Some(key));
    }

    #[test]
    fn refused_when_it_names_no_key_of_ours() {
        assert_eq!(decode(&encode("order/1")), None);
        assert_eq!(
            decode(&encode(&format!("product/{}", "a".repeat(1024)))),
            None
        );
        assert_eq!(decode("product"), None);
        assert_eq!(decode(""), None);
    }
}
