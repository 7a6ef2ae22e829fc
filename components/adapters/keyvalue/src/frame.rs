//! How a value lies in the store: a mark, its version, its bytes.

/// What every value starts with that this adapter wrote. The last byte counts the ways of writing one.
const MARK: [u8; 8] = *b"stoa-kv\x01";
const VERSION_BYTES: usize = size_of::<u64>();

/// So many bytes go before the value.
pub(crate) const HEAD_BYTES: usize = MARK.len() + VERSION_BYTES;

/// A value and its version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) version: u64,
    pub(crate) bytes: Vec<u8>,
}

/// What is stored for a value.
pub(crate) fn seal(version: u64, bytes: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(HEAD_BYTES + bytes.len());
    stored.extend(MARK);
    stored.extend(version.to_le_bytes());
    stored.extend(bytes);
    stored
}

/// What was stored for a value; none if somebody else wrote it.
pub(crate) fn open(mut stored: Vec<u8>) -> Option<Frame> {
    let head = stored.strip_prefix(&MARK)?;
    let (version, _) = head.split_first_chunk::<VERSION_BYTES>()?;
    let version = u64::from_le_bytes(*version);
    stored.drain(..HEAD_BYTES);
    Some(Frame {
        version,
        bytes: stored,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_wrote_is_no_value() {
        for stored in [
            &b""[..],
            b"5",
            b"stoa-kv\x01",
            b"stoa-kv\x011234567",
            b"stoa-kv\x0212345678",
        ] {
            assert_eq!(open(stored.to_vec()), None, "{stored:?}");
        }
    }

    #[test]
    fn what_is_sealed_is_opened() {
        for bytes in [&b""[..], b"x", b"stoa-kv\x01 within", &[0; 4096]] {
            let sealed = seal(u64::MAX - 1, bytes);
            assert_eq!(sealed.len(), bytes.len() + HEAD_BYTES);
            let expected = Frame {
                version: u64::MAX - 1,
                bytes: bytes.to_vec(),
            };
            assert_eq!(open(sealed), Some(expected));
        }
    }

    #[test]
    fn equal_values_of_two_writes_differ_in_the_store() {
        assert_ne!(seal(1, b"x"), seal(2, b"x"));
    }
}
