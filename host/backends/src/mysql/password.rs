//! How a password is shown to a server without telling it: hashed together with what the server made up for this login.

use aws_lc_rs::digest::{Algorithm, Context, Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

/// As `mysql_native_password` asks for it. Nothing where there is no password.
pub(super) fn native(password: &str, nonce: &[u8]) -> Vec<u8> {
    let hash = |one: &[u8], two: &[u8]| hash(&SHA1_FOR_LEGACY_USE_ONLY, one, two);
    let once = hash(password.as_bytes(), &[]);
    let twice = hash(once.as_ref(), &[]);
    hidden(password, &once, &hash(nonce, twice.as_ref()))
}

/// As `caching_sha2_password` asks for it. Nothing where there is no password.
pub(super) fn sha2(password: &str, nonce: &[u8]) -> Vec<u8> {
    let hash = |one: &[u8], two: &[u8]| hash(&SHA256, one, two);
    let once = hash(password.as_bytes(), &[]);
    let twice = hash(once.as_ref(), &[]);
    hidden(password, &once, &hash(twice.as_ref(), nonce))
}

fn hidden(password: &str, once: &Digest, mask: &Digest) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let pairs = once.as_ref().iter().zip(mask.as_ref());
    pairs.map(|(one, other)| one ^ other).collect()
}

/// Of two texts that follow each other.
fn hash(algorithm: &'static Algorithm, one: &[u8], two: &[u8]) -> Digest {
    let mut context = Context::new(algorithm);
    context.update(one);
    context.update(two);
    context.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &[u8; 20] = b"0123456789abcdefghij";

    fn shown(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn passwords_are_hidden_as_servers_expect() {
        let native = shown(&native("hunter2", NONCE));
        assert_eq!(native, "91dbd90edc75e47da9a48a9defc85dcf99fa4fc4");
        let sha2 = shown(&sha2("hunter2", NONCE));
        assert_eq!(
            sha2,
            "5bfbc73796cdaa80adfd00eb26e332ac9861333244584e69dea530bbf4414abd"
        );
    }

    #[test]
    fn no_password_is_no_answer() {
        assert!(native("", NONCE).is_empty());
        assert!(sha2("", NONCE).is_empty());
    }
}
