//! Between the generated types and ours, which exist without a host too.

use super::bindings::stoa::identity::types;
use crate::identity::{Claims, Error, Rejection, Verified};

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::NoSuchIdentity => Self::NoSuchIdentity,
            types::Error::Denied(what) => Self::Denied(what),
            types::Error::Invalid(what) => Self::Invalid(what),
            types::Error::TooLarge(limit) => Self::TooLarge { limit },
            types::Error::Rejected(why) => Self::Rejected(why.into()),
            types::Error::Quota(what) => Self::Quota(what),
            types::Error::Overloaded => Self::Overloaded,
            types::Error::Deadline => Self::Deadline,
            types::Error::Unavailable => Self::Unavailable,
            types::Error::Other(failure) => Self::Other {
                code: failure.code,
                message: failure.message,
            },
        }
    }
}

impl From<types::Rejection> for Rejection {
    fn from(rejection: types::Rejection) -> Self {
        match rejection {
            types::Rejection::Malformed => Self::Malformed,
            types::Rejection::Signature => Self::Signature,
            types::Rejection::Expired => Self::Expired,
            types::Rejection::NotYet => Self::NotYet,
            types::Rejection::Audience => Self::Audience,
            types::Rejection::Issuer => Self::Issuer,
            types::Rejection::UnknownKey => Self::UnknownKey,
        }
    }
}

impl From<Claims> for types::Claims {
    fn from(claims: Claims) -> Self {
        Self {
            subject: claims.subject,
            audience: claims.audience,
            seconds: claims.seconds,
            id: claims.id,
            extra: claims.extra,
        }
    }
}

impl From<types::Verified> for Verified {
    fn from(verified: types::Verified) -> Self {
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
