//! Identities of the host, through `stoa:identity`.

mod bindings;
mod convert;

use super::{Claims, Error, Verdict, Verified};
use bindings::stoa::identity::{passwords_async, tokens_async, types, verify};

/// An identity this component was granted.
pub struct Identity(types::Identity);

impl Identity {
    /// Opens the identity that was granted under `label`. Never waits.
    pub fn open(label: &str) -> Result<Self, Error> {
        Ok(Self(verify::open(label)?))
    }

    /// The label it was opened under.
    pub fn label(&self) -> String {
        self.0.label()
    }

    /// A hash of the password, to be stored. No two are alike.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        Ok(passwords_async::hash(&self.0, password.to_owned()).await?)
    }

    /// Whether this is the password that `hash` was made of. For a user that does not exist, verify against any hash:
    /// else the time tells who exists.
    pub async fn verify_password(&self, password: &str, hash: &str) -> Result<Verdict, Error> {
        let (password, hash) = (password.to_owned(), hash.to_owned());
        let verdict = passwords_async::verify(&self.0, password, hash).await?;
        Ok(Verdict {
            matches: verdict.matches,
            rehash: verdict.rehash,
        })
    }

    /// A signed token, in the compact form.
    pub async fn sign(&self, claims: Claims) -> Result<String, Error> {
        Ok(tokens_async::sign(&self.0, claims.into()).await?)
    }

    /// What a token says that this identity signed, if it is good now. Never waits.
    pub fn verify(&self, token: &str, audience: Option<&str>) -> Result<Verified, Error> {
        Ok(verify::verify(&self.0, token, audience)?.into())
    }

    /// What others verify this identity's tokens with: a JSON Web Key Set. Never waits.
    pub fn public_keys(&self) -> Result<String, Error> {
        Ok(verify::public_keys(&self.0)?)
    }
}
