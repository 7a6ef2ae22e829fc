//! Which deploys were sent and which were answered, and so which releases may serve.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;

use crate::accept::deploy::admin::Admin;
use crate::accept::deploy::release::numbered;
use crate::accept::deploy::said::{self, Said};
use crate::accept::deploy::wait;

/// A deploy that goes on while it is looked at moves what serves; it is over before this.
const STEADY_MAX: Duration = Duration::from_secs(60);

/// Numbers of releases: the last that was sent, the last that was answered or seen to serve, and its version.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    sent: u64,
    promised: u64,
    version: u64,
}

/// What serves, from one moment without a change.
struct Serving {
    version: u64,
    release: u64,
    said: Vec<Said>,
}

impl Ledger {
    pub(super) fn send(&mut self, number: u64) {
        self.sent = self.sent.max(number);
    }

    pub(super) fn acknowledge(&mut self, number: u64) {
        self.promised = self.promised.max(number);
    }

    /// Asks the components and the status, which must all speak of one release, and one that may serve.
    pub(super) fn check(
        &mut self,
        admin: &Admin,
        address: SocketAddr,
        components: impl IntoIterator<Item = &'static str> + Clone,
    ) -> anyhow::Result<u64> {
        let serving = wait::until(STEADY_MAX, "nothing changes for a moment", || {
            serving(admin, address, components.clone())
        })?;
        let number = one(&serving.said)?;
        let manifest = admin.manifest(serving.release)?;
        let expected = numbered(number);
        ensure!(
            manifest.contains(&expected),
            "the status names release {}, which is not the one that answers with {expected}",
            serving.release
        );
        self.judge(number, serving.version)?;
        Ok(number)
    }

    /// Whether this number may serve in this version. It is a promise from then on.
    fn judge(&mut self, number: u64, version: u64) -> anyhow::Result<()> {
        ensure!(
            number >= self.promised,
            "release {number} serves, but {} was answered or served before",
            self.promised
        );
        ensure!(
            number <= self.sent,
            "release {number} serves, which nobody deployed"
        );
        ensure!(
            version >= self.version,
            "version {version} is in force after {}",
            self.version
        );
        self.promised = number;
        self.version = version;
        Ok(())
    }
}

/// What serves, unless it changes meanwhile.
fn serving(
    admin: &Admin,
    address: SocketAddr,
    components: impl IntoIterator<Item = &'static str>,
) -> anyhow::Result<Option<Serving>> {
    let before = admin.status()?;
    let said = components
        .into_iter()
        .map(|component| said::now(address, component))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let after = admin.status()?;
    let is_steady = before.version == after.version;
    Ok(is_steady.then_some(Serving {
        version: after.version,
        release: after.stable,
        said,
    }))
}

/// The one number that all components have said.
fn one(said: &[Said]) -> anyhow::Result<u64> {
    let mut numbers: Vec<u64> = said.iter().map(|said| said.number).collect();
    numbers.dedup();
    ensure!(
        numbers.len() == 1,
        "components of several releases serve: {said:?}"
    );
    Ok(numbers[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_does_not_go_away() {
        let ledger = || Ledger {
            sent: 5,
            promised: 3,
            version: 7,
        };
        assert!(ledger().judge(2, 8).is_err());
        assert!(ledger().judge(6, 8).is_err());
        assert!(ledger().judge(4, 6).is_err());
        let mut ledger = ledger();
        ledger.judge(4, 8).expect("it was sent");
        assert!(ledger.judge(3, 9).is_err());
    }

    #[test]
    fn half_a_deploy_is_none() {
        let said = |number| Said {
            word: "w".to_owned(),
            number,
        };
        assert!(one(&[said(1), said(2)]).is_err());
        assert!(one(&[]).is_err());
        assert_eq!(one(&[said(2), said(2)]).expect("they agree"), 2);
    }
}
