//! What serves: a stable release, perhaps a candidate, and what was observed of both since.

use std::sync::Arc;
use std::time::Instant;

use stoa_capabilities::releases::Change;
use stoa_gateway::traffic::{self, Found, Observed, Snapshot};

use super::machine::Machine;
use super::plan::Plan;
use super::prepared::Prepared;
use super::refused::Refused;
use super::shadow::Power;
use crate::admin::messages::{self, Strategy};
use crate::blobs::AnswerBody;

/// The change that this host serves. Immutable: the next change is another one.
pub(super) struct Serving {
    pub(super) version: u64,
    pub(super) stable: Arc<Prepared>,
    pub(super) observed: Arc<Observed>,
    pub(super) candidate: Option<Candidate>,
    /// On this host.
    pub(super) since: Instant,
}

/// A release beside the stable one.
pub(super) struct Candidate {
    pub(super) release: Arc<Prepared>,
    pub(super) plan: Plan,
    pub(super) observed: Arc<Observed>,
    /// What a mirror found.
    pub(super) found: Arc<Found>,
}

impl Candidate {
    pub(super) fn new(release: Arc<Prepared>, plan: Plan) -> Self {
        Self {
            release,
            plan,
            observed: Arc::default(),
            found: Arc::default(),
        }
    }

    /// The same release under another plan, observed anew.
    pub(super) fn under(&self, plan: Plan) -> Self {
        Self {
            release: Arc::clone(&self.release),
            plan,
            observed: Arc::default(),
            found: Arc::clone(&self.found),
        }
    }
}

impl Serving {
    /// What a change says: a stable release, and perhaps a candidate beside it.
    pub(super) fn of(
        change: &Change,
        stable: Arc<Prepared>,
        candidate: Option<Candidate>,
        before: &Self,
    ) -> Self {
        let serving = Self::stable(change, stable, before);
        match candidate {
            Some(candidate) => serving.with(change, candidate),
            None => serving,
        }
    }

    /// One release for everybody. What was observed of it goes on where it was stable before.
    pub(super) fn stable(change: &Change, release: Arc<Prepared>, before: &Self) -> Self {
        let observed = match Arc::ptr_eq(&release, &before.stable) {
            true => Arc::clone(&before.observed),
            false => Arc::default(),
        };
        Self {
            version: change.version,
            stable: release,
            observed,
            candidate: None,
            since: Instant::now(),
        }
    }

    /// The same stable release with a candidate. Both are observed from now on, so that they can be compared.
    pub(super) fn with(&self, change: &Change, candidate: Candidate) -> Self {
        Self {
            version: change.version,
            stable: Arc::clone(&self.stable),
            observed: Arc::default(),
            candidate: Some(candidate),
            since: Instant::now(),
        }
    }

    /// Nothing is deployed yet.
    pub(super) fn nothing() -> Self {
        Self {
            version: 0,
            stable: Arc::new(Prepared::nothing()),
            observed: Arc::default(),
            candidate: None,
            since: Instant::now(),
        }
    }

    pub(super) fn releases(&self) -> Vec<&Prepared> {
        let candidate = self.candidate.iter().map(|candidate| &*candidate.release);
        std::iter::once(&*self.stable).chain(candidate).collect()
    }

    /// A release that serves here, in whatever power.
    pub(super) fn release(&self, number: u64) -> Option<Arc<Prepared>> {
        let candidate = self.candidate.as_ref();
        match candidate.filter(|candidate| candidate.release.number == number) {
            Some(candidate) => Some(Arc::clone(&candidate.release)),
            None => (number == self.stable.number).then(|| Arc::clone(&self.stable)),
        }
    }

    /// A release that serves here already, in the power that is asked for.
    pub(super) fn ready(&self, number: u64, power: Power) -> Option<&Arc<Prepared>> {
        let candidate = self.candidate.iter().map(|candidate| &candidate.release);
        std::iter::once(&self.stable)
            .chain(candidate)
            .find(|release| release.number == number && release.power == power)
    }

    pub(super) fn expect(&self, version: Option<u64>) -> Result<(), Refused> {
        match version {
            Some(expected) if expected != self.version => Err(Refused::Conflict {
                expected,
                current: self.version,
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn expect_no_candidate(&self) -> Result<(), Refused> {
        match &self.candidate {
            Some(candidate) => Err(Refused::Candidate(candidate.release.number)),
            None => Ok(()),
        }
    }

    /// A candidate needs a stable release beside it.
    pub(super) fn expect_something_beside(&self, strategy: &Strategy) -> Result<(), Refused> {
        match strategy {
            Strategy::AllAtOnce => Ok(()),
            _ if self.version > 0 => Ok(()),
            _ => Err(Refused::Nothing(
                "nothing serves yet that a candidate could be tried beside: deploy the first release all at once",
            )),
        }
    }

    /// For the gateway.
    pub(super) fn snapshot(&self, machine: &Machine) -> Snapshot<AnswerBody> {
        let candidate = self.candidate.as_ref().map(|candidate| traffic::Candidate {
            lane: machine.lane(&candidate.release, &candidate.observed),
            plan: candidate.plan.traffic(&candidate.found),
            key: candidate.plan.key.clone(),
        });
        Snapshot {
            stable: machine.lane(&self.stable, &self.observed),
            candidate,
        }
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        let (stable, version) = (self.stable.number, self.version);
        match &self.candidate {
            None if version == 0 => "nothing is deployed yet".to_owned(),
            None => format!("release {stable} serves (version {version})"),
            Some(candidate) => format!(
                "release {stable} serves, release {} is a candidate (version {version})",
                candidate.release.number
            ),
        }
    }

    pub(super) fn lane(&self) -> messages::Lane {
        lane(&self.stable, &self.observed)
    }
}

impl Candidate {
    pub(super) fn lane(&self) -> messages::Lane {
        lane(&self.release, &self.observed)
    }

    pub(super) fn mirrored(&self) -> Option<messages::Mirrored> {
        let found = &self.found;
        self.plan.mirrors().then(|| messages::Mirrored {
            same: found.same(),
            different: found.different(),
            skipped: found.skipped(),
            differences: found.differences(),
        })
    }
}

fn lane(release: &Prepared, observed: &Observed) -> messages::Lane {
    messages::Lane {
        release: release.number,
        components: release.components(),
        requests: observed.requests(),
        errors: observed.errors(),
        p95_ms: observed.p95().map(|p95| p95.as_secs_f64() * 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::messages::{Canary, Mirror};

    #[test]
    fn the_first_release_is_no_candidate() {
        let nothing = Serving::nothing();
        for strategy in [
            Strategy::BlueGreen,
            Strategy::Canary(Canary::default()),
            Strategy::Mirror(Mirror::default()),
        ] {
            let refused = nothing.expect_something_beside(&strategy);
            let refused = refused.expect_err("there is nothing beside it");
            assert_eq!(refused.code(), "nothing-to-do", "{strategy:?}");
        }
        assert!(
            nothing
                .expect_something_beside(&Strategy::AllAtOnce)
                .is_ok()
        );
    }

    #[test]
    fn another_version_than_the_expected_one_is_a_conflict() {
        let nothing = Serving::nothing();
        let refused = nothing.expect(Some(7)).expect_err("it is 0");
        assert_eq!(refused.code(), "conflict");
        assert!(nothing.expect(Some(0)).is_ok());
        assert!(nothing.expect(None).is_ok());
    }

    #[test]
    fn what_does_not_serve_is_not_found() {
        let nothing = Serving::nothing();
        assert!(nothing.release(1).is_none());
        assert!(nothing.release(0).is_some());
    }
}
