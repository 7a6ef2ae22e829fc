//! Why a deploy, a promotion or a rollback did not happen: for a person, and as a stable word for programs.

use stoa_capabilities::releases::{self, Digest};

use crate::admin::messages::{Difference, Problem};

/// Nothing was published, unless it says that this is not known. What served before serves on.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The release cannot serve: everything that is wrong with it.
    Invalid(Vec<String>),
    /// Files that were not uploaded.
    Missing(Vec<Digest>),
    /// It may do more than the stable release, and nobody allowed that.
    NewGrants(Vec<Difference>),
    /// It is not signed by a key that this host knows, and has to be.
    Unsigned(String),
    /// Somebody else changed what serves in the meantime.
    Conflict { expected: u64, current: u64 },
    /// A candidate is live: it has to be promoted or rolled back first.
    Candidate(u64),
    /// There is nothing to promote or to go back to.
    Nothing(&'static str),
    /// There is no such release.
    Unknown(u64),
    /// Too many deploys wait, or old revisions took too long to drain.
    Busy(&'static str),
    /// The history cannot be reached or read.
    Unavailable(String),
    /// The history gave no answer to a change: it may be recorded, and serves then as soon as this host learns of it.
    Uncertain(String),
    /// This host cannot serve the latest change of the history, so that it can make none after it.
    Behind(String),
}

impl Refused {
    /// A stable word.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Missing(_) => "missing-files",
            Self::NewGrants(_) => "new-grants",
            Self::Unsigned(_) => "unsigned",
            Self::Conflict { .. } => "conflict",
            Self::Candidate(_) => "candidate-is-live",
            Self::Nothing(_) => "nothing-to-do",
            Self::Unknown(_) => "unknown-release",
            Self::Busy(_) => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::Uncertain(_) => "uncertain",
            Self::Behind(_) => "behind",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 422,
            Self::NewGrants(_) | Self::Unsigned(_) => 403,
            Self::Missing(_) | Self::Conflict { .. } | Self::Candidate(_) | Self::Nothing(_) => 409,
            Self::Unknown(_) => 404,
            Self::Busy(_) | Self::Unavailable(_) | Self::Uncertain(_) | Self::Behind(_) => 503,
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Invalid(_) => "the release cannot serve".into(),
            Self::Missing(files) => format!("{} files were not uploaded", files.len()),
            Self::NewGrants(_) => "the release may do more than the one that serves".into(),
            Self::Unsigned(why) => format!("the release is not signed as this host asks: {why}"),
            Self::Conflict { expected, current } => format!(
                "version {current} is in force, not version {expected}: somebody else changed what serves"
            ),
            Self::Candidate(release) => {
                format!("release {release} is a candidate: promote it or roll it back first")
            }
            Self::Nothing(why) => (*why).into(),
            Self::Unknown(release) => format!("there is no release {release}"),
            Self::Busy(why) => (*why).into(),
            Self::Unavailable(why) => format!("the release history cannot be used: {why}"),
            Self::Uncertain(why) => format!(
                "whether this was recorded is not known, `stoa status` will tell; if it was, it serves as soon as the \
                 history can be read: {why}"
            ),
            Self::Behind(why) => {
                format!("this host cannot serve the latest change, and makes none after it: {why}")
            }
        }
    }

    /// In the words of somebody who asked for another change than the one that could not be followed.
    pub(super) fn while_following(self) -> Self {
        match self {
            Self::Unavailable(_) | Self::Busy(_) => self,
            other => Self::Behind(other.to_string()),
        }
    }

    /// As the admin API answers it; `serving` says what serves on.
    pub(crate) fn problem(&self, serving: String) -> Problem {
        let mut problem = Problem {
            code: self.code().into(),
            title: self.title(),
            status: self.status(),
            problems: Vec::new(),
            differences: Vec::new(),
            missing: Vec::new(),
            serving: Some(serving),
        };
        match self {
            Self::Invalid(problems) => problem.problems.clone_from(problems),
            Self::NewGrants(differences) => problem.differences.clone_from(differences),
            Self::Missing(files) => problem.missing.clone_from(files),
            _ => {}
        }
        problem
    }
}

/// As a line of the log.
impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title())?;
        match self {
            Self::Invalid(problems) => write!(f, ": {}", problems.join("; ")),
            _ => Ok(()),
        }
    }
}

impl From<releases::Error> for Refused {
    fn from(error: releases::Error) -> Self {
        match error {
            releases::Error::UnknownRelease(number) => Self::Unknown(number),
            releases::Error::Missing(files) => Self::Missing(files),
            error => Self::Unavailable(format!("{:#}", anyhow::Error::new(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_latest_change_is_not_said_of_the_one_that_was_asked_for() {
        let wrong = Refused::Invalid(vec!["component `a`: no instance starts".into()]);
        let told = wrong.while_following();
        assert_eq!(told.code(), "behind");
        let problem = told.problem("release 1 serves (version 1)".into());
        assert_eq!(problem.status, 503);
        assert!(problem.title.contains("component `a`"), "{}", problem.title);
        let away = Refused::Unavailable("no route".into()).while_following();
        assert_eq!(away.code(), "unavailable");
    }
}
