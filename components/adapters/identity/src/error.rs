//! Why an operation did not happen: as every identity says it, or in words that only this adapter has. No message holds
//! a password, a hash or a token.

/// Why an operation did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("no identity of this label is declared")]
    NoSuchIdentity,
    #[error("not granted: {0}")]
    Denied(String),
    #[error("{0}")]
    Invalid(String),
    /// Carries the limit in bytes.
    #[error("larger than the limit of {0} bytes")]
    TooLarge(u64),
    #[error("the token is rejected")]
    Rejected(Rejection),
    /// A variable could not be read, or a password not be hashed, and the log says why.
    #[error("the keys are unavailable")]
    Unavailable,
    /// What only this adapter answers: `other`.
    #[error("{message}")]
    Other {
        /// For programs; stays the same.
        code: &'static str,
        /// For people.
        message: String,
    },
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    Malformed,
    Signature,
    Expired,
    NotYet,
    Audience,
    Issuer,
    UnknownKey,
}

impl Error {
    /// The component's manifest does not say what it was granted.
    pub(crate) fn no_grants(message: impl Into<String>) -> Self {
        Self::other("no-grants", message)
    }

    /// The component's manifest does not say with which keys.
    pub(crate) fn no_keys(message: impl Into<String>) -> Self {
        Self::other("no-keys", message)
    }

    /// Spin has nobody who would keep a private key.
    pub(crate) fn no_signing() -> Self {
        let message =
            "signing cannot be promised on Spin: production signing keys stay out of components";
        Self::other("not-portable", message)
    }

    fn other(code: &'static str, message: impl Into<String>) -> Self {
        Self::Other {
            code,
            message: message.into(),
        }
    }
}
