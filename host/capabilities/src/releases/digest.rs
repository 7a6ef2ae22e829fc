//! What a file is called: the hash of its bytes.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What stands before the digits, so that another hash may come one day.
const PREFIX: &str = "sha256:";

/// The SHA-256 of a file. It is shown and serialised as `sha256:` and 64 digits, in one spelling only.
///
/// ```
/// use stoa_capabilities::releases::Digest;
///
/// let digest = Digest::of(b"abc");
/// assert!(digest.to_string().starts_with("sha256:ba7816bf"));
/// assert_eq!(digest.to_string().parse(), Ok(digest));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The text is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected `sha256:` and 64 digits of 0-9 and a-f")]
pub struct InvalidDigest;

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = digest(&SHA256, bytes);
        Self::from_slice(hash.as_ref()).expect("SHA-256 has 32 bytes")
    }

    /// Takes the 32 bytes of a hash; `None` if they are fewer or more.
    pub fn from_slice(hash: &[u8]) -> Option<Self> {
        hash.try_into().ok().map(Self)
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 digits alone: a safe name for a file.
    pub fn hex(&self) -> String {
        self.to_string().split_off(PREFIX.len())
    }

    /// Reads the 64 digits alone.
    pub fn from_hex(digits: &str) -> Result<Self, InvalidDigest> {
        let digits = digits.as_bytes();
        if digits.len() != 64 {
            return Err(InvalidDigest);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (value(pair[0])? << 4) | value(pair[1])?;
        }
        Ok(Self(hash))
    }
}

fn value(digit: u8) -> Result<u8, InvalidDigest> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidDigest),
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        Self::from_hex(text.strip_prefix(PREFIX).ok_or(InvalidDigest)?)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn what_is_no_digest_is_refused() {
        let digits = &ABC[PREFIX.len()..];
        let wrong = [
            String::new(),
            digits.to_owned(),
            ABC.to_uppercase(),
            format!("{PREFIX}{}", digits.to_uppercase()),
            ABC[..ABC.len() - 1].to_owned(),
            format!("{ABC}0"),
            ABC.replace("ba", "+b"),
            ABC.replace("ba", "ä"),
            ABC.replace("sha256", "sha512"),
        ];
        for text in wrong {
            assert_eq!(text.parse::<Digest>(), Err(InvalidDigest), "{text}");
            assert!(serde_json::from_value::<Digest>(text.into()).is_err());
        }
        assert!(serde_json::from_str::<Digest>("7").is_err());
        assert_eq!(Digest::from_slice(&[0; 31]), None);
    }

    #[test]
    fn it_has_one_spelling() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), ABC);
        assert_eq!(format!("{digest:?}"), ABC);
        assert_eq!(digest.hex(), ABC[PREFIX.len()..]);
        assert_eq!(ABC.parse(), Ok(digest));
        assert_eq!(Digest::from_slice(digest.as_bytes()), Some(digest));
    }

    #[test]
    fn it_is_a_string_in_json() {
        let digest = Digest::of(b"abc");
        let json = serde_json::to_string(&digest).expect("it has a form");
        assert_eq!(json, format!("\"{ABC}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).ok(), Some(digest));
    }
}
