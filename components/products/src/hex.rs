//! Bytes as lower-case hexadecimal digits.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

pub(crate) fn encode(bytes: impl IntoIterator<Item = u8>) -> String {
    let mut text = String::new();
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
    }
    text
}

/// `None` unless the text is what `encode` would have made of some bytes.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some((value(*high)? << 4) | value(*low)?))
        .collect()
}

fn value(digit: u8) -> Option<u8> {
    let value = DIGITS.iter().position(|known| *known == digit)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded() {
        let bytes = vec![0x00, 0x7f, 0xff];
        assert_eq!(encode(bytes.clone()), "007fff");
        assert_eq!(decode("007fff"), Some(bytes));
    }

    #[test]
    fn refused_when_a_digit_is_missing_or_none() {
        assert_eq!(decode("0"), None);
        assert_eq!(decode("0g"), None);
        assert_eq!(decode("0A"), None);
    }
}
