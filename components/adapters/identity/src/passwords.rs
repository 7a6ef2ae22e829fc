//! Hashing passwords: argon2id, with what the host takes and accepts.

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, Version};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::Error;

/// A password has at most so many bytes, and at least one.
const PASSWORD_BYTES_MAX: usize = 1024;
/// A password hash that is to be verified has at most so many bytes.
const HASH_BYTES_MAX: usize = 512;
/// What a new hash costs, by OWASP's recommendation: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a salt.
pub(crate) const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;
/// What verifying a hash may cost.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
const PASSES_MAX: u32 = 10;
const LANES_MAX: u32 = 4;

/// Bytes that nobody can foresee.
pub(crate) type Salt = [u8; SALT_BYTES];

/// What was found of a password.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) matches: bool,
    /// Where it is, and the hash is weaker than those made today: a new one.
    pub(crate) rehash: Option<String>,
}

/// A PHC string.
pub(crate) fn hash(password: String, salt: &Salt) -> Result<String, Error> {
    let password = Zeroizing::new(password);
    check(&password)?;
    made(&password, salt)
}

/// Whether `stored` is of this password. Costs the same whether it is or not; only a right one is hashed anew, with the
/// salt that is asked for then.
pub(crate) fn verify(
    password: String,
    stored: &str,
    salt: impl FnOnce() -> Salt,
) -> Result<Verdict, Error> {
    let password = Zeroizing::new(password);
    check(&password)?;
    let stored = Stored::read(stored)?;
    let matches = stored.is_of(&password)?;
    let rehash = match matches && stored.is_weak() {
        true => Some(made(&password, &salt())?),
        false => None,
    };
    Ok(Verdict { matches, rehash })
}

fn check(password: &str) -> Result<(), Error> {
    match password.len() {
        0 => Err(Error::Invalid("the password is empty".to_owned())),
        1..=PASSWORD_BYTES_MAX => Ok(()),
        _ => Err(Error::TooLarge(PASSWORD_BYTES_MAX as u64)),
    }
}

fn made(password: &str, salt: &Salt) -> Result<String, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES))
        .expect("today's parameters are within argon2's bounds");
    let hash = argon2id(params).hash_password_with_salt(password.as_bytes(), salt);
    Ok(hash.map_err(failed)?.to_string())
}

fn argon2id(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What went wrong stays in the log. Neither password nor hash is part of it.
fn failed(reason: impl std::fmt::Display) -> Error {
    eprintln!("a password could not be hashed: {reason}");
    Error::Unavailable
}

/// A hash that was read and found to cost no more than it may.
struct Stored {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Stored {
    fn read(text: &str) -> Result<Self, Error> {
        if text.len() > HASH_BYTES_MAX {
            return Err(Error::TooLarge(HASH_BYTES_MAX as u64));
        }
        let read = Self::parse(text);
        read.filter(Self::is_affordable).ok_or_else(|| {
            Error::Invalid(format!(
                "the hash is not one of argon2id, version 19, with at most {MEMORY_KIB_MAX} KiB, {PASSES_MAX} passes and \
                 {LANES_MAX} lanes"
            ))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let version = hash.version.map(Version::try_from)?.ok()?;
        if Algorithm::new(hash.algorithm).ok()? != Algorithm::Argon2id || version != Version::V0x13
        {
            return None;
        }
        Some(Self {
            params: Params::try_from(&hash).ok()?,
            salt: hash.salt?.to_vec(),
            output: hash.hash?.as_bytes().to_vec(),
        })
    }

    fn is_affordable(&self) -> bool {
        let params = &self.params;
        params.m_cost() <= MEMORY_KIB_MAX
            && params.t_cost() <= PASSES_MAX
            && params.p_cost() <= LANES_MAX
    }

    /// Whether it would take less to break than a hash of today.
    fn is_weak(&self) -> bool {
        self.params.m_cost() < MEMORY_KIB
            || self.params.t_cost() < PASSES
            || self.salt.len() < SALT_BYTES
            || self.output.len() < OUTPUT_BYTES
    }

    fn is_of(&self, password: &str) -> Result<bool, Error> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        argon2id(self.params.clone())
            .hash_password_into(password.as_bytes(), &self.salt, &mut output)
            .map_err(failed)?;
        Ok(output.as_slice().ct_eq(&self.output).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Salt = *b"0123456789abcdef";

    fn known(password: &str, stored: &str) -> Result<Verdict, Error> {
        verify(password.to_owned(), stored, || SALT)
    }

    /// Of `password`, with parameters so weak that it is quick.
    fn weak() -> String {
        let params = Params::new(8, 1, 1, Some(OUTPUT_BYTES)).expect("they are parameters");
        let hash = argon2id(params).hash_password_with_salt(b"password", b"saltsalt");
        hash.expect("it can be hashed").to_string()
    }

    fn invalid(stored: &str) -> bool {
        matches!(known("password", stored), Err(Error::Invalid(_)))
    }

    #[test]
    fn hashes_of_another_kind_or_price_are_refused() {
        let weak = weak();
        assert!(!invalid(&weak));
        for other in ["argon2i", "argon2d", "scrypt", "argon2id2"] {
            assert!(invalid(&weak.replace("argon2id", other)), "{other}");
        }
        assert!(invalid(&weak.replace("v=19", "v=16")));
        assert!(invalid(&weak.replace("v=19$", "")));
        for text in ["", "password", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1"] {
            assert!(invalid(text), "{text}");
        }
        for costs in ["m=65537,t=1,p=1", "m=8,t=11,p=1", "m=64,t=1,p=5"] {
            assert!(invalid(&weak.replace("m=8,t=1,p=1", costs)), "{costs}");
        }
        let long = format!("{weak}{}", "A".repeat(HASH_BYTES_MAX));
        let limit = HASH_BYTES_MAX as u64;
        assert_eq!(known("password", &long), Err(Error::TooLarge(limit)));
    }

    #[test]
    fn passwords_are_neither_empty_nor_long() {
        let hashed = hash(String::new(), &SALT);
        assert!(matches!(hashed, Err(Error::Invalid(_))));
        let limit = PASSWORD_BYTES_MAX;
        let hashed = hash("x".repeat(limit + 1), &SALT);
        assert_eq!(hashed, Err(Error::TooLarge(limit as u64)));
        assert!(matches!(known("", &weak()), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_new_hash_is_of_today() {
        let hash = hash("password".to_owned(), &SALT).expect("it can be hashed");
        let start = "$argon2id$v=19$m=19456,t=2,p=1$";
        assert!(hash.starts_with(start), "{hash}");
        let right = known("password", &hash).expect("it can be verified");
        assert_eq!(
            right,
            Verdict {
                matches: true,
                rehash: None
            }
        );
        let wrong = known("Password", &hash).expect("it can be verified");
        assert!(!wrong.matches);
    }

    /// One that another implementation made, as the tests of the host have it.
    #[test]
    fn a_hash_of_somebody_else_is_verified() {
        let theirs = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let verdict = known("password", theirs).expect("it can be verified");
        assert!(verdict.matches && verdict.rehash.is_some());
    }

    #[test]
    fn a_weak_hash_is_replaced_at_the_right_password_only() {
        let wrong = known("wrong", &weak()).expect("it can be verified");
        assert_eq!(
            wrong,
            Verdict {
                matches: false,
                rehash: None
            }
        );
        let right = known("password", &weak()).expect("it can be verified");
        let rehash = right.rehash.expect("the hash is weak");
        let again = known("password", &rehash).expect("it can be verified");
        assert_eq!(
            again,
            Verdict {
                matches: true,
                rehash: None
            }
        );
    }
}
