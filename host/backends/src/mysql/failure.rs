//! Why a server gave no answer, and what that is to a guest. The server is the guest's own, so its words may be told;
//! those about our side of the connection are not.

use stoa_capabilities::mysql::Error;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// What was asked is refused, in these words. The server can be asked something else.
    Refused(String),
    /// A value has no form in the contract. What comes behind it can be read.
    Value(String),
    /// More is sent than is read.
    TooLarge,
    /// The connection can no longer be used, and why. Nothing can follow.
    Broken(&'static str),
}

impl Failure {
    /// The connection ended.
    pub(super) const LOST: Self = Self::Broken("the connection to the server was lost");
    /// A packet ends before all of it was read.
    pub(super) const SHORT: Self = Self::Broken("the server sent a packet that is cut off");
    /// A packet is not what belongs in its place.
    pub(super) const UNEXPECTED: Self =
        Self::Broken("the server sent a packet that does not belong there");
}

/// Why there is no connection.
pub(super) fn connecting(failure: Failure) -> Error {
    Error::ConnectionFailed(match failure {
        Failure::Refused(words) | Failure::Value(words) => words,
        Failure::TooLarge => "the server sends more than a login needs".into(),
        Failure::Broken(why) => why.into(),
    })
}

/// Why a statement failed.
pub(super) fn querying(failure: Failure, result_bytes_max: usize) -> Error {
    match failure {
        Failure::Refused(words) => Error::QueryFailed(words),
        Failure::Value(words) => Error::ValueConversionFailed(words),
        Failure::TooLarge => Error::TooLarge(result_bytes_max),
        Failure::Broken(why) => Error::QueryFailed(why.into()),
    }
}
