//! An identity as a component has it: what is declared of it is what may be done with it.

use std::rc::Rc;

use crate::error::Error;
use crate::grants::{Grants, Operation};
use crate::keys::{self, Keys, PublicKey};
use crate::passwords::{self, Salt, Verdict};
use crate::tokens::{self, Verified};

/// What all identities of this component share. Where there are no keys, the reason why.
pub(crate) struct Shared {
    pub(crate) grants: Grants,
    pub(crate) keys: Result<Keys, Error>,
}

/// An open identity.
pub(crate) struct Identity {
    label: String,
    shared: Rc<Shared>,
}

impl Identity {
    /// Opens what is declared under a label.
    pub(crate) fn open(shared: Rc<Shared>, label: String) -> Result<Self, Error> {
        shared.grants.identity(&label)?;
        Ok(Self { label, shared })
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn hash(
        &self,
        password: String,
        salt: impl FnOnce() -> Salt,
    ) -> Result<String, Error> {
        self.may(Operation::Passwords, "hash")?;
        passwords::hash(password, &salt())
    }

    pub(crate) fn verify_password(
        &self,
        password: String,
        hash: &str,
        salt: impl FnOnce() -> Salt,
    ) -> Result<Verdict, Error> {
        self.may(Operation::Passwords, "verify-password")?;
        passwords::verify(password, hash, salt)
    }

    /// Refused, whatever was granted.
    pub(crate) fn sign(&self) -> Result<String, Error> {
        self.may(Operation::Sign, "sign")?;
        Err(Error::no_signing())
    }

    pub(crate) fn verify(
        &self,
        token: &str,
        audience: Option<&str>,
        now: u64,
    ) -> Result<Verified, Error> {
        self.may(Operation::Verify, "verify")?;
        let issuer = self.shared.grants.identity(&self.label)?.issuer();
        tokens::verify(token, self.keys()?, issuer, audience, now)
    }

    pub(crate) fn public_keys(&self) -> Result<String, Error> {
        self.may(Operation::Verify, "public-keys")?;
        Ok(keys::set(self.keys()?))
    }

    fn keys(&self) -> Result<&[PublicKey], Error> {
        let keys = self.shared.keys.as_ref();
        keys.map_err(Clone::clone)?.of(&self.label)
    }

    fn may(&self, operation: Operation, name: &str) -> Result<(), Error> {
        let granted = &self.shared.grants.identity(&self.label)?.operations;
        match granted.contains(&operation) {
            true => Ok(()),
            false => Err(Error::Denied(format!(
                "`{}` is not granted for `{name}`",
                self.label
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::eddsa_pair;

    const SALT: Salt = [7; passwords::SALT_BYTES];

    fn opened(operations: &str, keys: Result<Keys, Error>) -> Identity {
        let grants = format!(
            r#"{{ "users": {{ "operations": [{operations}], "issuer": "i" }}, "others": {{ "operations": [] }} }}"#
        );
        let grants = Grants::parse(&grants).expect("they are grants");
        let shared = Rc::new(Shared { grants, keys });
        let nobody = Identity::open(Rc::clone(&shared), "nobody".to_owned()).map(drop);
        assert_eq!(nobody, Err(Error::NoSuchIdentity));
        let identity = Identity::open(shared, "users".to_owned()).expect("it is granted");
        assert_eq!(identity.label(), "users");
        identity
    }

    fn users() -> Result<Keys, Error> {
        crate::keys::tests::keys(&[eddsa_pair(7).1])
    }

    fn denied<T>(outcome: Result<T, Error>) -> bool {
        matches!(outcome, Err(Error::Denied(_)))
    }

    fn code<T>(outcome: Result<T, Error>) -> Option<&'static str> {
        match outcome {
            Err(Error::Other { code, .. }) => Some(code),
            _ => None,
        }
    }

    #[test]
    fn denied_what_is_not_granted() {
        let verifier = opened(r#""verify""#, users());
        let password = || "p".to_owned();
        assert!(denied(verifier.hash(password(), || SALT)));
        assert!(denied(verifier.verify_password(password(), "h", || SALT)));
        assert!(denied(verifier.sign()));
        let other = opened(r#""passwords", "sign""#, users());
        assert!(denied(other.verify("t", None, 0)));
        assert!(denied(other.public_keys()));
    }

    #[test]
    fn signing_is_refused_even_where_it_is_granted() {
        let signer = opened(r#""sign""#, users());
        assert_eq!(code(signer.sign()), Some("not-portable"));
    }

    #[test]
    fn without_keys_nothing_is_verified() {
        let missing = Err(Error::no_keys("there is no variable"));
        let verifier = opened(r#""passwords", "verify""#, missing);
        assert_eq!(code(verifier.verify("t", None, 0)), Some("no-keys"));
        assert_eq!(code(verifier.public_keys()), Some("no-keys"));
        // Passwords need none.
        assert!(verifier.hash("p".to_owned(), || SALT).is_ok());
        let others = Keys::parse(r#"{}"#);
        let verifier = opened(r#""verify""#, others);
        assert_eq!(code(verifier.public_keys()), Some("no-keys"));
    }

    #[test]
    fn with_keys_tokens_are_judged() {
        let verifier = opened(r#""verify""#, users());
        let judged = verifier.verify("t", None, 0);
        let malformed = crate::error::Rejection::Malformed;
        assert_eq!(judged, Err(Error::Rejected(malformed)));
        let keys = verifier.public_keys();
        assert!(keys.is_ok_and(|keys| keys.contains("\"ed-7\"")));
    }
}
