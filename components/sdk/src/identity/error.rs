//! Why an operation did not happen.

/// Why an operation did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No identity of this label was granted. An identity that does not exist answers the same.
    #[error("no identity of this label was granted")]
    NoSuchIdentity,
    /// The grant does not allow this: an operation, an audience, or a token that is good for so long.
    #[error("denied: {0}")]
    Denied(String),
    /// The request itself is wrong: an empty password, a hash of another kind, claims that are no JSON object.
    #[error("invalid: {0}")]
    Invalid(String),
    /// A password, a token or a claim is larger than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The token is not to be believed.
    #[error("the token is rejected: {0}")]
    Rejected(Rejection),
    /// What the grant allows is used up; says what.
    #[error("quota is used up: {0}")]
    Quota(String),
    /// Too many passwords are waiting to be hashed. Try again.
    #[error("too many passwords are waiting")]
    Overloaded,
    /// Try again.
    #[error("no answer in time")]
    Deadline,
    /// The keys cannot be reached. Try again.
    #[error("keys are unavailable")]
    Unavailable,
    /// A failure without a case of its own. `code` is stable and for programs, `message` is for people.
    #[error("{code}: {message}")]
    Other { code: String, message: String },
}

/// What is wrong with a token. Whoever sent it is not to be believed; which it was is for your log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("malformed")]
    Malformed,
    /// It was not signed, or changed since, or names another algorithm than the key's.
    #[error("wrong signature")]
    Signature,
    #[error("expired")]
    Expired,
    #[error("not good yet")]
    NotYet,
    #[error("wrong audience")]
    Audience,
    #[error("wrong issuer")]
    Issuer,
    #[error("unknown key")]
    UnknownKey,
}
