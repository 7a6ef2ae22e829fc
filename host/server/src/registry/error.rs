//! Why an image was not pulled or pushed, or a file not fetched. No message has a password or a token, nor what a registry wrote beyond a word.

use anyhow::Context;

use crate::commands::Invalid;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Credentials(String),
    #[error(
        "{host} does not allow this: {reason}\n  = hint: `stoa registry login {host} --username …` says who asks"
    )]
    Denied { host: String, reason: String },
    #[error("there is no `{what}` in the registry")]
    Missing { what: String },
    #[error("`{reference}` cannot be used: {reason}")]
    Unusable { reference: String, reason: String },
    #[error("this is too large for an image: {reason}")]
    TooLarge { reason: String },
    #[error("what {host} sent for {what} is something else: {reason}")]
    Damaged {
        host: String,
        what: String,
        reason: String,
    },
    #[error("`{what}` cannot be fetched: {reason}")]
    Unfetched { what: String, reason: String },
    #[error("no connection can be set up: {0}")]
    SetUp(String),
    #[error("{host} cannot be reached: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("{host} does not answer like a registry: {reason}")]
    Answer { host: String, reason: String },
}

impl Error {
    /// As a command fails with it: what the user can mend is bad input.
    pub(crate) fn told(self) -> anyhow::Error {
        match self {
            Self::Credentials(_)
            | Self::Denied { .. }
            | Self::Missing { .. }
            | Self::Unusable { .. }
            | Self::TooLarge { .. } => Invalid(self.to_string()).into(),
            Self::Damaged { .. }
            | Self::Unfetched { .. }
            | Self::SetUp(_)
            | Self::Unreachable { .. }
            | Self::Answer { .. } => anyhow::Error::msg(self.to_string()),
        }
    }
}

/// Does the work of a command. One thread is enough for it.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T, Error>>) -> anyhow::Result<T> {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a thread for the connection")?;
    executor.block_on(work).map_err(Error::told)
}
