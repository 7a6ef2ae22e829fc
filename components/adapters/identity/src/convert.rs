//! Between the generated types and ours.

use crate::bindings::exports::stoa::identity::types;
use crate::error::{Error, Rejection};
use crate::passwords::Verdict;
use crate::tokens::Verified;

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchIdentity => Self::NoSuchIdentity,
            Error::Denied(what) => Self::Denied(what),
            Error::Invalid(what) => Self::Invalid(what),
            Error::TooLarge(limit) => Self::TooLarge(limit),
            Error::Rejected(rejection) => Self::Rejected(rejection.into()),
            Error::Unavailable => Self::Unavailable,
            Error::Other { code, message } => Self::Other(types::Failure {
                code: code.to_owned(),
                message,
            }),
        }
    }
}

impl From<Rejection> for types::Rejection {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Malformed => Self::Malformed,
            Rejection::Signature => Self::Signature,
            Rejection::Expired => Self::Expired,
            Rejection::NotYet => Self::NotYet,
            Rejection::Audience => Self::Audience,
            Rejection::Issuer => Self::Issuer,
            Rejection::UnknownKey => Self::UnknownKey,
        }
    }
}

impl From<Verdict> for types::Verdict {
    fn from(verdict: Verdict) -> Self {
        Self {
            matches: verdict.matches,
            rehash: verdict.rehash,
        }
    }
}

impl From<Verified> for types::Verified {
    fn from(verified: Verified) -> Self {
        let Verified {
            subject,
            issuer,
            audience,
            issued_at,
            expires_at,
            id,
            extra,
        } = verified;
        Self {
            subject,
            issuer,
            audience,
            issued_at,
            expires_at,
            id,
            extra,
        }
    }
}
