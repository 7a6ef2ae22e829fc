//! `stoa:identity`: find the handle, call it outside the store's lock, translate.

use stoa_capabilities::identity;
use wasmtime::component::{Accessor, Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::stoa::identity::types::{self, Claims, Error, Rejection, Verdict, Verified};
use self::bindings::stoa::identity::{passwords, passwords_async, tokens, tokens_async, verify};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/identity",
        inline: "
            package stoa:host;
            world identity {
                import stoa:identity/passwords@0.1.0;
                import stoa:identity/tokens@0.1.0;
                import stoa:identity/verify@0.1.0;
                import stoa:identity/passwords-async@0.1.0;
                import stoa:identity/tokens-async@0.1.0;
            }
        ",
        world: "stoa:host/identity",
        imports: {
            "stoa:identity/passwords.open": trappable,
            "stoa:identity/tokens.open": trappable,
            "stoa:identity/verify": trappable,
            "stoa:identity/passwords-async.open": trappable,
            "stoa:identity/tokens-async.open": trappable,
            "stoa:identity/passwords-async": async | store | trappable,
            "stoa:identity/tokens-async": async | store | trappable,
            "stoa:identity/types": trappable,
            default: async | trappable,
        },
        with: { "stoa:identity/types.identity": stoa_capabilities::identity::Handle },
        trappable_error_type: { "stoa:identity/types.error" => super::Failure },
    });
}

/// An error the guest may handle, or a trap: never both.
pub(crate) type Failure = TrappableError<Error>;
type Identity = Resource<identity::Handle>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasHost>(linker, State::host)?;
    passwords::add_to_linker::<_, HasHost>(linker, State::host)?;
    tokens::add_to_linker::<_, HasHost>(linker, State::host)?;
    verify::add_to_linker::<_, HasHost>(linker, State::host)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    passwords_async::add_to_linker::<_, HasHost>(linker, State::host)?;
    tokens_async::add_to_linker::<_, HasHost>(linker, State::host)
}

impl Host<'_> {
    fn open_identity(&mut self, label: &str) -> Result<Identity, Failure> {
        let handle = self.granted.identity.get(label).cloned();
        let handle = handle.ok_or(Error::NoSuchIdentity)?;
        Ok(self.table.push(handle).map_err(full)?)
    }

    fn identity(&self, identity: &Identity) -> Result<identity::Handle, Failure> {
        Ok(self
            .table
            .get(identity)
            .map_err(TrappableError::trap)?
            .clone())
    }
}

/// A guest that never drops what it opens hits its own limit, and is told.
fn full(_: ResourceTableError) -> Error {
    Error::Other(types::Failure {
        code: "table-full".into(),
        message: "this instance holds too many resources, drop some first".into(),
    })
}

impl types::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl types::HostIdentity for Host<'_> {
    fn label(&mut self, identity: Identity) -> wasmtime::Result<String> {
        Ok(self.table.get(&identity)?.label().to_owned())
    }

    fn drop(&mut self, identity: Identity) -> wasmtime::Result<()> {
        self.table.delete(identity)?;
        Ok(())
    }
}

impl verify::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Identity, Failure> {
        self.open_identity(&label)
    }

    fn verify(
        &mut self,
        identity: Identity,
        token: String,
        audience: Option<String>,
    ) -> Result<Verified, Failure> {
        let verified = self
            .identity(&identity)?
            .verify(&token, audience.as_deref());
        Ok(verified.map_err(Error::from)?.into())
    }

    fn public_keys(&mut self, identity: Identity) -> Result<String, Failure> {
        let keys = self.identity(&identity)?.public_keys();
        Ok(keys.map_err(Error::from)?)
    }
}

// === for guests that block ===

impl passwords::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Identity, Failure> {
        self.open_identity(&label)
    }

    async fn hash(&mut self, identity: Identity, password: String) -> Result<String, Failure> {
        hash(self.identity(&identity)?, password).await
    }

    async fn verify(
        &mut self,
        identity: Identity,
        password: String,
        hash: String,
    ) -> Result<Verdict, Failure> {
        verify_password(self.identity(&identity)?, password, hash).await
    }
}

