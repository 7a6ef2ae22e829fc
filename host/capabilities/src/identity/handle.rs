//! A granted identity: the only form in which a component ever holds one.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::grants::identity::{Grant, Operation};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{info, warn};

use super::passwords::{self, Password, Passwords, Stored};
use super::{
    Claims, Error, Provider, TOKEN_BYTES_MAX, TOKEN_SECONDS_MAX_DEFAULT, Verdict, Verified, keys,
    now, tokens,
};
use crate::metrics::{IDENTITY_CALLS_TOTAL, IDENTITY_REFUSED_TOTAL};
use crate::quota::{Exceeded, Rate};
use crate::{Bounds, Holder};

/// Passwords of one component that wait or are hashed at once: one component's logins leave room for another's.
const WAITING_MAX: usize = 32;

/// An identity behind a component's grant. Cheap to clone; checks operations, audiences and times, bounds the wait,
/// counts and logs refusals. Neither passwords, hashes nor tokens are ever logged.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    provider: Arc<dyn Provider>,
    grant: Grant,
    holder: Holder,
    deadline: Duration,
    rate: Rate,
    waiting: Arc<Semaphore>,
    /// Registered when the grant is resolved, so that a call that succeeds formats and looks up nothing.
    succeeded: [metrics::Counter; Call::ALL.len()],
}

#[derive(Clone, Copy)]
enum Call {
    Hash,
    VerifyPassword,
    Sign,
    Verify,
    PublicKeys,
}

impl Call {
    const ALL: [Self; 5] = [
        Self::Hash,
        Self::VerifyPassword,
        Self::Sign,
        Self::Verify,
        Self::PublicKeys,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::VerifyPassword => "verify-password",
            Self::Sign => "sign",
            Self::Verify => "verify",
            Self::PublicKeys => "public-keys",
        }
    }

    fn operation(self) -> Operation {
        match self {
            Self::Hash | Self::VerifyPassword => Operation::Passwords,
            Self::Sign => Operation::Sign,
            Self::Verify | Self::PublicKeys => Operation::Verify,
        }
    }
}

impl From<Exceeded> for Error {
    fn from(Exceeded(bound): Exceeded) -> Self {
        Self::Quota(bound)
    }
}

impl Handle {
    /// Puts `provider` behind `grant`. `bounds` hold for every call.
    pub fn new(provider: Arc<dyn Provider>, grant: Grant, holder: Holder, bounds: Bounds) -> Self {
        let succeeded = Call::ALL.map(|call| counter(&holder, call, "ok"));
        Self {
            inner: Arc::new(Inner {
                succeeded,
                provider,
                rate: Rate::new(grant.calls_per_second_max),
                grant,
                holder,
                deadline: bounds.deadline,
                waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            }),
        }
    }

    /// The label it was granted under.
    pub fn label(&self) -> &str {
        self.inner.holder.label.as_str()
    }

