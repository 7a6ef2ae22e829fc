//! The exports: the two pairs of twins and `verify` over one identity.

use crate::bindings;
use crate::bindings::exports::stoa::identity::types::{
    self, Claims, Error, IdentityBorrow, Verdict, Verified,
};
use crate::bindings::exports::stoa::identity::{
    passwords, passwords_async, tokens, tokens_async, verify,
};
use crate::identity::Identity;
use crate::spin;

struct Adapter;

#[allow(unsafe_code, reason = "generated: the exports of the component")]
const _: () = {
    bindings::export!(Adapter with_types_in bindings);
};

impl types::Guest for Adapter {
    type Identity = Identity;
}

impl types::GuestIdentity for Identity {
    fn label(&self) -> String {
        Identity::label(self).to_owned()
    }
}

impl passwords::Guest for Adapter {
    fn open(label: String) -> Result<types::Identity, Error> {
        open(label)
    }

    fn hash(identity: IdentityBorrow<'_>, password: String) -> Result<String, Error> {
        hash(&identity, password)
    }

    fn verify(
        identity: IdentityBorrow<'_>,
        password: String,
        hash: String,
    ) -> Result<Verdict, Error> {
        verify_password(&identity, password, &hash)
    }
}

impl tokens::Guest for Adapter {
    fn open(label: String) -> Result<types::Identity, Error> {
        open(label)
    }

    fn sign(identity: IdentityBorrow<'_>, _: Claims) -> Result<String, Error> {
        sign(&identity)
    }
}

impl verify::Guest for Adapter {
    fn open(label: String) -> Result<types::Identity, Error> {
        open(label)
    }

    fn verify(
        identity: IdentityBorrow<'_>,
        token: String,
        audience: Option<String>,
    ) -> Result<Verified, Error> {
        let verified = of(&identity).verify(&token, audience.as_deref(), spin::now())?;
        Ok(verified.into())
    }

    fn public_keys(identity: IdentityBorrow<'_>) -> Result<String, Error> {
        Ok(of(&identity).public_keys()?)
    }
}

// The twins compute all the same: there is no other thread. The calls of one instance follow one another.
impl passwords_async::Guest for Adapter {
    fn open(label: String) -> Result<types::Identity, Error> {
        open(label)
    }

    async fn hash(identity: IdentityBorrow<'_>, password: String) -> Result<String, Error> {
        hash(&identity, password)
    }

    async fn verify(
        identity: IdentityBorrow<'_>,
        password: String,
        hash: String,
    ) -> Result<Verdict, Error> {
        verify_password(&identity, password, &hash)
    }
}

impl tokens_async::Guest for Adapter {
    fn open(label: String) -> Result<types::Identity, Error> {
        open(label)
    }

    async fn sign(identity: IdentityBorrow<'_>, _: Claims) -> Result<String, Error> {
        sign(&identity)
    }
}

// === one body for both twins ===

fn of<'b>(identity: &'b IdentityBorrow<'_>) -> &'b Identity {
    identity.get::<Identity>()
}

fn open(label: String) -> Result<types::Identity, Error> {
    let identity = Identity::open(spin::shared()?, label)?;
    Ok(types::Identity::new(identity))
}

fn hash(identity: &IdentityBorrow<'_>, password: String) -> Result<String, Error> {
    Ok(of(identity).hash(password, spin::salt)?)
}

fn verify_password(
    identity: &IdentityBorrow<'_>,
    password: String,
    hash: &str,
) -> Result<Verdict, Error> {
    let verdict = of(identity).verify_password(password, hash, spin::salt)?;
    Ok(verdict.into())
}

fn sign(identity: &IdentityBorrow<'_>) -> Result<String, Error> {
    Ok(of(identity).sign()?)
}
