//! Where the next page of a listing starts, as an opaque text.

use crate::hex;
use crate::product::id;

/// The cursor for what comes after this key.
pub(crate) fn encode(key: &str) -> String {
    hex::encode(key.bytes())
}

/// The key a cursor was made of; `None` for anything that no listing gave out.
pub(crate) fn decode(cursor: &str) -> Option<String> {
    let key = String::from_utf8(hex::decode(cursor)?).ok()?;
    id::is_key(&key).then_some(key)
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
    fn refused_when_it_names_no_product() {
        assert_eq!(decode(&encode("order/1")), None);
        assert_eq!(decode("product"), None);
        assert_eq!(decode(""), None);
    }
}