impl tokens::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Identity, Failure> {
        self.open_identity(&label)
    }

    async fn sign(&mut self, identity: Identity, claims: Claims) -> Result<String, Failure> {
        sign(self.identity(&identity)?, claims).await
    }
}

// === for guests that serve several requests at once ===
// The handle is cloned inside `with` and awaited outside it: other requests of the instance run meanwhile.

impl passwords_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Identity, Failure> {
        self.open_identity(&label)
    }
}

impl<T: Send> passwords_async::HostWithStore<T> for HasHost {
    async fn hash(
        accessor: &Accessor<T, Self>,
        identity: Identity,
        password: String,
    ) -> Result<String, Failure> {
        let identity = accessor.with(|mut host| host.get().identity(&identity))?;
        hash(identity, password).await
    }

    async fn verify(
        accessor: &Accessor<T, Self>,
        identity: Identity,
        password: String,
        hash: String,
    ) -> Result<Verdict, Failure> {
        let identity = accessor.with(|mut host| host.get().identity(&identity))?;
        verify_password(identity, password, hash).await
    }
}

impl tokens_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Identity, Failure> {
        self.open_identity(&label)
    }
}

impl<T: Send> tokens_async::HostWithStore<T> for HasHost {
    async fn sign(
        accessor: &Accessor<T, Self>,
        identity: Identity,
        claims: Claims,
    ) -> Result<String, Failure> {
        let identity = accessor.with(|mut host| host.get().identity(&identity))?;
        sign(identity, claims).await
    }
}

// === one body for both twins ===

async fn hash(identity: identity::Handle, password: String) -> Result<String, Failure> {
    Ok(identity.hash(password).await.map_err(Error::from)?)
}

async fn verify_password(
    identity: identity::Handle,
    password: String,
    hash: String,
) -> Result<Verdict, Failure> {
    let verdict = identity.verify_password(password, hash).await;
    let identity::Verdict { matches, rehash } = verdict.map_err(Error::from)?;
    Ok(Verdict { matches, rehash })
}

async fn sign(identity: identity::Handle, claims: Claims) -> Result<String, Failure> {
    Ok(identity.sign(claims.into()).await.map_err(Error::from)?)
}

// === translation ===

impl From<identity::Error> for Error {
    fn from(error: identity::Error) -> Self {
        match error {
            identity::Error::Denied(why) => Self::Denied(why),
            identity::Error::Invalid(why) => Self::Invalid(why),
            identity::Error::TooLarge { limit } => Self::TooLarge(limit as u64),
            identity::Error::Rejected(why) => Self::Rejected(why.into()),
            identity::Error::Quota(what) => Self::Quota(what.into()),
            identity::Error::Overloaded => Self::Overloaded,
            identity::Error::Deadline { .. } => Self::Deadline,
            identity::Error::Unavailable => Self::Unavailable,
        }
    }
}

impl From<identity::Rejection> for Rejection {
    fn from(rejection: identity::Rejection) -> Self {
        match rejection {
            identity::Rejection::Malformed => Self::Malformed,
            identity::Rejection::Signature => Self::Signature,
            identity::Rejection::Expired => Self::Expired,
            identity::Rejection::NotYet => Self::NotYet,
            identity::Rejection::Audience => Self::Audience,
            identity::Rejection::Issuer => Self::Issuer,
            identity::Rejection::UnknownKey => Self::UnknownKey,
        }
    }
}

impl From<Claims> for identity::Claims {
    fn from(claims: Claims) -> Self {
        Self {
            subject: claims.subject,
            audience: claims.audience,
            seconds: claims.seconds.into(),
            id: claims.id,
            extra: claims.extra,
        }
    }
}

impl From<identity::Verified> for Verified {
    fn from(verified: identity::Verified) -> Self {
        Self {
            subject: verified.subject,
            issuer: verified.issuer,
            audience: verified.audience,
            issued_at: verified.issued_at,
            expires_at: verified.expires_at,
            id: verified.id,
            extra: verified.extra,
        }
    }
}
