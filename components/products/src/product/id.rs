//! Identity: the same sku is the same product for ever, so its id is computed from it.

use crate::hex;
use sha2::{Digest, Sha256};

/// 128 bits of the hash: two products will not meet.
const ID_BYTES: usize = 16;

/// The id of the product with this sku.
pub(crate) fn of(sku: &str) -> String {
    hex::encode(
        Sha256::digest(sku.as_bytes())
            .iter()
            .copied()
            .take(ID_BYTES),
    )
}

/// Whether this could be the id of a product.
pub(crate) fn is_id(text: &str) -> bool {
    hex::decode(text).is_some_and(|bytes| bytes.len() == ID_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_first_half_of_the_hash() {
        assert_eq!(of("abc"), "ba7816bf8f01cfea414140de5dae2223");
    }

    #[test]
    fn skus_that_differ_in_case_are_two_products() {
        assert_ne!(of("a"), of("A"));
    }

    #[test]
    fn only_32_digits_are_an_id() {
        assert!(is_id(&of("A-1")));
        assert!(!is_id("ba7816bf"));
        assert!(!is_id("BA7816BF8F01CFEA414140DE5DAE2223"));
    }
}
