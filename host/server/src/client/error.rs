//! Why a command over the admin API did not do its work.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use crate::admin::messages::Problem;
use crate::commands::Invalid;

use super::show;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "no host is running here: `{}` is missing; start one with `stoa up`, or name one with `--host`",
        file.display()
    )]
    NotRunning { file: PathBuf },
    #[error(
        "there is no token for {host}\n  = hint: give it in a file by `--token-file` or in the environment as \
         `STOA_TOKEN`, or show a certificate by `--client-cert` and `--client-key`"
    )]
    NoToken { host: String },
    #[error("cannot read {what} from `{}`: {reason}", file.display())]
    File {
        what: &'static str,
        file: PathBuf,
        /// Never what the file holds.
        reason: String,
    },
    #[error("`{written}` is not the address of a host: {reason}")]
    Address {
        written: String,
        reason: &'static str,
    },
    #[error("the token has characters that no token has")]
    Token,
    #[error("client certificate and key cannot be used together: {0}")]
    Identity(rustls::Error),
    #[error("no connection can be set up: {0}")]
    SetUp(String),
    #[error("{host} cannot be reached: {reason}{}", of_ended(found.as_ref()))]
    Unreachable {
        host: String,
        reason: String,
        /// The file that named the host.
        found: Option<PathBuf>,
    },
    #[error(
        "no connection by TLS to {host}: {reason}\n  = hint: `--ca` names the certificates to trust, `--client-cert` \
         and `--client-key` what to show"
    )]
    Tls { host: String, reason: String },
    #[error(
        "{host} does not accept this token or certificate\n  = hint: its token is in `admin.token` of its state \
         directory: name a copy by `--token-file`"
    )]
    Denied { host: String },
    /// The host's own words.
    #[error("{}", show::refusal(.0))]
    Refused(Box<Problem>),
    #[error("{host} does not answer like a host of Stoa: {reason}")]
    Answer { host: String, reason: String },
    #[error(
        "the connection to {host} ended before its answer: {reason}\n  = hint: whether it was done is not known: see \
         `stoa status`"
    )]
    Lost { host: String, reason: String },
}

impl Error {
    /// Whether whoever called can mend it, by another argument, file or manifest.
    fn is_mendable(&self) -> bool {
        match self {
            Self::NoToken { .. }
            | Self::File { .. }
            | Self::Address { .. }
            | Self::Token
            | Self::Identity(_)
            | Self::Tls { .. }
            | Self::Denied { .. } => true,
            // A conflict, a full host and one that is too slow are not in what was sent.
            Self::Refused(problem) => {
                (400..500).contains(&problem.status) && ![408, 409, 429].contains(&problem.status)
            }
            Self::NotRunning { .. }
            | Self::SetUp(_)
            | Self::Unreachable { .. }
            | Self::Answer { .. }
            | Self::Lost { .. } => false,
        }
    }

    /// As a command fails with it.
    pub(crate) fn told(self) -> anyhow::Error {
        match self.is_mendable() {
            true => Invalid(self.to_string()).into(),
            false => anyhow::Error::msg(self.to_string()),
        }
    }
}

/// An address that was found in a file may be that of a host which could not remove it.
fn of_ended(found: Option<&PathBuf>) -> String {
    found.map_or_else(String::new, |file| {
        format!(
            "\n  = hint: `{}` may be left over from a host that was killed; start one with `stoa up`",
            file.display()
        )
    })
}

/// What TLS says, wherever in the causes it stands.
pub(super) fn of_tls(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(error.to_string());
        }
        // Such an error passes over what it holds and names the cause of that.
        let held = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

/// The cause of all causes: the others only say who asked whom, and with which address.
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> Error {
        Error::Refused(Box::new(Problem {
            code: "x".into(),
            title: "no".into(),
            status,
            problems: Vec::new(),
            differences: Vec::new(),
            missing: Vec::new(),
            serving: None,
        }))
    }

    #[test]
    fn what_the_user_can_mend_is_bad_input() {
        let host = || "http://127.0.0.1:3001".to_owned();
        let mendable = [
            Error::Denied { host: host() },
            Error::NoToken { host: host() },
            refused(403),
            refused(404),
            refused(422),
        ];
        for error in mendable {
            let text = error.to_string();
            assert!(error.told().is::<Invalid>(), "{text}");
        }
        let others = [
            Error::NotRunning { file: "x".into() },
            Error::Lost {
                host: host(),
                reason: "gone".into(),
            },
            refused(409),
            refused(429),
            refused(503),
        ];
        for error in others {
            let text = error.to_string();
            assert!(!error.told().is::<Invalid>(), "{text}");
        }
    }

    #[test]
    fn tls_is_found_inside_errors_of_input_and_output() {
        let inner = rustls::Error::General("untrusted".into());
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, inner));
        assert_eq!(
            of_tls(&wrapped).as_deref(),
            Some("unexpected error: untrusted")
        );
        assert_eq!(of_tls(&io::Error::other("refused")), None);
    }
}
