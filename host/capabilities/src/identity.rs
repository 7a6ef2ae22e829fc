//! Passwords and tokens: the trait every holder of keys implements and the handle a component is given.
//!
//! Keys, passwords and hashes stay in the host. A backend signs bytes and names its public keys; what a token is, who
//! may have one signed and what makes one good is decided here, for every backend alike. Passwords have no backend: they
//! are hashed on threads of this process.

pub mod config;
pub mod conformance;
pub mod embedded;
mod handle;
pub mod keys;
mod passwords;
mod tokens;

pub use config::Config;
pub use handle::Handle;
pub use keys::{Algorithm, PublicKey};

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A password has at most so many bytes, and at least one.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// A password hash that is to be verified has at most so many bytes. Ours have 97.
pub const HASH_BYTES_MAX: usize = 512;
/// A token has at most so many bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// A subject, an audience, an issuer and an id have at most so many bytes, and at least one.
pub const NAME_BYTES_MAX: usize = 255;
/// The claims that are a component's own have at most so many bytes of JSON.
pub const EXTRA_BYTES_MAX: usize = 4 * 1024;
/// No grant allows a token that is good for longer: 400 days.
pub const TOKEN_SECONDS_MAX: u64 = 400 * 24 * 3600;
/// How long a token is good at most where the grant does not say: an hour.
pub const TOKEN_SECONDS_MAX_DEFAULT: u64 = 3600;
/// By so much the clocks of those who sign and verify may differ, in seconds.
pub const LEEWAY_SECONDS: u64 = 5;
/// A new key is published for so long before it signs, in seconds: a day. Whoever keeps a copy of the public keys for
/// less knows every key that signs.
pub const PUBLISHED_SECONDS_BEFORE: u64 = 24 * 3600;

/// Why an operation did not happen. Variants are what a guest can do something about; what went wrong inside the host
/// is logged where it happened and leaves as [`Error::Unavailable`]. No message holds a password, a hash or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The grant does not allow it.
    #[error("not granted: {0}")]
    Denied(String),
    /// The request is wrong in itself.
    #[error("{0}")]
    Invalid(String),
    /// A password, a token or a claim is over its limit, in bytes.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit: usize,
    },
    /// The token is not to be believed.
    #[error("the token is rejected: {0}")]
    Rejected(Rejection),
    /// What the grant allows is used up; the word names the bound.
    #[error("over the quota `{0}`")]
    Quota(&'static str),
    /// Too many passwords are waiting to be hashed. Retryable.
    #[error("too many passwords are waiting to be hashed")]
    Overloaded,
    /// No answer in time. Retryable.
    #[error("no answer within {limit:?}")]
    Deadline {
        /// The deadline that passed.
        limit: Duration,
    },
    /// The keys cannot be reached. Retryable.
    #[error("the keys are unavailable")]
    Unavailable,
}

impl Error {
    /// A short stable word for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Invalid(_) => "invalid",
            Self::TooLarge { .. } => "too-large",
            Self::Rejected(_) => "rejected",
            Self::Quota(_) => "quota",
            Self::Overloaded => "overloaded",
            Self::Deadline { .. } => "deadline",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is no token, or not one of this form.
    #[error("malformed")]
    Malformed,
    /// It was not signed, or changed since, or names another algorithm than the key's.
    #[error("wrong signature")]
    Signature,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come.
    #[error("not good yet")]
    NotYet,
    /// It is meant for another audience.
    #[error("wrong audience")]
    Audience,
    /// Somebody else signed it.
    #[error("wrong issuer")]
    Issuer,
    /// It names a key that this identity does not have.
    #[error("unknown key")]
    UnknownKey,
}

/// What was found of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the password.
    pub matches: bool,
    /// Where it is, and the hash is weaker than those made today: a new one.
    pub rehash: Option<String>,
}

/// What a token is to say. The host adds the issuer and the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whom it speaks of: 1 to [`NAME_BYTES_MAX`] bytes.
    pub subject: String,
    /// For whom it is, 1 to [`NAME_BYTES_MAX`] bytes.
    pub audience: Option<String>,
    /// For how many seconds it is good, at least one.
    pub seconds: u64,
    /// Tells it from all others, 1 to [`NAME_BYTES_MAX`] bytes.
    pub id: Option<String>,
    /// Further claims: the text of a JSON object without registered names, or empty.
    pub extra: String,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whom it speaks of.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// For whom it is.
    pub audience: Option<String>,
    /// When it was signed, in seconds since 1970.
    pub issued_at: u64,
    /// From when on it is not good any more, in seconds since 1970.
    pub expires_at: u64,
    /// Tells it from all others.
    pub id: Option<String>,
    /// All other claims: the text of a JSON object.
    pub extra: String,
}

/// Keys that sign for one issuer, without grants: what a backend implements. It never gives a private key away.
///
/// A backend bounds its own waiting. It publishes a key for [`PUBLISHED_SECONDS_BEFORE`] before it signs, unless it is
/// the first, and until the last token that it may have signed is over.
#[async_trait::async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Who signs: the `iss` of tokens, 1 to [`NAME_BYTES_MAX`] bytes.
    fn issuer(&self) -> &str;

    /// All keys that good tokens may be signed with, and those that will sign next. Answered from memory: whoever keeps
    /// keys elsewhere keeps a copy here and renews it by itself.
    fn public_keys(&self) -> Arc<[PublicKey]>;

    /// The key that signs now. It is one of [`Self::public_keys`].
    async fn signing_key(&self) -> Result<PublicKey, Error>;

    /// Signs bytes with the key of this id, which [`Self::signing_key`] answered a moment ago. The form is JWS's: 64
    /// bytes for both algorithms.
    async fn sign(&self, key_id: &str, message: &[u8]) -> Result<Vec<u8>, Error>;

    /// Publishes a new key, which signs when everybody had the time to learn it. Does nothing while one is waiting for
    /// that already.
    async fn rotate(&self) -> Result<(), Error>;
}

/// Seconds since 1970. A clock that is set before that says 0.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