    /// A hash of the password, as a PHC string.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        let password = Password::new(password);
        self.call(Call::Hash, async {
            passwords::check(&password)?;
            let place = self.place()?;
            Passwords::shared().hash(password, place).await
        })
        .await
    }

    /// Whether `hash` was made of the password.
    pub async fn verify_password(&self, password: String, hash: String) -> Result<Verdict, Error> {
        let password = Password::new(password);
        self.call(Call::VerifyPassword, async {
            passwords::check(&password)?;
            let stored = Stored::read(&hash)?;
            let place = self.place()?;
            Passwords::shared().verify(password, stored, place).await
        })
        .await
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.inner.waiting)
            .try_acquire_owned()
            .map_err(|_| Error::Overloaded)
    }

    /// A signed token.
    pub async fn sign(&self, claims: Claims) -> Result<String, Error> {
        self.call(Call::Sign, async {
            self.may_claim(&claims)?;
            let provider = &self.inner.provider;
            let payload = tokens::payload(claims, provider.issuer(), now())?;
            let key = provider.signing_key().await?;
            let unsigned = tokens::unsigned(&key, payload)?;
            let signature = provider.sign(key.id(), unsigned.as_bytes()).await?;
            Ok(tokens::signed(&unsigned, &signature))
        })
        .await
    }

    /// What a token says that this identity signed, if it is good now. Never waits.
    pub fn verify(&self, token: &str, audience: Option<&str>) -> Result<Verified, Error> {
        let verified = self.allowed(Call::Verify).and_then(|()| {
            if token.len() > TOKEN_BYTES_MAX {
                return Err(Error::TooLarge {
                    limit: TOKEN_BYTES_MAX,
                });
            }
            let provider = &self.inner.provider;
            tokens::verify(
                token,
                &provider.public_keys(),
                provider.issuer(),
                audience,
                now(),
            )
            .map_err(Error::Rejected)
        });
        self.record(Call::Verify, verified)
    }

    /// A JSON Web Key Set of what others verify with. Never waits.
    pub fn public_keys(&self) -> Result<String, Error> {
        let keys = self.allowed(Call::PublicKeys);
        let keys = keys.map(|()| keys::set(&self.inner.provider.public_keys()));
        self.record(Call::PublicKeys, keys)
    }

    fn may_claim(&self, claims: &Claims) -> Result<(), Error> {
        let grant = &self.inner.grant;
        let most = grant.token_seconds_max.unwrap_or(TOKEN_SECONDS_MAX_DEFAULT);
        if claims.seconds == 0 {
            return Err(Error::Invalid(
                "a token is good for at least a second".into(),
            ));
        }
        if claims.seconds > most {
            return Err(Error::Denied(format!(
                "a token may be good for {most} seconds"
            )));
        }
        let Some(audiences) = &grant.audiences else {
            return Ok(());
        };
        match &claims.audience {
            Some(audience) if audiences.contains(audience) => Ok(()),
            // The guest's text, of any length, is not repeated: refusals are logged.
            Some(_) => Err(Error::Denied(format!(
                "`{}` may not sign for this audience",
                self.label()
            ))),
            None => Err(Error::Denied(format!(
                "`{}` must name an audience",
                self.label()
            ))),
        }
    }

    fn allowed(&self, call: Call) -> Result<(), Error> {
        if !self.inner.grant.operations.contains(&call.operation()) {
            let (label, name) = (self.label(), call.name());
            return Err(Error::Denied(format!(
                "`{label}` is not granted for `{name}`"
            )));
        }
        Ok(self.inner.rate.take()?)
    }

    /// Runs one call under the deadline, counts it, and reports why it failed.
    async fn call<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let limit = self.inner.deadline;
        let outcome = match self.allowed(call) {
            Ok(()) => tokio::time::timeout(limit, work)
                .await
                .unwrap_or(Err(Error::Deadline { limit })),
            Err(error) => Err(error),
        };
        self.record(call, outcome)
    }

    fn record<T>(&self, call: Call, outcome: Result<T, Error>) -> Result<T, Error> {
        match &outcome {
            Ok(_) => self.inner.succeeded[call as usize].increment(1),
            Err(error) => self.report(call, error),
        }
        outcome
    }

    fn report(&self, call: Call, error: &Error) {
        let Holder {
            component,
            revision,
            label,
        } = &self.inner.holder;
        counter(&self.inner.holder, call, error.code()).increment(1);
        let operation = call.name();
        match error {
            Error::Denied(_) | Error::Quota(_) => {
                metrics::counter!(IDENTITY_REFUSED_TOTAL, "component" => component.to_string(), "label" => label.to_string(), "operation" => operation)
                    .increment(1);
                info!(%component, revision, %label, operation, %error, "identity call refused");
            }
            Error::Deadline { .. } | Error::Unavailable | Error::Overloaded => {
                warn!(%component, revision, %label, operation, %error, "identity call failed");
            }
            Error::Invalid(_) | Error::TooLarge { .. } | Error::Rejected(_) => {}
        }
    }
}

fn counter(holder: &Holder, call: Call, outcome: &'static str) -> metrics::Counter {
    let label = holder.label.to_string();
    metrics::counter!(IDENTITY_CALLS_TOTAL, "label" => label, "operation" => call.name(), "outcome" => outcome)
}
